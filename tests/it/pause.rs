//! Pause freezes a subscription and costs nothing; resume says what is made of what was missed.

use serde_json::{Value, json};

use crate::support::{Server, Socket, rules::CPU_HIGH, socket::samples};

/// A socket with one subscription of metrics and alerts, and its `initial` read.
async fn subscribed(server: &Server) -> Socket {
    let mut socket = server.socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    socket.ask(json!({ "type": "subscribe", "id": 0 })).await;
    while socket.frame("initial").await["done"] != true {}
    socket
}

/// Pauses, lets ten samples and two alerts pass, and goes on; the answer.
async fn miss(server: &Server, socket: &mut Socket, missed: Option<&str>) -> Value {
    let paused = socket.ask(json!({ "type": "pause", "id": 1 })).await;
    assert_eq!(paused, json!({ "type": "paused", "id": 1 }));
    for value in [98, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
        server.sample("cpu", value).await;
    }
    // Nothing came meanwhile: the answer is the next frame.
    socket.say(json!({ "type": "ping", "id": 2 })).await;
    assert_eq!(socket.next().await["type"], "pong");
    let mut resume = json!({ "type": "resume", "id": 3 });
    if let Some(missed) = missed {
        resume["missed"] = json!(missed);
    }
    socket.say(resume).await;
    let resumed = socket.next().await;
    assert_eq!(resumed["type"], "resumed");
    server.sample("cpu", 10).await;
    resumed
}

/// The frames up to the sample of value 10: values of samples, and words of alerts.
async fn until_ten(socket: &mut Socket) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "metrics" => seen.extend(samples(&frame).iter().map(|(_, value)| value.to_string())),
            "alert" => seen.push(frame["transition"].as_str().unwrap().to_owned()),
            other => panic!("{other} came: {frame}"),
        }
        if seen.last().is_some_and(|last| last == "10") {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_alerts_are_replayed_and_samples_go_on_from_now() {
    let server = Server::with(CPU_HIGH).await;
    for missed in [None, Some("alerts")] {
        let mut socket = subscribed(&server).await;
        let resumed = miss(&server, &mut socket, missed).await;
        assert_eq!(resumed["skipped"], 10);
        assert_eq!(until_ten(&mut socket).await, ["fired", "resolved", "10"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_brings_everything() {
    let server = Server::with(CPU_HIGH).await;
    let mut socket = subscribed(&server).await;
    let resumed = miss(&server, &mut socket, Some("replay")).await;
    assert_eq!(resumed["skipped"], 0);
    let expected = [
        "98", "fired", "1", "resolved", "2", "3", "4", "5", "6", "7", "8", "9", "10",
    ];
    assert_eq!(until_ten(&mut socket).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_brings_nothing_of_it() {
    let server = Server::with(CPU_HIGH).await;
    let mut socket = subscribed(&server).await;
    let resumed = miss(&server, &mut socket, Some("latest")).await;
    assert_eq!(resumed["skipped"], 10);
    assert_eq!(until_ten(&mut socket).await, ["10"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_counts_only_what_the_filter_lets_through() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    socket
        .ask(json!({ "type": "subscribe", "id": 0, "names": ["a"] }))
        .await;
    socket.ask(json!({ "type": "pause", "id": 1 })).await;
    for value in 0..4 {
        server
            .push([
                json!({ "name": "a", "value": value }),
                json!({ "name": "b", "value": value }),
            ])
            .await;
    }
    let resumed = socket.ask(json!({ "type": "resume", "id": 2 })).await;
    assert_eq!(resumed["skipped"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_subscription_pauses_while_another_goes_on() {
    let server = Server::start().await;
    let mut socket = subscribed(&server).await;
    socket
        .ask(json!({ "type": "subscribe", "id": 1, "since": "latest" }))
        .await;
    let paused = socket
        .ask(json!({ "type": "pause", "id": 2, "subscription": "s1" }))
        .await;
    assert_eq!(
        paused,
        json!({ "type": "paused", "id": 2, "subscription": "s1" })
    );
    server.sample("m", 1).await;
    assert_eq!(socket.next().await["subscription"], "s2");
    server.sample("m", 2).await;
    assert_eq!(socket.next().await["subscription"], "s2");
    let resume = json!({ "type": "resume", "id": 3, "subscription": "s1", "missed": "replay" });
    assert_eq!(socket.ask(resume).await["subscription"], "s1");
    for value in [1.0, 2.0] {
        let frame = socket.next().await;
        assert_eq!(
            (&frame["subscription"], samples(&frame)[0].1),
            (&json!("s1"), value)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_evicted_during_a_pause_comes_from_the_store() {
    let server = Server::with(&format!("[stream]\nlog_bytes = \"64KiB\"\n{CPU_HIGH}")).await;
    let flood = async || {
        for round in 0..40 {
            let batch: Vec<_> = (0..500)
                .map(|i| json!({ "name": format!("m{i}"), "value": round }))
                .collect();
            server.push(batch).await;
        }
    };
    for missed in ["replay", "alerts"] {
        let mut socket = server.socket().await;
        socket
            .ask(json!({ "type": "subscribe", "id": 0, "since": "latest" }))
            .await;
        socket.ask(json!({ "type": "pause", "id": 1 })).await;
        server.sample("cpu", 98).await;
        server.sample("cpu", 1).await;
        flood().await;
        socket
            .ask(json!({ "type": "resume", "id": 2, "missed": missed }))
            .await;
        server.sample("last", 1).await;
        let (mut others, mut alerts, mut seen) = (0, 0, 0);
        loop {
            let frame = socket.next().await;
            match frame["type"].as_str().unwrap() {
                "alert" => alerts += 1,
                "metrics" => {
                    let samples = samples(&frame);
                    seen += samples.len();
                    if samples.iter().any(|(name, _)| name == "last") {
                        break;
                    }
                }
                _ => others += 1,
            }
        }
        // Samples were given up with the pause, unless they were asked for.
        let expected = if missed == "replay" { 2 + 40 * 500 } else { 0 };
        assert_eq!((others, alerts, seen), (1, 2, expected + 1), "{missed}");
    }
}
