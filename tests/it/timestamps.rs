//! A sample's own timestamp: what is accepted, and what becomes of late and repeated ones.

use serde_json::json;

use crate::support::{Server, sse::Event};

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_too_old_or_too_far_ahead_is_refused() {
    let server = Server::with("[ingest]\naccept_past = \"1m\"\naccept_future = \"5s\"").await;
    let now = chrono::Utc::now().timestamp();
    for (offset, taken) in [(-120, false), (-50, true), (0, true), (60, false)] {
        for timestamp in [json!(now + offset), json!((now + offset) * 1000)] {
            let body = json!({ "name": "m", "value": 1, "timestamp": timestamp });
            let (status, report) = server.tell("/api/ingest", body.to_string()).await;
            assert_eq!(status == 200, taken, "{offset}: {report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_sample_is_streamed_but_stays_out_of_the_statistics() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/metrics").await;
    let now = chrono::Utc::now().timestamp();
    for (value, timestamp) in [(5, now), (100, now - 30)] {
        server
            .push(json!({ "name": "m", "value": value, "timestamp": timestamp }))
            .await;
        assert_eq!(stream.event("metric").await.data["value"], value);
    }
    let stats = server.json("/api/stats").await;
    assert_eq!(
        (&stats["stats"][0]["count"], &stats["stats"][0]["max"]),
        (&json!(1), &json!(5.0))
    );
    assert_eq!(server.metric("tickwire_samples_late_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_timestamp_the_last_wins_and_is_counted() {
    let server = Server::start().await;
    let start = server.position().await;
    let now = chrono::Utc::now().timestamp();
    let at = |value: i64| json!({ "name": "m", "value": value, "timestamp": now });
    server.push([at(1), at(2)]).await;
    server.push(at(3)).await;
    let stats = server.json("/api/stats").await;
    assert_eq!(
        (&stats["stats"][0]["last"], &stats["stats"][0]["count"]),
        (&json!(3.0), &json!(1))
    );
    assert_eq!(server.metric("tickwire_samples_replaced_total").await, 2.0);
    let events = server
        .stream(&format!("/api/events/metrics?since={start}&limit=3"))
        .await
        .rest()
        .await;
    let values: Vec<f64> = events
        .iter()
        .flat_map(Event::samples)
        .map(|(_, v)| v)
        .collect();
    assert_eq!(values, [1.0, 2.0, 3.0]);
}
