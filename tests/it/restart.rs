//! A restart as its clients live through it: told, spread, ended in time; and all of them come back and miss nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    Server, Socket, Stream,
    process::Process,
    raw::{asked, frame, handshake},
    rules::CPU_HIGH,
    socket::samples,
    within,
};

const CLIENTS: usize = 20;

fn values(events: &[crate::support::sse::Event]) -> Vec<f64> {
    let samples = events.iter().flat_map(|event| event.samples());
    samples.map(|(_, value)| value).collect()
}

/// A stream's client: before the restart, and after it with its last id.
async fn read_to_end(mut stream: Stream) -> (Vec<f64>, String, u64) {
    let (mut events, mut last, mut retry) = (Vec::new(), String::new(), 0);
    while let Some(event) = stream.next().await {
        last = event.id.clone().unwrap_or(last);
        if event.event == "draining" {
            retry = event.retry.or(event.data["retry"].as_u64()).unwrap_or(0);
        }
        events.push(event);
    }
    (values(&events), last, retry)
}

async fn come_back(process: &Process, path: &str, last: &str) -> Stream {
    let request = process.http.get(process.url(path));
    let answer = request.header("last-event-id", last).send();
    Stream::of(within("an answer", answer).await.expect("an answer"))
}

async fn subscribed(process: &Process, since: &str) -> Socket {
    let url = process.url("/ws").replacen("http", "ws", 1);
    let mut socket = Socket::at(&url).await;
    let subscribe = json!({ "type": "subscribe", "id": 1, "since": since });
    assert_eq!(socket.ask(subscribe).await["type"], "subscribed");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_comes_back_to_a_restarted_server_and_misses_nothing() {
    let toml = format!("[stream]\nretry = \"500ms\"\n{CPU_HIGH}");
    let mut process = Process::start(&toml).await;
    let path = "/api/events/all?topics=metrics,alerts";
    let lines = "/api/events/all?topics=metrics,alerts&format=ndjson";
    let paths: Vec<&str> = (0..CLIENTS)
        .map(|i| if i % 4 == 3 { lines } else { path })
        .collect();
    let streams = join_all(paths.iter().map(|path| process.stream(path))).await;
    let sockets = join_all((0..CLIENTS).map(|_| subscribed(&process, "latest"))).await;
    for value in 90..=95 {
        process.sample("cpu", value).await;
    }
    process.terminate();
    let begun = Instant::now();
    let ended = async {
        let streams = join_all(streams.into_iter().map(read_to_end));
        let sockets = join_all(
            sockets
                .into_iter()
                .map(|mut socket| async move { socket.closed().await }),
        );
        tokio::join!(streams, sockets)
    };
    let (streams, sockets) = ended.await;
    assert!(process.stopped().await.success());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    let whole: Vec<f64> = (90..=95).map(f64::from).collect();
    let mut retries = BTreeSet::new();
    for (values, _, retry) in &streams {
        assert_eq!(*values, whole);
        assert!((500..2000).contains(retry), "{retry}");
        retries.insert(*retry);
    }
    for (frames, code) in &sockets {
        assert_eq!(*code, Some(1001));
        retries.insert(frames.last().unwrap()["retry"].as_u64().unwrap());
        let metrics = frames.iter().filter(|f| f["type"] == "metrics");
        let seen: Vec<f64> = metrics.flat_map(samples).map(|(_, value)| value).collect();
        assert_eq!(seen, whole);
        assert!(frames.iter().any(|f| f["transition"] == "fired"));
    }
    assert!(retries.len() > CLIENTS, "{retries:?}");

    let process = Process::on(&process.folder, &process.address.to_string(), &toml).await;
    // What happens before a client is back is not lost either.
    process.sample("cpu", 96).await;
    let back = streams
        .iter()
        .zip(&paths)
        .map(|((_, last, _), path)| come_back(&process, path, last));
    let mut streams = join_all(back).await;
    let since = |frames: &[Value]| {
        let position = frames.iter().rev().find_map(|f| f["position"].as_str());
        position.expect("a position").to_owned()
    };
    let back = sockets.iter().map(|(frames, _)| {
        let since = since(frames);
        let process = &process;
        async move { subscribed(process, &since).await }
    });
    let mut sockets = join_all(back).await;
    process.sample("cpu", 1).await;
    for stream in &mut streams {
        let last = |event: &crate::support::sse::Event| event.data["transition"] == "resolved";
        let events = stream
            .until(&["metric", "alert", "gap", "reset"], last)
            .await;
        assert_eq!(events[0].event, "gap");
        assert_eq!(values(&events), [96.0, 1.0]);
    }
    for socket in &mut sockets {
        assert!(socket.frame("gap").await["to"].is_string());
        assert_eq!(samples(&socket.frame("metrics").await)[0].1, 96.0);
        assert_eq!(samples(&socket.frame("metrics").await)[0].1, 1.0);
        assert_eq!(socket.frame("alert").await["transition"], "resolved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_close_or_never_read_do_not_hold_a_stop_up() {
    let server = Server::start().await;
    let get = "GET /api/events/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let address = server.app.address();
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.push(asked(address, get).await);
        let mut socket = asked(address, &handshake("/ws")).await;
        let subscribe = br#"{"type":"subscribe","topics":["metrics"],"since":"latest"}"#;
        socket.write_all(&frame(0x81, subscribe)).await.unwrap();
        idle.push(socket);
        // Half a head: a connection that is not taken over yet.
        let mut half = tokio::net::TcpStream::connect(address).await.unwrap();
        half.write_all(&get.as_bytes()[..20]).await.unwrap();
        idle.push(half);
    }
    // Full connections, whose goodbye cannot be sent.
    for round in 0..100 {
        let batch: Vec<_> = (0..300)
            .map(|i| json!({ "name": format!("m{i}"), "value": round }))
            .collect();
        server.push(batch).await;
    }
    let begun = Instant::now();
    server.stop().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_arrive_while_it_stops_are_told_or_turned_away_and_none_hangs() {
    let server = Server::start().await;
    let url = server.url("/api/events/metrics");
    let stopping = tokio::spawn(server.stop());
    let mut told = 0;
    let arriving = async {
        loop {
            let client = crate::support::server::client();
            let Ok(mut answer) = client.get(&url).send().await else {
                return;
            };
            let mut seen = Vec::new();
            // It ends, well or not, but it ends.
            while let Ok(Some(piece)) = answer.chunk().await {
                seen.extend_from_slice(&piece);
            }
            told += usize::from(String::from_utf8_lossy(&seen).contains("event: draining"));
        }
    };
    within("the server to be gone", arriving).await;
    stopping.await.unwrap();
    println!("{told} were told");
}
