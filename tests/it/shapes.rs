//! The shapes on the wire, held fast in snapshots; what differs from run to run is named in brackets.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Server, Socket, Stream, rules::CPU_HIGH};

async fn push_cpu(server: &Server, value: f64) {
    server
        .push(json!({
            "name": "cpu", "value": value, "unit": "%", "host": "web1", "labels": { "core": "0" },
        }))
        .await;
}

async fn data(stream: &mut Stream, kind: &str) -> Value {
    stream.event(kind).await.data
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_stream() {
    let server = Server::with(&format!("[stream]\nheartbeat = \"1s\"\n{CPU_HIGH}")).await;
    let mut all = server.stream("/api/events/all").await;
    let mut batches = server.stream("/api/events/metrics?shape=batch").await;
    let mut lines = server.stream("/api/events/metrics?format=ndjson").await;
    assert_json_snapshot!("heartbeat_line", data(&mut lines, "heartbeat").await, {
        ".position" => "[position]", ".timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("status", data(&mut all, "status").await, {
        ".started" => "[started]", ".timestamp" => "[timestamp]", ".version" => "[version]", ".clients" => "[clients]",
    });
    push_cpu(&server, 45.2).await;
    server.push(json!({ "name": "plain", "value": 3 })).await;
    assert_json_snapshot!("metric", data(&mut all, "metric").await, { ".timestamp" => "[timestamp]" });
    assert_json_snapshot!("metric_without_labels", data(&mut all, "metric").await, {
        ".timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("metric_line", data(&mut lines, "metric").await, {
        ".position" => "[position]", ".timestamp" => "[timestamp]",
    });
    server
        .push(json!([
            { "name": "a", "value": 1, "unit": "By", "host": "web1" },
            { "name": "b", "value": 2.5, "host": "web1", "labels": { "x": "1" } },
        ]))
        .await;
    let batch = batches
        .find("a batch of two", |e| e.samples().len() == 2)
        .await;
    assert_json_snapshot!("metrics", batch.data, { ".timestamp" => "[timestamp]" });
    push_cpu(&server, 98.0).await;
    assert_json_snapshot!("alert_fired", data(&mut all, "alert").await, {
        ".id" => "[uuid]", ".since" => "[since]", ".timestamp" => "[timestamp]",
    });
    push_cpu(&server, 10.0).await;
    assert_json_snapshot!("alert_resolved", data(&mut all, "alert").await, {
        ".id" => "[uuid]", ".since" => "[since]", ".timestamp" => "[timestamp]",
    });
    let event = json!({ "kind": "deploy", "message": "Version 2 is out" });
    server.tell("/api/events", event.to_string()).await;
    let activity = all.find("the event", |e| e.data["kind"] == "deploy").await;
    assert_json_snapshot!("activity", activity.data, { ".id" => "[uuid]", ".timestamp" => "[timestamp]" });
    assert_json_snapshot!("heartbeat", data(&mut all, "heartbeat").await, { ".timestamp" => "[timestamp]" });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_of_the_api() {
    let server = Server::with(CPU_HIGH).await;
    push_cpu(&server, 98.0).await;
    let list = "[position]";
    assert_json_snapshot!("api_stats", server.json("/api/stats").await, {
        ".position" => list, ".started" => "[started]", ".uptime_seconds" => "[seconds]",
        ".stats[].timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("api_recent", server.json("/api/metrics/recent").await, {
        ".position" => list, ".metrics[].timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("api_series", server.json("/api/series").await, {
        ".position" => list, ".series[].first_seen" => "[timestamp]", ".series[].last_seen" => "[timestamp]",
    });
    assert_json_snapshot!("api_sources", server.json("/api/sources").await, {
        ".position" => list, ".sources[].samples_per_second" => "[rate]",
    });
    assert_json_snapshot!("api_alerts", server.json("/api/alerts").await, {
        ".position" => list, ".alerts[].id" => "[uuid]", ".alerts[].since" => "[since]",
        ".alerts[].timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("api_rules", server.json("/api/rules").await, { ".position" => list });
    let problem = server.get("/api/events/metrics?shape=round").await;
    assert_json_snapshot!("problem", problem.json::<Value>().await.unwrap());
    let (_, report) = server
        .tell("/api/ingest", "{\"name\":\"a\",\"value\":1}\nnonsense")
        .await;
    assert_json_snapshot!("ingest_report", report);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frames_of_a_socket() {
    let server = Server::with(CPU_HIGH).await;
    push_cpu(&server, 1.0).await;
    let mut socket = Socket::open(&server, "/ws", &[]).await.unwrap();
    assert_json_snapshot!("ws_hello", socket.next().await, {
        ".position" => "[position]", ".session" => "[uuid]", ".version" => "[version]",
    });
    assert_json_snapshot!("ws_pong", socket.ask(json!({ "type": "ping", "id": 1 })).await, {
        ".timestamp" => "[timestamp]",
    });
    let subscribe = json!({ "type": "subscribe", "id": 2, "metrics": ["cpu*"], "hosts": ["*"] });
    assert_json_snapshot!("ws_subscribed", socket.ask(subscribe).await, { ".position" => "[position]" });
    assert_json_snapshot!("ws_initial", socket.frame("initial").await, {
        ".position" => "[position]", ".data[].timestamp" => "[timestamp]",
    });
    push_cpu(&server, 98.0).await;
    assert_json_snapshot!("ws_metrics", socket.frame("metrics").await, {
        ".position" => "[position]", ".timestamp" => "[timestamp]",
    });
    assert_json_snapshot!("ws_alert", socket.frame("alert").await, {
        ".position" => "[position]", ".id" => "[uuid]", ".since" => "[since]", ".timestamp" => "[timestamp]",
    });
    let request = json!({ "type": "request_metrics", "id": 6 });
    assert_json_snapshot!("ws_requested", socket.ask(request).await, {
        ".position" => "[position]", ".data[].timestamp" => "[timestamp]",
    });
    let faulty = json!({ "type": "subscribe", "id": 8, "metrics": "cpu" });
    assert_json_snapshot!("ws_error", socket.ask(faulty).await);
}
