//! However a client dies or stops reading, it is noticed, and the count of clients is right again.
//!
//! That of clients which vanish without a packet is in `vanished`.

use std::time::Duration;

use serde_json::json;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::{
    Server,
    raw::{Raw, asked, frame, handshake},
    sse::Event,
    within,
};

const STREAM: &str = "GET /api/events/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LINES: &str = "GET /api/events/metrics?format=ndjson HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SSE: &str = "tickwire_clients{kind=\"sse\"}";
const SOCKETS: &str = "tickwire_clients{kind=\"websocket\"}";

/// One client of each kind, each with a stream or a subscription.
async fn clients(server: &Server) -> Vec<TcpStream> {
    let address = server.app.address();
    let mut socket = asked(address, &handshake("/ws")).await;
    let subscribe = br#"{"type":"subscribe","topics":["metrics"],"since":"latest"}"#;
    let subscribe = frame(0x81, subscribe);
    let sent = socket.write_all(&subscribe);
    within("room to send", sent).await.unwrap();
    let clients = vec![
        asked(address, STREAM).await,
        asked(address, LINES).await,
        socket,
    ];
    assert_eq!(server.metric(SSE).await, 2.0);
    assert_eq!(server.metric(SOCKETS).await, 1.0);
    clients
}

async fn all_gone(server: &Server) {
    server.until_zero(SSE).await;
    server.until_zero(SOCKETS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_is_gone() {
    let server = Server::start().await;
    let clients = clients(&server).await;
    drop(clients);
    all_gone(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_is_gone() {
    let server = Server::start().await;
    for client in clients(&server).await {
        // Closed like this, the kernel sends a reset.
        let linger = SockRef::from(&client).set_linger(Some(Duration::ZERO));
        linger.unwrap();
    }
    all_gone(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_writing_side_is_gone() {
    let server = Server::start().await;
    let mut clients = clients(&server).await;
    for client in &mut clients {
        client.shutdown().await.unwrap();
    }
    all_gone(&server).await;
    drop(clients);
}

/// Pushes numbered samples until nobody listens any more; the last number.
async fn push_until_gone(server: &Server) -> u64 {
    let mut number = 0;
    let pushing = async {
        loop {
            let batch: Vec<_> = (1..=300)
                .map(|i| json!({ "name": "m", "value": number + i }))
                .collect();
            server.push(batch).await;
            number += 300;
            if server.metric(SSE).await + server.metric(SOCKETS).await == 0.0 {
                return;
            }
        }
    };
    within("the clients to be given up", pushing).await;
    number
}

const IMPATIENT: &str =
    "[stream]\nstall_timeout = \"1s\"\nlog_bytes = \"64MiB\"\n[windows]\npoints = 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_nothing_are_given_up_and_counted() {
    let server = Server::with(IMPATIENT).await;
    let clients = clients(&server).await;
    push_until_gone(&server).await;
    assert_eq!(server.metric("tickwire_stalled_total").await, 3.0);
    drop(clients);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_given_up_reads_what_it_has_and_resumes_without_a_gap() {
    let server = Server::with(IMPATIENT).await;
    let mut stalled = Raw::open(server.app.address(), "/api/events/metrics").await;
    let last = push_until_gone(&server).await;
    assert_eq!(server.metric("tickwire_stalled_total").await, 1.0);
    let mut seen = Vec::new();
    while let Some(events) = stalled.read().await {
        seen.extend(events);
    }
    let id = seen.iter().rev().find_map(|event| event.id.clone());
    let id = id.expect("it has read something");
    let number = |event: &Event| event.samples().first().map(|(_, value)| *value as u64);
    let mut numbers: Vec<u64> = seen.iter().filter_map(number).collect();
    let mut resumed = server.resume("/api/events/metrics", &id).await;
    let is_last = |event: &Event| number(event) == Some(last);
    let rest = resumed.until(&["metric", "reset", "lagged"], is_last).await;
    numbers.extend(rest.iter().filter_map(number));
    assert!(rest.iter().all(|event| event.event == "metric"));
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_slow_and_goes_on_reading_is_not_given_up() {
    let server = Server::with(IMPATIENT).await;
    let mut slow = Raw::open(server.app.address(), "/api/events/metrics").await;
    let begun = std::time::Instant::now();
    // It reads a little for each batch, so that its connection is full all the time.
    while begun.elapsed() < Duration::from_millis(2500) {
        let batch: Vec<_> = (0..300)
            .map(|i| json!({ "name": "m", "value": i }))
            .collect();
        server.push(batch).await;
        for _ in 0..4 {
            assert!(slow.read().await.is_some(), "it was given up");
        }
    }
    assert_eq!(server.metric("tickwire_stalled_total").await, 0.0);
    assert_eq!(server.metric(SSE).await, 1.0);
}

/// The kernel's own limit counts a window that is closed for 12 s against a reader, and in that does not see the little
/// that the reader takes: with a buffer of 64 KiB its window opens seldom. So this lasts longer than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_outlives_the_kernels_limit_of_12_s() {
    let server = Server::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut slow = socket.connect(server.app.address()).await.unwrap();
    slow.write_all(STREAM.as_bytes()).await.unwrap();
    let batch: Vec<_> = (0..300)
        .map(|i| json!({ "name": format!("m{i}"), "value": i }))
        .collect();
    for _ in 0..50 {
        server.push(batch.clone()).await;
    }
    let begun = std::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(400));
    let mut piece = [0; 4096];
    while begun.elapsed() < Duration::from_secs(20) {
        tick.tick().await;
        server.push(batch.clone()).await;
        let read = within("bytes", slow.read(&mut piece)).await;
        assert!(read.is_ok_and(|n| n > 0), "it was given up");
    }
    assert_eq!(server.metric(SSE).await, 1.0);
    assert!(server.metric("tickwire_lagged_total").await > 0.0);
}
