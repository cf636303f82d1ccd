//! Filters: comma is or, parameters are and, and a filter touches only events that have the field.

use serde_json::{Value, json};

use crate::support::{Server, rules::CPU_HIGH, seq, sse::Event};

/// The names of the samples that a stream of `query` gets.
async fn names(server: &Server, since: &str, query: &str) -> Vec<String> {
    let path = format!(
        "/api/events/metrics?since={since}&until={}&{query}",
        server.position().await
    );
    let events = server.stream(&path).await.rest().await;
    events
        .iter()
        .flat_map(Event::samples)
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_pass_by_name_host_and_label() {
    let server = Server::start().await;
    let start = server.position().await;
    server
        .push([
            json!({ "name": "cpu_usage", "value": 1, "host": "web1", "labels": { "core": "0" } }),
            json!({ "name": "cpu_load", "value": 2, "host": "web2", "labels": { "core": "1" } }),
            json!({ "name": "net_in", "value": 3, "host": "web1" }),
            json!({ "name": "net_out", "value": 4, "host": "db1" }),
            json!({ "name": "disk", "value": 5, "host": "db1", "labels": { "core": "0", "mount": "/a,b" } }),
        ])
        .await;
    let cases: [(&str, &[&str]); 12] = [
        ("names=cpu_usage", &["cpu_usage"]),
        ("names=cpu_*", &["cpu_usage", "cpu_load"]),
        ("names=cpu_usage,net_*", &["cpu_usage", "net_in", "net_out"]),
        ("names=net_i?", &["net_in"]),
        ("names=CPU_*", &[]),
        ("hosts=web*", &["cpu_usage", "net_in", "cpu_load"]),
        ("hosts=web1,db1&names=net_*", &["net_in", "net_out"]),
        ("label.core=0", &["cpu_usage", "disk"]),
        ("label.core=0,1", &["cpu_usage", "cpu_load", "disk"]),
        ("label.core=0&label.mount=*", &["disk"]),
        ("label.core=*&hosts=web2", &["cpu_load"]),
        // Only alerts have levels and rules.
        (
            "levels=critical&rules=none",
            &["cpu_usage", "net_in", "cpu_load", "net_out", "disk"],
        ),
    ];
    for (query, expected) in cases {
        let mut found = names(&server, &start, query).await;
        let mut expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_pass_by_old_or_new_level_and_by_rule() {
    let server = Server::with(CPU_HIGH).await;
    let start = server.position().await;
    for value in [92, 98, 80, 10] {
        server.sample("cpu", value).await;
    }
    let until = server.position().await;
    let transitions = async |query: &str| -> Vec<Value> {
        let path = format!("/api/events/alerts?since={start}&until={until}&{query}");
        let events = server.stream(&path).await.rest().await;
        let alerts = events.iter().filter(|e| e.event == "alert");
        alerts.map(|e| e.data["transition"].clone()).collect()
    };
    let all = ["fired", "escalated", "deescalated", "resolved"];
    assert_eq!(transitions("names=*").await, all);
    assert_eq!(transitions("levels=warning").await, all);
    assert_eq!(
        transitions("levels=critical").await,
        ["escalated", "deescalated"]
    );
    assert_eq!(transitions("levels=info").await, [""; 0]);
    assert_eq!(
        transitions("levels=info,critical").await,
        ["escalated", "deescalated"]
    );
    assert_eq!(transitions("rules=cpu_*").await, all);
    assert_eq!(transitions("rules=disk_*").await, [""; 0]);
    assert_eq!(transitions("names=other").await, [""; 0]);
    assert_eq!(
        transitions("hosts=push&levels=critical&rules=cpu_high")
            .await
            .len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_choose_what_all_carries() {
    let server = Server::with(CPU_HIGH).await;
    let start = server.position().await;
    server.sample("cpu", 98).await;
    let event = json!({ "kind": "deploy", "message": "Version 2 is out" });
    server.tell("/api/events", event.to_string()).await;
    // Comes after the event, because the inlet keeps the order.
    server.sample("last", 1).await;
    let until = server.position().await;
    let kinds = async |topics: &str| -> Vec<String> {
        let path = format!("/api/events/all?since={start}&until={until}&topics={topics}");
        let events = server.stream(&path).await.rest().await;
        let kinds = events.iter().map(|e| e.event.clone());
        kinds
            .filter(|k| !["", "end"].contains(&k.as_str()))
            .collect()
    };
    assert_eq!(kinds("metrics").await, ["metric", "metric"]);
    assert_eq!(kinds("alerts").await, ["alert"]);
    assert_eq!(kinds("metrics,alerts").await, ["metric", "alert", "metric"]);
    let activity = kinds("activity").await;
    assert!(
        !activity.is_empty() && activity.iter().all(|k| k == "activity"),
        "{activity:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_about_no_host_passes_a_filter_of_hosts() {
    let server = Server::start().await;
    let mut stream = server
        .stream("/api/events/all?topics=activity&hosts=web*")
        .await;
    for (kind, host) in [
        ("of_db", Some("db1")),
        ("of_web", Some("web1")),
        ("of_none", None),
    ] {
        let event = json!({ "kind": kind, "message": "Something happened", "host": host });
        server.tell("/api/events", event.to_string()).await;
    }
    let of = |e: &Event| {
        e.data["kind"]
            .as_str()
            .is_some_and(|k| k.starts_with("of_"))
    };
    assert_eq!(stream.find("an event", of).await.data["kind"], "of_web");
    assert_eq!(stream.find("an event", of).await.data["kind"], "of_none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_the_open_alerts_comes_first_and_the_stream_continues_it() {
    let server = Server::with(CPU_HIGH).await;
    let before = server.position().await;
    server.sample("cpu", 92).await;
    let mut stream = server.stream("/api/events/alerts?snapshot=open").await;
    let open = stream.event("alert").await;
    assert_eq!(open.data["state"], "firing");
    assert!(seq(open.id()) > seq(&before));
    server.sample("cpu", 98).await;
    assert_eq!(stream.event("alert").await.data["transition"], "escalated");

    let filtered = server
        .stream("/api/events/alerts?snapshot=open&rules=other&limit=1")
        .await;
    server.sample("cpu", 10).await;
    drop(filtered);

    // What is resumed is not skipped by a connection that breaks after the snapshot.
    server.sample("cpu", 99).await;
    let mut stream = server
        .resume("/api/events/alerts?snapshot=open", &before)
        .await;
    let open = stream.event("alert").await;
    assert_eq!(open.data["transition"], "fired");
    let mut resumed = server.resume("/api/events/alerts", open.id()).await;
    for transition in ["fired", "escalated", "resolved", "fired"] {
        assert_eq!(resumed.event("alert").await.data["transition"], transition);
    }
}
