//! A snapshot carries the position it belongs to, and a stream from there continues it exactly.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::{Value, json};

use crate::support::{Server, socket::samples};

/// Fires and resolves with every other sample of `counter`.
const ODD: &str = r#"
[[rules]]
name = "odd"
metric = "odd"
when = "above"
warning = { fire = 0.5 }
flapping.after = 0
"#;

/// Counts while `work` goes on.
async fn while_counting(server: &Server, work: impl AsyncFnOnce()) {
    let done = AtomicBool::new(false);
    // Each with a timestamp of its own: of two in one millisecond a window keeps the last.
    let begun = chrono::Utc::now().timestamp_millis() - 60_000;
    let push = |i: i64| {
        server.push(json!([
            { "name": "counter", "value": i, "timestamp": begun + i },
            { "name": "odd", "value": i % 2, "timestamp": begun + i },
        ]))
    };
    push(1).await;
    let count = async {
        let mut i = 2;
        while !done.load(Relaxed) {
            push(i).await;
            i += 1;
        }
    };
    let work = async {
        work().await;
        done.store(true, Relaxed);
    };
    tokio::join!(count, work);
}

/// The first event after a position.
async fn first_after(server: &Server, path: &str, position: &Value) -> Value {
    let position = position.as_str().expect("a position");
    let path = format!("{path}since={position}");
    let mut stream = server.stream(&path).await;
    stream
        .find("an event", |e| {
            ["metric", "alert"].contains(&e.event.as_str())
        })
        .await
        .data
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_continues_statistics_and_recent_samples_exactly() {
    let server = Server::start().await;
    while_counting(&server, async || {
        for _ in 0..25 {
            let stats = server.json("/api/stats?names=counter").await;
            let last = stats["stats"][0]["last"].as_f64().unwrap();
            let next = first_after(
                &server,
                "/api/events/metrics?names=counter&",
                &stats["position"],
            )
            .await;
            assert_eq!(next["value"], last + 1.0);

            let recent = server
                .json("/api/metrics/recent?names=counter&count=3")
                .await;
            let metrics = recent["metrics"].as_array().unwrap();
            let last = metrics.last().unwrap()["value"].as_f64().unwrap();
            let next = first_after(
                &server,
                "/api/events/metrics?names=counter&",
                &recent["position"],
            )
            .await;
            assert_eq!(next["value"], last + 1.0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_continues_the_list_of_alerts_exactly() {
    let server = Server::with(ODD).await;
    while_counting(&server, async || {
        for _ in 0..25 {
            let alerts = server.json("/api/alerts").await;
            let open = !alerts["alerts"].as_array().unwrap().is_empty();
            let next = first_after(&server, "/api/events/alerts?", &alerts["position"]).await;
            assert_eq!(next["state"], if open { "resolved" } else { "firing" });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_continues_its_initial_window_exactly() {
    let server = Server::start().await;
    while_counting(&server, async || {
        for _ in 0..10 {
            let mut socket = server.socket().await;
            let subscribe = json!({ "type": "subscribe", "id": 1, "topics": ["metrics"], "metrics": ["counter"] });
            socket.ask(subscribe).await;
            let mut values = Vec::new();
            loop {
                let initial = socket.frame("initial").await;
                values.extend(samples(&initial).into_iter().map(|(_, value)| value));
                if initial["done"] == true {
                    break;
                }
            }
            for _ in 0..10 {
                let live = socket.frame("metrics").await;
                values.extend(samples(&live).into_iter().map(|(_, value)| value));
            }
            let first = values[0] as usize;
            let expected: Vec<f64> = (first..first + values.len()).map(|v| v as f64).collect();
            assert_eq!(values, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_takes_the_newest_in_all_or_of_each() {
    let server = Server::start().await;
    let now = chrono::Utc::now().timestamp();
    for value in 1..=5 {
        let sample = |name: &str, value: i64| json!({ "name": name, "value": value, "timestamp": now - 10 + value.abs() });
        server.push([sample("a", value), sample("b", -value)]).await;
    }
    let values = async |query: &str| -> Vec<f64> {
        let recent = server.json(&format!("/api/metrics/recent?{query}")).await;
        let metrics = recent["metrics"].as_array().unwrap().clone();
        metrics
            .iter()
            .map(|m| m["value"].as_f64().unwrap())
            .collect()
    };
    assert_eq!(values("").await.len(), 10);
    assert_eq!(values("names=a&count=2").await, [4.0, 5.0]);
    let mut each = values("per_series=1").await;
    each.sort_by(f64::total_cmp);
    assert_eq!(each, [-5.0, 5.0]);
    assert_eq!(values("per_series=3&count=2").await.len(), 2);
}
