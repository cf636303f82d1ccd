//! What slow readers get holds for sockets and for NDJSON too.

use serde_json::{Value, json};

use crate::support::{
    Server, Socket,
    flood::{SERIES, flood},
    raw::Raw,
    seq,
    socket::samples,
};

fn config(alerts_kept: usize) -> String {
    format!(
        "[stream]\nslow_after = \"100ms\"\nalerts_kept = {alerts_kept}\n[[rules]]\nname = \"wave_high\"\n\
         metric = \"wave\"\nwhen = \"above\"\nwarning = {{ fire = 0.5 }}\nflapping.after = 0\n"
    )
}

/// A flood with an end to be known by; how many samples, and how many alerts came of it.
async fn whole_flood(server: &Server, rounds: u64) -> (u64, usize) {
    let (rounds, alerts) = flood(server, rounds, async |_| ()).await;
    server.sample("last", 0).await;
    (rounds * (SERIES as u64 + 1) + 1, alerts)
}

async fn subscribed(server: &Server, since: &str) -> Socket {
    let mut socket = Socket::narrow(server).await;
    let subscribe = json!({ "type": "subscribe", "id": 1, "since": since });
    assert_eq!(socket.ask(subscribe).await["type"], "subscribed");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_socket_gets_the_newest_of_each_series_and_every_alert() {
    let server = Server::with(&config(10_000)).await;
    let mut slow = subscribed(&server, "latest").await;
    let (pushed, alerts) = whole_flood(&server, 60).await;
    let mut frames: Vec<Value> = Vec::new();
    while !frames.iter().any(|f| f["data"][0]["name"] == "last") {
        frames.push(slow.next().await);
    }
    // Those of the last turn may come behind it.
    let of = |kind: &'static str| frames.iter().filter(move |f| f["type"] == kind);
    assert_eq!(of("reset").count(), 0);
    assert_eq!(of("alert").count(), alerts);
    assert!(of("lagged").count() > 0);
    assert!(of("lagged").all(|f| f["subscription"] == "s1"));
    let skipped: u64 = of("lagged").map(|f| f["skipped"].as_u64().unwrap()).sum();
    let samples: Vec<(String, f64)> = of("metrics").flat_map(samples).collect();
    assert_eq!(samples.len() as u64 + skipped, pushed);
    assert!(skipped > 0);
    let newest = |name: &str| samples.iter().rev().find(|(n, _)| n == name);
    for i in 0..SERIES {
        assert_eq!(newest(&format!("m{i}")).unwrap().1, alerts as f64);
    }
    let positions = frames.iter().filter_map(|f| f["position"].as_str());
    let positions: Vec<u64> = positions.map(seq).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(
        server.metric("tickwire_conflated_samples_total").await,
        skipped as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_too_slow_for_its_alerts_is_closed_with_4008_and_may_resume() {
    let server = Server::with(&config(100)).await;
    let mut slow = subscribed(&server, "latest").await;
    whole_flood(&server, 300).await;
    let (frames, code) = slow.closed().await;
    assert_eq!(code, Some(4008));
    assert_eq!(server.metric("tickwire_too_slow_total").await, 1.0);
    let seen = frames.iter().rev().find_map(|f| f["position"].as_str());
    let mut resumed = subscribed(&server, seen.unwrap()).await;
    // What the log has forgotten meanwhile is in the store.
    let next = loop {
        let frame = resumed.next().await;
        if ["metrics", "alert"].contains(&frame["type"].as_str().unwrap()) {
            break frame;
        }
    };
    let first = seq(next["position"].as_str().unwrap()) + 1;
    let samples = next["data"].as_array().map_or(1, Vec::len) as u64;
    assert_eq!(first - samples, seq(seen.unwrap()) + 1, "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_lines_is_told_what_it_missed() {
    let server = Server::with(&config(10_000)).await;
    let path = "/api/events/all?topics=metrics,alerts&format=ndjson";
    let mut slow = Raw::lines(server.app.address(), path).await;
    let (pushed, alerts) = whole_flood(&server, 60).await;
    let mut events = Vec::new();
    while !events
        .iter()
        .any(|e: &crate::support::sse::Event| e.data["name"] == "last")
    {
        events.extend(slow.read().await.expect("it goes on"));
    }
    let skipped = events.iter().filter_map(|e| e.data["skipped"].as_u64());
    let skipped: u64 = skipped.sum();
    let samples: usize = events.iter().map(|e| e.samples().len()).sum();
    assert!(skipped > 0);
    assert_eq!(samples as u64 + skipped, pushed);
    assert_eq!(events.iter().filter(|e| e.event == "alert").count(), alerts);
    assert!(events.iter().all(|e| e.id.is_some()));
}
