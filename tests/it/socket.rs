//! The session of a WebSocket, as the protocol tells it.

use serde_json::{Value, json};

use crate::support::{Server, rules::CPU_HIGH, seq, socket::samples};

/// The number of a frame's position.
fn number(frame: &Value) -> u64 {
    seq(frame["position"].as_str().expect("a position"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_as_the_protocol_tells_it() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu_usage", 1).await;
    let mut socket = server.socket().await;

    let hello = socket.next().await;
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["version"], env!("CARGO_PKG_VERSION"));
    let hello_at = number(&hello);
    assert!(hello_at >= 1, "{hello}");
    assert_eq!(
        hello["limits"],
        json!({ "frame": 65536, "subscriptions": 16 })
    );
    assert_eq!(hello["clients"], 1);

    let pong = socket.ask(json!({ "type": "ping", "id": 1 })).await;
    assert_eq!(pong["type"], "pong");
    assert!(pong["timestamp"].is_string());

    let subscribe = json!({
        "type": "subscribe", "id": 2, "topics": ["metrics", "alerts"], "metrics": ["cpu*"], "hosts": ["*"],
        "max_rate": 2,
    });
    let subscribed = socket.ask(subscribe).await;
    let position = &subscribed["position"];
    assert!(number(&subscribed) >= hello_at, "{subscribed}");
    assert_eq!(
        subscribed,
        json!({
            "type": "subscribed", "id": 2, "subscription": "s1", "topics": ["metrics", "alerts"],
            "metrics": ["cpu*"], "hosts": ["*"], "position": position,
        })
    );
    let initial = socket.next().await;
    assert_eq!(initial["type"], "initial");
    assert_eq!(initial["subscription"], "s1");
    assert_eq!(initial["position"], *position);
    assert_eq!(samples(&initial), [("cpu_usage".to_owned(), 1.0)]);
    assert_eq!(initial["done"], true);

    server.sample("other", 1).await;
    server.sample("cpu", 98).await;
    let metrics = socket.next().await;
    assert_eq!(metrics["type"], "metrics");
    assert!(number(&metrics) >= number(&subscribed) + 2, "{metrics}");
    assert_eq!(metrics["host"], "push");
    assert_eq!(samples(&metrics), [("cpu".to_owned(), 98.0)]);
    let alert = socket.next().await;
    assert_eq!(alert["type"], "alert");
    assert_eq!(alert["subscription"], "s1");
    assert_eq!(number(&alert), number(&metrics) + 1);
    assert_eq!(
        (&alert["rule"], &alert["level"]),
        (&json!("cpu_high"), &json!("critical"))
    );

    let paused = socket
        .ask(json!({ "type": "pause", "id": 3, "subscription": "s1" }))
        .await;
    assert_eq!(paused["type"], "paused");
    let resumed = socket
        .ask(json!({ "type": "resume", "id": 4, "missed": "replay" }))
        .await;
    assert_eq!(
        (&resumed["type"], &resumed["skipped"]),
        (&json!("resumed"), &json!(0))
    );

    let request = json!({ "type": "request_metrics", "id": 6, "metrics": ["cpu", "other"] });
    let newest = socket.ask(request).await;
    assert_eq!(
        (&newest["type"], &newest["subscription"]),
        (&json!("metrics"), &Value::Null)
    );
    assert!(number(&newest) >= number(&alert), "{newest}");
    assert_eq!(
        samples(&newest),
        [("other".to_owned(), 1.0), ("cpu".to_owned(), 98.0)]
    );

    let unsubscribed = socket
        .ask(json!({ "type": "unsubscribe", "id": 5, "subscription": "s1" }))
        .await;
    assert_eq!(
        unsubscribed,
        json!({ "type": "unsubscribed", "id": 5, "subscription": "s1" })
    );
    server.sample("cpu", 1).await;
    // Nothing was pushed before the answer.
    socket.say(json!({ "type": "ping", "id": 7 })).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_of_one_socket_do_not_disturb_each_other() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    for (id, name) in [(1, "a"), (2, "b"), (3, "*")] {
        let subscribe =
            json!({ "type": "subscribe", "id": id, "topics": ["metrics"], "names": [name] });
        assert_eq!(
            socket.ask(subscribe).await["subscription"],
            format!("s{id}")
        );
    }
    server
        .push([
            json!({ "name": "a", "value": 1 }),
            json!({ "name": "b", "value": 2 }),
        ])
        .await;
    let mut got = Vec::new();
    for _ in 0..3 {
        let frame = socket.frame("metrics").await;
        let names: Vec<_> = samples(&frame).into_iter().map(|(name, _)| name).collect();
        got.push((
            frame["subscription"].as_str().unwrap().to_owned(),
            names.join(","),
        ));
    }
    got.sort();
    let expected = [("s1", "a"), ("s2", "b"), ("s3", "a,b")];
    assert_eq!(got, expected.map(|(s, n)| (s.to_owned(), n.to_owned())));
    socket
        .ask(json!({ "type": "unsubscribe", "id": 4, "subscription": "s2" }))
        .await;
    server.sample("b", 3).await;
    assert_eq!(socket.frame("metrics").await["subscription"], "s3");
    // A name is not used again.
    let again = socket.ask(json!({ "type": "subscribe", "id": 5 })).await;
    assert_eq!(again["subscription"], "s4");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_comes_in_chunks_and_live_samples_follow_without_gap_or_double() {
    let server = Server::start().await;
    let now = chrono::Utc::now().timestamp_millis();
    for i in 0..300 {
        let at = now - 400_000 + i * 1000;
        let batch = ["a", "b", "c", "d"].map(|n| json!({ "name": n, "value": i, "timestamp": at }));
        server.push(batch).await;
    }
    let mut socket = server.socket().await;
    let subscribed = socket
        .ask(json!({ "type": "subscribe", "id": 1, "topics": ["metrics"] }))
        .await;
    for i in 300..330 {
        let at = now - 400_000 + i * 1000;
        let batch = ["a", "b", "c", "d"].map(|n| json!({ "name": n, "value": i, "timestamp": at }));
        server.push(batch).await;
    }
    let (mut chunks, mut values) = (0, std::collections::BTreeMap::<String, Vec<f64>>::new());
    let last = |values: &std::collections::BTreeMap<String, Vec<f64>>| {
        values.len() == 4 && values.values().all(|v| v.last() == Some(&329.0))
    };
    while !last(&values) {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "initial" => {
                chunks += 1;
                assert_eq!(frame["position"], subscribed["position"]);
            }
            "metrics" => assert!(seq(frame["position"].as_str().unwrap()) > 1200),
            "hello" => continue,
            other => panic!("{other} came"),
        }
        for (name, value) in samples(&frame) {
            values.entry(name).or_default().push(value);
        }
    }
    assert!(chunks > 1, "{chunks}");
    let expected: Vec<f64> = (0..330).map(f64::from).collect();
    for (name, values) in values {
        assert_eq!(values, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn since_on_a_subscription_continues_a_position_without_an_initial_window() {
    let server = Server::start().await;
    server.sample("m", 1).await;
    let position = server.position().await;
    server.sample("m", 2).await;
    let mut socket = server.socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    let subscribed = socket
        .ask(json!({ "type": "subscribe", "id": 1, "since": position }))
        .await;
    assert_eq!(subscribed["position"], json!(position));
    let metrics = socket.next().await;
    assert_eq!(
        (&metrics["type"], samples(&metrics)[0].1),
        (&json!("metrics"), 2.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_activity_come_as_on_sse() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    let subscribe = json!({ "type": "subscribe", "id": 1, "topics": ["status", "activity"] });
    socket.ask(subscribe).await;
    let status = socket.frame("status").await;
    assert_eq!(status["subscription"], "s1");
    assert!(status["sources"].is_array());
    let event = json!({ "kind": "deploy", "message": "Version 2 is out" });
    server.tell("/api/events", event.to_string()).await;
    loop {
        let activity = socket.frame("activity").await;
        if activity["kind"] == "deploy" {
            assert!(activity["position"].is_string());
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_started_and_stopped_over_the_socket() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    let mut feed = server.stream("/api/events/all").await;
    let source = |id: u32, action: &str| json!({ "type": "source", "id": id, "source": "simulated", "action": action });
    for (id, action, word, changed) in [
        (1, "start", "started", 1),
        (2, "start", "started", 0),
        (3, "stop", "stopped", 1),
        (4, "stop", "stopped", 0),
    ] {
        let answer = socket.ask(source(id, action)).await;
        assert_eq!(
            answer,
            json!({ "type": word, "id": id, "changed": changed })
        );
    }
    for kind in ["source_started", "source_stopped"] {
        feed.find(kind, |e| e.data["kind"] == kind).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_acknowledged_dismissed_and_cleared_over_the_socket() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    let mut socket = server.socket().await;
    socket
        .ask(json!({ "type": "subscribe", "id": 1, "topics": ["alerts"], "since": "earliest" }))
        .await;
    let id = socket.frame("alert").await["id"].clone();
    let acknowledged = socket
        .ask(json!({ "type": "acknowledge", "id": 2, "alert": id }))
        .await;
    assert_eq!(
        acknowledged,
        json!({ "type": "acknowledged", "id": 2, "changed": 1 })
    );
    let alert = socket.frame("alert").await;
    assert_eq!(
        (&alert["id"], &alert["transition"]),
        (&id, &json!("acknowledged"))
    );
    server.sample("cpu", 1).await;
    let dismissed = socket
        .ask(json!({ "type": "dismiss", "id": 3, "alert": id }))
        .await;
    assert_eq!(
        dismissed,
        json!({ "type": "dismissed", "id": 3, "changed": 1 })
    );
    let again = socket
        .ask(json!({ "type": "dismiss", "id": 4, "alert": id }))
        .await;
    assert_eq!(again["code"], "unknown_alert");
    server.sample("cpu", 95).await;
    let cleared = socket.ask(json!({ "type": "clear", "id": 5 })).await;
    assert_eq!(cleared, json!({ "type": "cleared", "id": 5, "changed": 1 }));
}
