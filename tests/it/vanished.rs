//! Clients that vanish: no packet comes from them or reaches them any more.
//!
//! Needs network namespaces, so root on Linux with `ip`; says so and passes where there are none.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::fd::AsFd as _,
    process::Command,
    time::{Duration, Instant},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;
use tickwire::app::App;

use crate::support::{
    http::value,
    raw::{frame, handshake},
    server,
};

/// Two namespaces, and a cable between them; taken away when dropped.
struct Cable {
    server: String,
    client: String,
}

fn ip(arguments: &str) -> bool {
    let status = Command::new("ip").args(arguments.split(' ')).output();
    status.is_ok_and(|output| output.status.success())
}

impl Cable {
    fn lay() -> Option<Self> {
        let id = std::process::id();
        let cable = Self {
            server: format!("tickwire-{id}-s"),
            client: format!("tickwire-{id}-c"),
        };
        let (server, client) = (&cable.server, &cable.client);
        let commands = [
            format!("netns add {server}"),
            format!("netns add {client}"),
            format!("link add twserver netns {server} type veth peer name twclient netns {client}"),
            format!("-n {server} address add 10.7.7.1/24 dev twserver"),
            format!("-n {client} address add 10.7.7.2/24 dev twclient"),
            format!("-n {server} link set lo up"),
            format!("-n {server} link set twserver up"),
            format!("-n {client} link set twclient up"),
        ];
        commands.iter().all(|command| ip(command)).then_some(cable)
    }

    fn cut(&self) {
        assert!(ip(&format!("-n {} link set twclient down", self.client)));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.server));
        ip(&format!("netns del {}", self.client));
    }
}

/// Does something in a namespace.
fn inside<T: Send>(namespace: &str, what: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).expect("the namespace");
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(file.as_fd(), kind).expect("to enter the namespace");
            what()
        });
        thread.join().expect("a thread")
    })
}

fn get(address: &str, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).expect("a connection");
    let request = match path {
        "/ws" => handshake("/ws"),
        _ => format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    };
    socket.write_all(request.as_bytes()).expect("room to send");
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    socket
}

fn clients(address: &str, kind: &str) -> f64 {
    let mut page = String::new();
    let mut answer = get(address, "/metrics");
    answer.read_to_string(&mut page).expect("a page");
    value(&page, &format!("tickwire_clients{{kind=\"{kind}\"}}"))
}

fn push(address: &str) {
    let mut socket = TcpStream::connect(address).expect("a connection");
    let body = r#"{"name":"m","value":1}"#;
    let length = body.len();
    let request = format!(
        "POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).expect("room to send");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// How long it takes until streams and sockets that vanished are gone, with the shipped settings.
fn vanish(cable: &Cable, busy: bool) -> (Duration, Duration) {
    let folder = TempDir::new().expect("a folder");
    let mut config = server::config(folder.path(), "");
    config.server.listen = "10.7.7.1:0".parse().expect("an address");
    config.server.allow_unauthenticated = true;
    // The one who asks for the counts here asks often.
    config.server.requests_per_second = 10_000;
    inside(&cable.server, || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        let app = runtime
            .block_on(App::start(config, Default::default()))
            .expect("a server");
        let address = app.address().to_string();
        let held = inside(&cable.client, || {
            let mut socket = get(&address, "/ws");
            let subscribe = br#"{"type":"subscribe","topics":["metrics"],"since":"latest"}"#;
            socket.write_all(&frame(0x81, subscribe)).expect("room");
            let streams = ["/api/events/metrics", "/api/events/metrics?format=ndjson"];
            let streams = streams.map(|path| get(&address, path));
            (socket, streams)
        });
        // A quiet stream that stays: to wait on, a tenth of a second at a time.
        let mut quiet = get(&address, "/api/events/alerts");
        let tenth = Some(Duration::from_millis(100));
        quiet.set_read_timeout(tenth).expect("a time limit");
        assert_eq!(clients(&address, "sse"), 3.0);
        assert_eq!(clients(&address, "websocket"), 1.0);
        cable.cut();
        let begun = Instant::now();
        let (mut streams, mut sockets) = (None, None);
        while streams.is_none() || sockets.is_none() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{streams:?} {sockets:?}"
            );
            if busy {
                push(&address);
            }
            let _ = quiet.read(&mut [0; 256]);
            if clients(&address, "sse") == 1.0 {
                streams.get_or_insert(begun.elapsed());
            }
            if clients(&address, "websocket") == 0.0 {
                sockets.get_or_insert(begun.elapsed());
            }
        }
        drop(held);
        runtime.block_on(app.stop());
        (streams.unwrap_or_default(), sockets.unwrap_or_default())
    })
}

fn noticed(busy: bool) {
    let Some(cable) = Cable::lay() else {
        println!("skipped: this needs root, `ip` and network namespaces");
        return;
    };
    let (streams, sockets) = vanish(&cable, busy);
    println!("busy: {busy}; streams noticed after {streams:.1?}, sockets after {sockets:.1?}");
}

#[test]
fn clients_that_vanish_from_quiet_and_busy_streams_are_noticed_within_30_s() {
    noticed(false);
    noticed(true);
}
