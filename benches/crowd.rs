//! A crowd: 2,000 SSE clients and 500 sockets for a minute; none may be lost, and each must get every event.
//!
//! `cargo bench --bench crowd [-- SSE SOCKETS SECONDS]`. The server is this build's own binary in a process of its own,
//! with its real host source. Prints what was measured, and fails if a client was lost or missed something.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

/// What a client saw: the numbers of its events, in order.
struct Seen {
    kind: &'static str,
    numbers: Vec<u64>,
    lost: bool,
}

fn main() {
    let mut numbers = std::env::args().filter_map(|arg| arg.parse().ok());
    let mut next = |default: usize| numbers.next().unwrap_or(default);
    let (streams, sockets, seconds) = (next(2000), next(500), next(60));
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut server = start(data.path());
    let address = address_of(&mut server);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let good = runtime.block_on(watch_all(
        &address,
        &server,
        streams,
        sockets,
        seconds as u64,
    ));
    let _ = server.kill();
    let _ = server.wait();
    assert!(good, "a client was lost or missed an event");
}

fn start(data: &std::path::Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts")
}

fn address_of(server: &mut Child) -> String {
    let mut line = String::new();
    let out = server.stdout.take().expect("its output");
    BufReader::new(out)
        .read_line(&mut line)
        .expect("its first line");
    let address = line.trim().rsplit("http://").next().unwrap_or_default();
    address.to_owned()
}

async fn watch_all(
    address: &str,
    server: &Child,
    streams: usize,
    sockets: usize,
    seconds: u64,
) -> bool {
    let (stop, stopped) = watch::channel(false);
    let open = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for i in 0..streams + sockets {
        let (address, opened, stopped) = (address.to_owned(), open.clone(), stopped.clone());
        if i < streams {
            clients.spawn(stream(address, opened, stopped));
        } else {
            clients.spawn(socket(address, opened, stopped));
        }
        // As fast as the other side accepts, not faster: this is about staying, not about arriving.
        while open.load(Ordering::Relaxed) + 100 < i {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "clients could not connect"
            );
        }
    }
    while open.load(Ordering::Relaxed) < streams + sockets {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "clients could not connect"
        );
    }
    println!(
        "{streams} streams and {sockets} sockets open after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let cpu = cpu_seconds(server.id());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let cpu = cpu_seconds(server.id()) - cpu;
    println!(
        "server: {:.1} % of a core, {:.1} MiB resident",
        cpu / seconds as f64 * 100.0,
        resident_mib(server.id())
    );
    stop.send_replace(true);
    let mut seen = Vec::new();
    while let Some(client) = clients.join_next().await {
        seen.push(client.expect("a client's task"));
    }
    let lost = seen.iter().filter(|s| s.lost).count();
    println!("lost: {lost}");
    lost == 0
        && ["stream", "socket"]
            .into_iter()
            .all(|kind| complete(kind, &seen))
}

/// Whether all clients of a kind saw the same between the moment the last of them joined and the first one left.
fn complete(kind: &str, seen: &[Seen]) -> bool {
    let of_kind = || {
        seen.iter()
            .filter(|s| s.kind == kind && !s.numbers.is_empty())
    };
    let first = of_kind()
        .filter_map(|s| s.numbers.first())
        .max()
        .copied()
        .unwrap_or(0);
    let last = of_kind()
        .filter_map(|s| s.numbers.last())
        .min()
        .copied()
        .unwrap_or(0);
    let inside = |s: &Seen| -> Vec<u64> {
        let between = s
            .numbers
            .iter()
            .copied()
            .filter(|n| (first..=last).contains(n));
        between.collect()
    };
    let Some(expected) = of_kind().map(inside).max_by_key(Vec::len) else {
        return true;
    };
    let different = of_kind().filter(|s| inside(s) != expected).count();
    let silent = seen
        .iter()
        .filter(|s| s.kind == kind && s.numbers.is_empty())
        .count();
    println!(
        "{kind}s: {} events each, {different} different, {silent} silent",
        expected.len()
    );
    different == 0 && silent == 0 && !expected.is_empty()
}

async fn stream(
    address: String,
    open: Arc<AtomicUsize>,
    mut stopped: watch::Receiver<bool>,
) -> Seen {
    let mut seen = Seen {
        kind: "stream",
        numbers: Vec::new(),
        lost: true,
    };
    let url = format!("http://{address}/api/events/metrics");
    let Ok(response) = reqwest::get(url).await else {
        return seen;
    };
    open.fetch_add(1, Ordering::Relaxed);
    let mut bytes = response.bytes_stream();
    let mut rest: Vec<u8> = Vec::new();
    loop {
        tokio::select! {
            piece = bytes.next() => {
                let Some(Ok(piece)) = piece else { return seen };
                rest.extend_from_slice(&piece);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    seen.numbers.extend(number(&line, b"id: "));
                }
            }
            _ = stopped.changed() => break,
        }
    }
    seen.lost = false;
    seen
}

async fn socket(
    address: String,
    open: Arc<AtomicUsize>,
    mut stopped: watch::Receiver<bool>,
) -> Seen {
    let mut seen = Seen {
        kind: "socket",
        numbers: Vec::new(),
        lost: true,
    };
    let Ok((mut socket, _)) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await
    else {
        return seen;
    };
    let subscribe = r#"{"type":"subscribe","topics":["metrics"],"since":"latest"}"#;
    if socket.send(Message::text(subscribe)).await.is_err() {
        return seen;
    }
    open.fetch_add(1, Ordering::Relaxed);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.starts_with(r#"{"type":"metrics""#) => {
                    let from = text.find("\"position\":").unwrap_or(0);
                    seen.numbers.extend(number(&text.as_bytes()[from..], b"\"position\":"));
                }
                Some(Ok(_)) => {}
                _ => return seen,
            },
            _ = stopped.changed() => break,
        }
    }
    seen.lost = false;
    seen
}

/// The number of a position that follows `before`.
fn number(line: &[u8], before: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line.strip_prefix(before)?).ok()?;
    let (_, number) = text.split_once('-')?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |i: usize| {
        fields
            .get(i)
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    let kib: f64 = line
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    kib / 1024.0
}
