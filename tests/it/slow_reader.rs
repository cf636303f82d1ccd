//! A reader that cannot keep up gets the newest of each series and every alert; nobody else notices.

use crate::support::{
    Server,
    flood::{SERIES, flood},
    raw::Raw,
    seq,
    sse::Event,
};

fn config(log_bytes: &str, alerts_kept: usize) -> String {
    format!(
        r#"
        [stream]
        slow_after = "100ms"
        log_bytes = "{log_bytes}"
        alerts_kept = {alerts_kept}
        [[rules]]
        name = "wave_high"
        metric = "wave"
        when = "above"
        warning = {{ fire = 0.5 }}
        flapping.after = 0
        "#
    )
}

fn is_last(event: &Event) -> bool {
    event.samples().iter().any(|(name, _)| name == "last")
}

/// Reads up to the sample `last`, or to the end of the connection.
async fn read(raw: &mut Raw) -> (Vec<Event>, bool) {
    let mut events = Vec::new();
    while let Some(more) = raw.read().await {
        events.extend(more);
        if events.iter().any(is_last) {
            return (events, true);
        }
    }
    (events, false)
}

async fn slow_and_fast(log_bytes: &str) {
    let server = Server::with(&config(log_bytes, 10_000)).await;
    let path = "/api/events/all?topics=metrics,alerts";
    let mut slow = Raw::open(server.app.address(), path).await;
    let mut fast = server.stream(path).await;
    let start = server.position().await;
    let kinds = ["metric", "alert", "lagged", "reset"];
    let mut read_fast = Vec::new();
    let (rounds, alerts) = flood(&server, 40, async |round| {
        let last = (format!("m{}", SERIES - 1), round as f64);
        let of_round = |e: &Event| e.samples().contains(&last);
        read_fast.extend(fast.until(&kinds, of_round).await);
    })
    .await;
    server.sample("last", 0).await;
    read_fast.extend(fast.until(&kinds, is_last).await);
    let fast = read_fast;
    let ids: Vec<u64> = fast.iter().map(|e| seq(e.id())).collect();
    let again = format!("{path}&since={start}");
    let again = server.stream(&again).await.until(&kinds, is_last).await;
    let whole: Vec<u64> = again.iter().map(|e| seq(e.id())).collect();
    assert_eq!(ids, whole, "a reader that keeps up gets everything");

    let (slow, ended_well) = read(&mut slow).await;
    assert!(ended_well);
    let lagged: Vec<&Event> = slow.iter().filter(|e| e.event == "lagged").collect();
    assert!(!lagged.is_empty());
    assert!(
        lagged
            .iter()
            .all(|e| e.data["skipped"].as_u64().is_some_and(|n| n > 0) && e.id.is_none())
    );
    assert!(slow.iter().all(|e| e.event != "reset"));
    let samples: Vec<(String, f64)> = slow.iter().flat_map(Event::samples).collect();
    for i in 0..SERIES {
        let name = format!("m{i}");
        let newest = samples.iter().rev().find(|(n, _)| *n == name);
        assert_eq!(newest.unwrap().1, rounds as f64, "{name}");
    }
    let skipped: u64 = lagged
        .iter()
        .map(|e| e.data["skipped"].as_u64().unwrap())
        .sum();
    assert!(
        samples.len() < fast.iter().flat_map(Event::samples).count() / 2,
        "{}",
        samples.len()
    );
    let sent = fast.iter().flat_map(Event::samples).count() as u64;
    assert_eq!(
        samples.len() as u64 + skipped,
        sent,
        "sent and skipped are all there were"
    );
    assert_eq!(slow.iter().filter(|e| e.event == "alert").count(), alerts);
    let ids: Vec<u64> = slow
        .iter()
        .filter_map(|e| e.id.as_deref())
        .map(seq)
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(server.metric("tickwire_lagged_total").await >= 1.0);
    assert_eq!(
        server.metric("tickwire_conflated_samples_total").await,
        skipped as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_the_newest_of_each_series_and_every_alert() {
    slow_and_fast("8MiB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_slower_than_the_log_is_long_still_gets_every_alert() {
    let server = Server::with(&config("64KiB", 10_000)).await;
    let path = "/api/events/all?topics=metrics,alerts";
    let mut slow = Raw::open(server.app.address(), path).await;
    let (rounds, alerts) = flood(&server, 100, async |_| ()).await;
    server.sample("last", 0).await;
    let (slow, ended_well) = read(&mut slow).await;
    assert!(ended_well);
    // What the log has forgotten is a reset; whether what is left is old enough to be conflated is up to its length.
    assert!(slow.iter().any(|e| e.event == "reset"));
    assert_eq!(slow.iter().filter(|e| e.event == "alert").count(), alerts);
    let samples: Vec<(String, f64)> = slow.iter().flat_map(Event::samples).collect();
    for i in 0..SERIES {
        let name = format!("m{i}");
        let newest = samples.iter().rev().find(|(n, _)| *n == name);
        assert_eq!(newest.unwrap().1, rounds as f64, "{name}");
    }
    let ids: Vec<u64> = slow
        .iter()
        .filter_map(|e| e.id.as_deref())
        .map(seq)
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_too_slow_for_its_alerts_is_closed_and_may_resume() {
    let server = Server::with(&config("8MiB", 100)).await;
    let path = "/api/events/all?topics=metrics,alerts";
    let mut slow = Raw::open(server.app.address(), path).await;
    flood(&server, 300, async |_| ()).await;
    server.sample("last", 0).await;
    let (events, ended_well) = read(&mut slow).await;
    assert!(!ended_well, "it was not closed");
    assert_eq!(server.metric("tickwire_too_slow_total").await, 1.0);
    let seen = events
        .iter()
        .filter_map(|e| e.id.as_deref())
        .next_back()
        .unwrap();
    let mut resumed = server.resume(path, seen).await;
    // What the log has forgotten meanwhile is in the store.
    let events = resumed.until(&["metric", "alert", "reset"], is_last).await;
    assert!(events.iter().all(|event| event.event != "reset"));
    let first = events[0].id();
    assert_eq!(seq(first), seq(seen) + 1);
}
