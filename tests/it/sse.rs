//! The streams over SSE and NDJSON: their head, their first bytes, their events.

use serde_json::json;

use crate::support::{Server, Stream, http::problem, raw::Raw, seq, sse::Event, within};

const ENDPOINTS: [&str; 3] = [
    "/api/events/metrics",
    "/api/events/alerts",
    "/api/events/all",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_head_keeps_proxies_and_browsers_from_holding_a_stream_back() {
    let server = Server::start().await;
    for path in ENDPOINTS {
        let response = server.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/event-stream", "{path}");
        assert_eq!(
            headers["cache-control"], "no-cache, no-store, no-transform",
            "{path}"
        );
        assert_eq!(headers["x-accel-buffering"], "no", "{path}");
        assert!(headers.get("content-encoding").is_none(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_validates_and_answers_the_head_only() {
    let server = Server::start().await;
    for path in ENDPOINTS {
        let head = |path: String| server.http.head(server.url(&path)).send();
        let response = within("a head", head(path.to_owned())).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-length"), "{path}");
        assert_eq!(within("the end", response.text()).await.unwrap(), "");
        let faulty = head(format!("{path}?shape=round"));
        assert_eq!(within("a head", faulty).await.unwrap().status(), 400);
    }
    assert_eq!(server.metric("tickwire_clients{kind=\"sse\"}").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_greets_before_anything_happens() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/metrics").await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.comments, ["ok"]);
    let retry = first.retry.expect("a retry");
    assert!((2000..=4000).contains(&retry), "{retry}");
    assert_eq!((first.id, first.event.as_str()), (None, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_proxy_that_speaks_http_1_0_gets_the_bare_bytes() {
    let server = Server::start().await;
    let mut raw = Raw::open(server.app.address(), "/api/events/metrics?limit=1").await;
    server.sample("m", 7).await;
    let mut events = Vec::new();
    while let Some(more) = raw.read().await {
        events.extend(more);
    }
    let kinds: Vec<&str> = events.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(kinds, ["", "metric", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_rise_by_one_for_a_client_that_sees_everything() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/all").await;
    for round in 0..20 {
        let batch: Vec<_> = (0..=round % 4)
            .map(|i| json!({ "name": format!("m{i}"), "value": round }))
            .collect();
        server.push(batch).await;
    }
    let mut last = None;
    for _ in 0..50 {
        let has_id = |e: &Event| e.id.is_some() && e.event != "heartbeat";
        let id = stream.find("an event", has_id).await.id().to_owned();
        assert!(
            last.is_none_or(|last| seq(&id) == last + 1),
            "{id} after {last:?}"
        );
        last = Some(seq(&id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_counts_events_and_ends_the_stream() {
    let server = Server::start().await;
    let start = server.position().await;
    for value in 0..10 {
        server.sample("m", value).await;
    }
    let path = format!("/api/events/metrics?since={start}&limit=4");
    let events = server.stream(&path).await.rest().await;
    let kinds: Vec<&str> = events.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(kinds, ["", "metric", "metric", "metric", "metric", "end"]);
    let end = events.last().unwrap();
    assert_eq!(end.data, json!({ "type": "end", "reason": "limit" }));
    assert_eq!(end.id, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_a_position_ends_the_stream_there_and_a_reconnect_past_it_gets_204() {
    let server = Server::start().await;
    let start = server.position().await;
    server
        .push([
            json!({ "name": "a", "value": 1 }),
            json!({ "name": "b", "value": 2 }),
        ])
        .await;
    let until = server.position().await;
    server.sample("a", 3).await;
    let path = format!("/api/events/metrics?until={until}");
    let events = server.resume(&path, &start).await.rest().await;
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(events[2].id(), until);
    assert_eq!(events[3].data, json!({ "type": "end", "reason": "until" }));

    let again = server
        .http
        .get(server.url(&path))
        .header("last-event-id", &until);
    let again = within("an answer", again.send()).await.unwrap();
    assert_eq!(again.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_a_time_lets_live_events_through_and_then_ends() {
    let server = Server::start().await;
    let until = (chrono::Utc::now() + chrono::Duration::milliseconds(1500)).to_rfc3339();
    let until = until.replace('+', "%2B");
    let stream = server
        .stream(&format!("/api/events/metrics?until={until}"))
        .await;
    server.sample("m", 1).await;
    let events = stream.rest().await;
    let kinds: Vec<&str> = events.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(kinds, ["", "metric", "end"], "{events:?}");
    assert_eq!(
        server
            .get(&format!("/api/events/metrics?until={until}"))
            .await
            .status(),
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_carries_the_same_objects_each_with_its_position() {
    let server = Server::start().await;
    let mut sse = server.stream("/api/events/metrics").await;
    let mut by_format = server.stream("/api/events/metrics?format=ndjson").await;
    let by_accept = server.http.get(server.url("/api/events/metrics"));
    let by_accept = by_accept.header("accept", "application/x-ndjson").send();
    let mut by_accept = Stream::of(within("an answer", by_accept).await.unwrap());
    for stream in [&mut by_format, &mut by_accept] {
        let first = stream.next().await.unwrap();
        assert_eq!(first.event, "heartbeat");
        assert!(first.id.is_some(), "{first:?}");
    }
    server
        .push(json!({ "name": "m", "value": 1.5, "labels": { "core": "0" } }))
        .await;
    let event = sse.event("metric").await;
    for stream in [&mut by_format, &mut by_accept] {
        let mut line = stream.event("metric").await;
        assert_eq!(line.id, event.id);
        line.data.as_object_mut().unwrap().remove("position");
        assert_eq!(line.data, event.data);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_filtered_client_is_kept_up_to_date_by_heartbeats() {
    let server = Server::with("[stream]\nheartbeat = \"1s\"").await;
    let paths = [
        "/api/events/metrics?names=nothing",
        "/api/events/metrics?names=nothing&heartbeat=event",
        "/api/events/metrics?names=nothing&heartbeat=comment",
        "/api/events/metrics?names=nothing&format=ndjson&heartbeat=comment",
        "/api/events/metrics?names=nothing&max_rate=50",
    ];
    let mut streams = Vec::new();
    for path in paths {
        let mut stream = server.stream(path).await;
        stream.next().await.expect("a greeting");
        streams.push((path, stream));
    }
    server.sample("other", 1).await;
    let position = server.position().await;
    for (path, mut stream) in streams {
        let beat = stream.next().await.unwrap();
        assert!(seq(beat.id()) >= seq(&position), "{path}: {}", beat.id());
        if path.contains("comment") && !path.contains("ndjson") {
            assert_eq!(
                (beat.event.as_str(), &beat.data),
                ("", &json!(null)),
                "{path}"
            );
        } else {
            assert_eq!(beat.event, "heartbeat", "{path}");
            assert!(beat.data["timestamp"].is_string(), "{path}");
        }
        let resumed = server.resume(path, beat.id()).await.next().await.unwrap();
        assert_ne!(resumed.event, "reset", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_comes_on_connect_and_again_when_something_in_it_changes() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/all").await;
    let status = stream.event("status").await;
    assert_eq!(status.id, None);
    assert_eq!(status.data["version"], env!("CARGO_PKG_VERSION"));
    assert!(status.data["started"].is_string(), "{status:?}");
    assert!(status.data["sources"].is_array(), "{status:?}");
    let others = [
        server.stream("/api/events/metrics").await,
        server.stream("/api/events/metrics").await,
    ];
    let clients = |n: u64| move |e: &Event| e.event == "status" && e.data["clients"] == n;
    stream.find("three clients", clients(3)).await;
    drop(others);
    stream.find("one client", clients(1)).await;
    server.tell("/api/sources/push/stop", "").await;
    let stopped = stream.event("status").await;
    let sources = stopped.data["sources"].as_array().unwrap();
    let push = sources.iter().find(|s| s["name"] == "push").unwrap();
    assert_eq!(push["state"], "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_to_events_is_activity() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/all?topics=activity").await;
    let event = json!({ "kind": "deploy", "message": "Version 2 is out\nat last", "host": "web1" });
    let (status, answer) = server.tell("/api/events", event.to_string()).await;
    assert_eq!((status, answer), (202, json!({ "accepted": 1 })));
    let deploy = stream
        .find("the event", |e| e.data["kind"] == "deploy")
        .await;
    assert_eq!(deploy.event, "activity");
    assert!(deploy.id.is_some());
    assert_eq!(deploy.data["message"], "Version 2 is out\nat last");
    assert_eq!(deploy.data["host"], "web1");
    assert!(deploy.data["timestamp"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_coming_are_told_as_a_count() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/all?topics=activity").await;
    let told = stream
        .find("a count", |e| e.data["kind"] == "clients")
        .await;
    assert_eq!(told.data["message"], "1 client connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_malformed_parameters_are_named_with_what_is_accepted() {
    let server = Server::start().await;
    let cases = [
        ("/api/events/metrics?shape=round", "shape", "round"),
        ("/api/events/metrics?max_rate=0", "max_rate", "0"),
        ("/api/events/metrics?limit=0", "limit", "0"),
        ("/api/events/metrics?since=yesterday", "since", "yesterday"),
        ("/api/events/metrics?last_event_id=7", "last_event_id", "7"),
        ("/api/events/metrics?until=soon", "until", "soon"),
        ("/api/events/metrics?heartbeat=loud", "heartbeat", "loud"),
        ("/api/events/metrics?format=xml", "format", "xml"),
        ("/api/events/metrics?topics=alerts", "topics", "alerts"),
        ("/api/events/metrics?snapshot=open", "snapshot", "open"),
        ("/api/events/metrics?colour=red", "colour", "red"),
        ("/api/events/alerts?levels=bad", "levels", "bad"),
        ("/api/events/alerts?snapshot=all", "snapshot", "all"),
        ("/api/events/all?topics=weather", "topics", "weather"),
        ("/api/events/all?names=a,,b", "names", "a,,b"),
        ("/api/metrics/recent?count=many", "count", "many"),
        ("/api/metrics/recent?colour=red", "colour", "red"),
        ("/api/alerts?state=closed", "state", "closed"),
        ("/api/stats?count=5", "count", "5"),
    ];
    for (path, parameter, value) in cases {
        let problem = problem(server.get(path).await, 400).await;
        assert_eq!(problem["parameter"], parameter, "{path}");
        assert_eq!(problem["value"], value, "{path}");
        assert!(
            problem["accepted"].as_str().is_some_and(|a| !a.is_empty()),
            "{path}"
        );
    }
}
