//! `GET /api/wait`: when it is answered, with what, and what it costs the server meanwhile.

use std::{process::Command, time::Instant};

use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{http::problem, raw::Plain, *};

/// Samples may be stamped with times to come, so that holds ripen at once.
const AHEAD: &str = "[ingest]\naccept_future = \"1h\"\n";

/// A request that waits; everything pushed from now on counts.
struct Waiting {
    answer: JoinHandle<Response>,
    /// In unix milliseconds.
    begun: i64,
}

impl Waiting {
    /// The only one on this server; one that was answered may not have given its place back yet.
    async fn on(server: &Server, query: &str) -> Self {
        until_waits(server, 0.0).await;
        let request = server.http.get(server.url(&format!("/api/wait?{query}")));
        let answer = tokio::spawn(async { request.send().await.expect("an answer") });
        until_waits(server, 1.0).await;
        let begun = chrono::Utc::now().timestamp_millis();
        Self { answer, begun }
    }

    /// A sample, so many seconds after it began.
    fn sample(&self, host: &str, seconds: i64, value: f64) -> Value {
        json!({ "name": "cpu", "host": host, "value": value, "timestamp": self.begun + seconds * 1000 })
    }

    async fn answer(self) -> Response {
        within("an answer", self.answer).await.expect("an answer")
    }

    /// The document that says what held.
    async fn held(self) -> Value {
        let answer = self.answer().await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["connection"], "close");
        within("a body", answer.json()).await.expect("JSON")
    }
}

async fn until_waits(server: &Server, count: f64) {
    let waits = async { while server.metric("tickwire_waits").await != count {} };
    within("so many waits", waits).await;
}

fn time(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).expect("a time");
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_held_is_told_when_it_has_held_for_long_enough() {
    let server = Server::with(AHEAD).await;
    // Well below for long, and before it was asked: that is not what is waited for.
    let earlier = chrono::Utc::now().timestamp_millis() - 60_000;
    for second in [0, 30, 59] {
        server
            .push(json!({ "name": "cpu", "host": "web1", "value": 1, "timestamp": earlier + second * 1000 }))
            .await;
    }
    let wait = Waiting::on(&server, "name=cpu&host=web*&below=50&for=30s&timeout=1h").await;
    // Not asked for.
    server.push(wait.sample("db1", 0, 99.0)).await;
    for (second, value) in [(0, 49.5), (15, 10.0), (29, 10.0)] {
        server.push(wait.sample("web1", second, value)).await;
    }
    assert_eq!(server.metric("tickwire_waits").await, 1.0);
    server.push(wait.sample("web1", 30, 12.5)).await;
    let begun = wait.begun;
    let held = wait.held().await;
    assert_eq!(held["position"], server.position().await);
    assert_eq!(held["below"], 50.0);
    assert_eq!(held["for_seconds"], 30.0);
    assert!(held["waited_seconds"].as_f64().unwrap() < 20.0, "{held}");
    assert_eq!(held["since"], time(begun));
    assert_eq!((&held["matching"], &held["held"]), (&json!(1), &json!(1)));
    let series = json!([{
        "host": "web1", "name": "cpu", "labels": {}, "unit": "", "state": "held", "value": 12.5,
        "timestamp": time(begun + 30_000), "since": time(begun), "held_seconds": 30.0,
    }]);
    assert_eq!(held["series"], series);
    until_waits(&server, 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_between_begins_the_hold_anew_also_within_one_tick() {
    let server = Server::with(AHEAD).await;
    let wait = Waiting::on(&server, "name=cpu&below=50&for=30s&timeout=1h").await;
    let begun = wait.begun;
    // One push is one tick; the newest sample of it is well again.
    let samples = [(0, 1.0), (10, 50.0), (20, 1.0), (31, 1.0), (49, 1.0)];
    let samples = samples.map(|(second, value)| wait.sample("a", second, value));
    server.push(json!(samples)).await;
    server.push(wait.sample("a", 50, 2.0)).await;
    let held = wait.held().await;
    assert_eq!(held["since"], time(begun + 20_000));
    assert_eq!(held["series"][0]["value"], 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_has_forgotten_unseen_ends_a_hold() {
    let server = Server::with(&format!("{AHEAD}[stream]\nlog_bytes = \"64KiB\"")).await;
    let wait = Waiting::on(&server, "name=cpu&below=50&for=30s&timeout=1h").await;
    let begun = wait.begun;
    server.push(wait.sample("a", 0, 1.0)).await;
    // A spike, and in the same tick more than the log can hold.
    let mut tick = vec![wait.sample("a", 10, 99.0)];
    let flood = |i: i32| json!({ "name": "flood", "value": i, "labels": { "n": i.to_string() } });
    tick.extend((0..6000).map(flood));
    tick.push(wait.sample("a", 30, 1.0));
    server.push(tick).await;
    assert!(server.metric("tickwire_log_evicted_total").await >= 3.0);
    server.push(wait.sample("a", 59, 1.0)).await;
    server.push(wait.sample("a", 60, 1.0)).await;
    let held = wait.held().await;
    assert_eq!(held["since"], time(begun + 30_000));
    assert_eq!(held["series"][0]["timestamp"], time(begun + 60_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_has_to_hold_also_one_that_comes_later() {
    let server = Server::with(AHEAD).await;
    let wait = Waiting::on(&server, "name=c?u&above=50&for=30s&timeout=1h").await;
    let begun = wait.begun;
    server.push(wait.sample("a", 0, 51.0)).await;
    server.push(wait.sample("b", 10, 51.0)).await;
    server.push(wait.sample("a", 30, 51.0)).await;
    server.push(wait.sample("b", 39, 51.0)).await;
    assert_eq!(server.metric("tickwire_waits").await, 1.0);
    server.push(wait.sample("b", 40, 51.0)).await;
    let held = wait.held().await;
    assert_eq!(held["above"], 50.0);
    assert_eq!(held["since"], time(begun + 10_000));
    assert_eq!(held["matching"], 2);
    let hosts: Vec<_> = held["series"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&hosts[0]["host"], &hosts[1]["host"]),
        (&json!("a"), &json!("b"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_time_is_up_it_says_what_was_missing() {
    let server = Server::with(AHEAD).await;
    let query = "name=cpu&below=50&for=2s&timeout=3s";
    let wait = Waiting::on(&server, query).await;
    let begun = wait.begun;
    server.push(wait.sample("b", 0, 73.5)).await;
    server.push(wait.sample("a", 0, 1.0)).await;
    server.push(wait.sample("a", 1, 2.0)).await;
    let said = problem(wait.answer().await, 412).await;
    assert_eq!(said["title"], "Precondition Failed");
    assert!(said["waited_seconds"].as_f64().unwrap() >= 3.0, "{said}");
    assert_eq!((&said["matching"], &said["held"]), (&json!(2), &json!(0)));
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("0 of 2 series held below 50 for 2 s: cpu on b is at 73.5"),
        "{detail}"
    );
    let [b, a] = [&said["series"][0], &said["series"][1]];
    assert_eq!(
        (&b["state"], &b["held_seconds"]),
        (&json!("failing"), &json!(0.0))
    );
    assert_eq!(
        (&a["state"], &a["held_seconds"]),
        (&json!("holding"), &json!(1.0))
    );
    assert_eq!(
        (&a["value"], &a["since"]),
        (&json!(2.0), &json!(time(begun)))
    );

    let nothing = server
        .get("/api/wait?name=nothing&below=50&timeout=10ms")
        .await;
    let said = problem(nothing, 412).await;
    assert_eq!(said["series"], json!([]));
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.contains("no series matches"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_not_success() {
    let server = Server::with(AHEAD).await;
    let known = |host| json!({ "name": "cpu", "host": host, "value": 1 });
    server.push(json!([known("a"), known("b")])).await;
    let wait = Waiting::on(&server, "name=cpu&below=50&no_data=100ms&timeout=2s").await;
    server.push(known("a")).await;
    let said = problem(wait.answer().await, 412).await;
    assert_eq!(said["held"], 0);
    assert_eq!(said["series"][0]["state"], "silent");
    assert_eq!(said["series"][1]["state"], "silent");

    // Not silent yet, but nothing has come from it since.
    let wait = Waiting::on(&server, "name=cpu&below=50&no_data=1h&timeout=2s").await;
    server.push(known("a")).await;
    let said = problem(wait.answer().await, 412).await;
    assert_eq!((&said["matching"], &said["held"]), (&json!(2), &json!(1)));
    assert_eq!(said["series"][0]["host"], "b");
    assert_eq!(said["series"][0]["state"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_waited_for_is_refused_at_once() {
    let server = Server::start().await;
    for (query, parameter) in [
        ("below=1", "name"),
        ("name=cpu", "below"),
        ("name=cpu&below=1&above=0", "above"),
        ("name=cpu&below=low", "below"),
        ("name=cpu&below=1&for=soon", "for"),
        ("name=cpu&below=1&for=5m", "for"),
        ("name=cpu&below=1&timeout=2h", "timeout"),
        ("name=cpu&below=1&since=1m", "since"),
    ] {
        let answer = server.get(&format!("/api/wait?{query}")).await;
        let said = problem(answer, 400).await;
        assert_eq!(said["parameter"], parameter, "{query}");
        assert!(said["value"].is_string() && said["accepted"].is_string());
    }
    assert_eq!(server.metric("tickwire_waits").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_at_once() {
    let server = Server::start().await;
    server.sample("cpu", 99).await;
    let wait = Waiting::on(&server, "name=cpu&below=50&timeout=1h").await;
    let begun = Instant::now();
    let (_, answer) = tokio::join!(server.stop(), wait.answer());
    let took = begun.elapsed();
    let retry = answer.headers()["retry-after"].to_str().unwrap().to_owned();
    assert!((1..=10).contains(&retry.parse::<u32>().unwrap()), "{retry}");
    problem(answer, 503).await;
    // The bound of any stop; a wait adds nothing to it.
    assert!(took.as_secs_f64() < 4.0, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_may_wait_and_who_leaves_gives_its_place_back() {
    let key = "stream.max_waits";
    let server = Server::with("[stream]\nmax_waits = 1").await;
    let path = "/api/wait?name=cpu&below=50&timeout=1h";
    let mut first = Plain::from("127.0.0.1", server.app.address()).await;
    // On a connection that has been used before, and right behind another request.
    let both = format!(
        "GET /healthz HTTP/1.1\r\nhost: a.localhost\r\n\r\nGET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"
    );
    first.send(both.as_bytes()).await;
    assert_eq!(first.answer().await.status, 200);
    until_waits(&server, 1.0).await;
    let said = problem(server.get(path).await, 503).await;
    assert_eq!(said["limit"], key);
    let refused = format!("tickwire_refused_total{{limit=\"{key}\"}}");
    assert_eq!(server.metric(&refused).await, 1.0);
    drop(first);
    server.until_zero("tickwire_waits").await;

    // Who sends what nobody asked for is let go, and does not keep a worker busy meanwhile.
    let mut flood = Plain::from("127.0.0.1", server.app.address()).await;
    flood.ask(path, "").await;
    until_waits(&server, 1.0).await;
    flood.send(&[b'x'; 300 << 10]).await;
    flood.closed().await;
    server.until_zero("tickwire_waits").await;

    let mut last = Plain::from("127.0.0.1", server.app.address()).await;
    last.ask(path, "").await;
    until_waits(&server, 1.0).await;
    server.sample("cpu", 49).await;
    assert_eq!(last.answer().await.status, 200);
    last.closed().await;
    server.until_zero("tickwire_waits").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_are_clients_and_leave_connections_for_requests() {
    let server = Server::with("[stream]\nmax_clients = 1").await;
    let _wait = Waiting::on(&server, "name=cpu&below=50&timeout=1h").await;
    let said = problem(server.get("/api/events/all").await, 503).await;
    assert_eq!(said["limit"], "stream.max_clients");
    let said = problem(server.get("/api/wait?name=cpu&below=50").await, 503).await;
    assert_eq!(said["limit"], "stream.max_clients");
    assert_eq!(server.metric("tickwire_waits").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_fails_unless_it_held() {
    let server = Server::start().await;
    let curl = |query: &str| {
        let url = server.url(&format!("/api/wait?{query}"));
        tokio::task::spawn_blocking(move || {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--noproxy", "*", "--fail"]).arg(url);
            let done = curl.output().expect("curl");
            (done.status.code(), done.stdout)
        })
    };
    let held = curl("name=cpu&below=50&timeout=1h");
    until_waits(&server, 1.0).await;
    server.sample("cpu", 1).await;
    let (code, said) = within("curl", held).await.unwrap();
    assert_eq!(code, Some(0));
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!(said["held"], 1);
    let (code, _) = within("curl", curl("name=cpu&above=50&timeout=100ms"))
        .await
        .unwrap();
    assert_eq!(code, Some(22));
}
