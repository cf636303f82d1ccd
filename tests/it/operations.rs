//! What operators look at.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::support::{Server, http::problem, rules::CPU_HIGH, within};

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_no_fault_in_metrics() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/metrics").await;
    server.sample("cpu", 95).await;
    stream.event("metric").await;
    let response = server.get("/metrics").await;
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let page = within("/metrics", response.text()).await.unwrap();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool; tests/run installs it");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_move_with_what_happens() {
    let server = Server::with(CPU_HIGH).await;
    let of = async |name: &str| server.metric(name).await;
    assert_eq!(of("tickwire_samples_total").await, 0.0);
    assert_eq!(of("tickwire_clients{kind=\"sse\"}").await, 0.0);
    let mut stream = server.stream("/api/events/metrics").await;
    let mut socket = server.socket().await;
    socket.next().await;
    server.sample("cpu", 95).await;
    stream.event("metric").await;
    assert_eq!(of("tickwire_samples_total").await, 1.0);
    assert_eq!(of("tickwire_series").await, 1.0);
    assert_eq!(of("tickwire_alerts_open").await, 1.0);
    assert_eq!(of("tickwire_clients{kind=\"sse\"}").await, 1.0);
    assert_eq!(of("tickwire_clients{kind=\"websocket\"}").await, 1.0);
    assert_eq!(of("tickwire_events_sent_total").await, 1.0);
    assert!(of("tickwire_sent_bytes_total").await > 50.0);
    assert!(of("tickwire_encodes_total").await >= 1.0);
    drop((stream, socket));
    let gone = async {
        while of("tickwire_clients{kind=\"sse\"}").await
            + of("tickwire_clients{kind=\"websocket\"}").await
            > 0.0
        {}
    };
    within("the clients to be gone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_views_share_one_encoding() {
    let server = Server::start().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = server.stream("/api/events/metrics?names=m").await;
        stream.next().await.expect("a greeting");
        streams.push(stream);
    }
    server.sample("m", 1).await;
    for stream in &mut streams {
        stream.event("metric").await;
    }
    assert_eq!(server.metric("tickwire_views").await, 1.0);
    // A second one may be of a line of the feed that came in between, and nobody asked for.
    let encodes = server.metric("tickwire_encodes_total").await;
    assert!((1.0..5.0).contains(&encodes), "{encodes}");
    assert_eq!(server.metric("tickwire_events_sent_total").await, 50.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_view_too_many_is_503_and_equal_ones_are_not_counted() {
    let server = Server::with("[stream]\nmax_views = 1").await;
    let first = server.stream("/api/events/metrics?names=a,b").await;
    let equal = server.stream("/api/events/metrics?names=b,a").await;
    let other = server.get("/api/events/metrics?names=c").await;
    assert_eq!(other.headers()["retry-after"], "1");
    problem(other, 503).await;
    drop((first, equal));
    let free = async { while server.get("/api/events/metrics?names=c").await.status() != 200 {} };
    within("room for another view", free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_answer() {
    let server = Server::start().await;
    assert_eq!(server.json("/healthz").await["status"], "ok");
    assert_eq!(server.json("/readyz").await["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_document() {
    let server = Server::start().await;
    problem(server.get("/nothing/here").await, 404).await;
    problem(server.get("/ws").await, 400).await;
    problem(server.get("/api/ingest").await, 404).await;
    problem(server.post("/api/events/metrics", "").await, 405).await;
}
