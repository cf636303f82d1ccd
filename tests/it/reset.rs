//! When something that matches may be missing, the client is told, and told where what follows starts.

use serde_json::json;

use crate::support::{Server, moved, seq, sse::Event};

/// Fires and resolves as `wave` goes up and down.
const WAVE: &str = r#"
[stream]
log_bytes = "64KiB"
[[rules]]
name = "wave_high"
metric = "wave"
when = "above"
warning = { fire = 0.5 }
flapping.after = 0
"#;

/// Pushes more than the log of the configuration above holds.
async fn flood(server: &Server) {
    for round in 0..40 {
        let batch: Vec<_> = (0..500)
            .map(|i| json!({ "name": format!("m{i}"), "value": round }))
            .collect();
        server.push(batch).await;
    }
}

fn assert_reset(event: &Event, reason: &str, requested: Option<&str>) {
    assert_eq!(event.event, "reset", "{event:?}");
    assert_eq!(event.data["reason"], reason);
    assert_eq!(event.data["requested"].as_str(), requested);
    assert_eq!(event.data["resumed_from"], event.id());
}

/// A server that keeps nothing: what its log forgets is gone.
#[cfg(target_os = "linux")]
async fn forgetful() -> Server {
    let nowhere = std::path::Path::new("/sys/tickwire");
    Server::of(crate::support::server::config(nowhere, WAVE)).await
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_evicted_is_told_and_what_follows_is_whole() {
    let server = forgetful().await;
    let start = server.position().await;
    flood(&server).await;
    let end = server.position().await;
    let path = format!("/api/events/metrics?until={end}");
    let events = server.resume(&path, &start).await.rest().await;
    assert_reset(&events[1], "evicted", Some(&start));
    let from = seq(events[1].id());
    assert!(from > seq(&start));
    let ids: Vec<u64> = events[2..events.len() - 1]
        .iter()
        .map(|e| seq(e.id()))
        .collect();
    assert_eq!(ids, (from + 1..=seq(&end)).collect::<Vec<_>>());

    // A time further back than the log reaches names no position.
    let ago = server
        .stream("/api/events/metrics?since=10m")
        .await
        .event("reset")
        .await;
    assert_reset(&ago, "evicted", None);
    // The oldest there is, is there.
    let earliest = format!("{path}&since=earliest");
    let earliest = server.stream(&earliest).await.rest().await;
    assert_eq!(seq(earliest[1].id()), from + 1);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_samples_pushes_out_no_alert() {
    let server = forgetful().await;
    let start = server.position().await;
    for value in [1, 0, 1, 0] {
        server.sample("wave", value).await;
    }
    flood(&server).await;
    let end = server.position().await;
    let alerts = format!("/api/events/alerts?until={end}&since={start}");
    let events = server.stream(&alerts).await.rest().await;
    let kinds: Vec<_> = events[1..].iter().map(|e| e.event.as_str()).collect();
    assert_eq!(kinds, ["alert", "alert", "alert", "alert", "end"]);

    // Who follows both is told that samples are missing, and still gets each alert.
    let both = format!("/api/events/all?topics=metrics,alerts&until={end}&since={start}");
    let events = server.stream(&both).await.rest().await;
    let count = |kind: &str| events.iter().filter(|e| e.event == kind).count();
    assert_eq!((count("alert"), count("reset")), (4, 1));
    let ids: Vec<u64> = events
        .iter()
        .filter_map(|e| e.id.as_deref())
        .map(seq)
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_past_the_newest_is_ahead() {
    let server = Server::start().await;
    server.sample("m", 1).await;
    let ahead = moved(&server.position().await, 1000);
    let mut stream = server.resume("/api/events/metrics", &ahead).await;
    assert_reset(&stream.event("reset").await, "ahead", Some(&ahead));
    server.sample("m", 2).await;
    assert_eq!(stream.event("metric").await.data["value"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_no_server_we_know_is_unknown_and_everything_there_is_follows() {
    let server = Server::start().await;
    server.sample("m", 1).await;
    for id in ["e1.00000000-1", "e99.12345678-1", "nonsense", "17"] {
        let mut stream = server.resume("/api/events/metrics", id).await;
        assert_reset(&stream.event("reset").await, "unknown", Some(id));
        assert_eq!(stream.event("metric").await.data["value"], 1, "{id}");
    }
}
