//! `shape=batch` and `max_rate`.

use serde_json::json;

use crate::support::{Server, moved, rules::CPU_HIGH};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_event_with_the_id_of_its_last_sample() {
    let server = Server::start().await;
    let start = server.position().await;
    server
        .push([
            json!({ "name": "a", "value": 1, "host": "web1" }),
            json!({ "name": "b", "value": 2, "host": "web1" }),
            json!({ "name": "c", "value": 3, "host": "web1" }),
        ])
        .await;
    let path = format!("/api/events/metrics?shape=batch&since={start}");
    let mut stream = server.stream(&path).await;
    let batch = stream.event("metrics").await;
    assert_eq!(batch.id(), moved(&start, 3));
    assert_eq!(batch.data["host"], "web1");
    let names: Vec<_> = batch.samples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c"]);

    // The id of a filtered batch is that of the last sample in it.
    let path = format!("/api/events/metrics?shape=batch&since={start}&names=a,b");
    let filtered = server.stream(&path).await.event("metrics").await;
    assert_eq!(filtered.id(), moved(&start, 2));
    assert_eq!(filtered.samples().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_inside_a_batch_sends_the_remainder() {
    let server = Server::start().await;
    let start = server.position().await;
    let batch: Vec<_> = (0..10)
        .map(|i| json!({ "name": format!("m{i}"), "value": i }))
        .collect();
    server.push(batch).await;
    let until = server.position().await;
    for shape in ["each", "batch"] {
        for seen in 0..10 {
            let path = format!("/api/events/metrics?shape={shape}&until={until}");
            let events = server
                .resume(&path, &moved(&start, seen))
                .await
                .rest()
                .await;
            let values: Vec<f64> = events
                .iter()
                .flat_map(|e| e.samples())
                .map(|(_, v)| v)
                .collect();
            let expected: Vec<f64> = (seen..10).map(|v| v as f64).collect();
            assert_eq!(values, expected, "{shape} after {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn max_rate_keeps_the_newest_value_of_each_series_and_never_delays_an_alert() {
    let server = Server::with(CPU_HIGH).await;
    // A flush every 20 minutes: what comes, comes because of an alert.
    let path = "/api/events/all?topics=metrics,alerts&max_rate=0.001";
    let mut slow = server.stream(path).await;
    let mut every = server.stream("/api/events/metrics").await;
    slow.next().await.expect("a greeting");
    for value in 1..=50 {
        server
            .push([
                json!({ "name": "a", "value": value }),
                json!({ "name": "b", "value": -value }),
            ])
            .await;
    }
    server.sample("cpu", 95).await;
    for _ in 0..101 {
        every.event("metric").await;
    }
    let mut seen = Vec::new();
    let alert = loop {
        let event = slow.next().await.expect("an event");
        if event.event == "alert" {
            break event;
        }
        seen.extend(event.samples());
    };
    assert_eq!(alert.data["transition"], "fired");
    // The view may have flushed once before, when the clock crossed a period.
    assert!(seen.len() < 10, "{seen:?}");
    seen.reverse();
    for (name, value) in [("a", 50.0), ("b", -50.0), ("cpu", 95.0)] {
        assert_eq!(
            seen.iter().find(|(n, _)| n == name).unwrap().1,
            value,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_client_with_a_rate_gets_its_history_whole() {
    let server = Server::start().await;
    let start = server.position().await;
    for value in 0..20 {
        server.sample("m", value).await;
    }
    let path = format!("/api/events/metrics?max_rate=0.001&since={start}&limit=20");
    let events = server.stream(&path).await.rest().await;
    let values: Vec<f64> = events
        .iter()
        .flat_map(|e| e.samples())
        .map(|(_, v)| v)
        .collect();
    assert_eq!(values, (0..20).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_flushes_by_itself_when_nothing_more_happens() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/metrics?max_rate=4").await;
    for value in 1..=5 {
        server.sample("m", value).await;
    }
    let last = |e: &crate::support::sse::Event| e.samples().iter().any(|(_, v)| *v == 5.0);
    stream.find("the newest value", last).await;
}
