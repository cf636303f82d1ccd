//! A disk without room: streams and rules go on, the failure is counted, and when there is room again everything is written that
//! happened meanwhile. A limit on the size of files stands in for the disk: it needs no mount, and a server meets it where it
//! would meet the other.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{process::Process, sse::Event, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_stream_and_loses_nothing_that_fits_into_the_queue() {
    let folder = Arc::new(TempDir::new().unwrap());
    let mut process = Process::cramped(&folder, 256 << 10).await;
    let mut stream = process.stream("/api/events/metrics?names=m").await;
    let mut number = 0;
    let filled = async {
        while process.metric("tickwire_store_failing").await == 0.0 {
            number += 1;
            let mut batch = vec![json!({ "name": "m", "value": number })];
            batch.extend(
                (0..200)
                    .map(|i| json!({ "name": format!("n{i}"), "value": rand::random::<f64>() })),
            );
            let body = serde_json::to_string(&batch).unwrap();
            let push = process.http.post(process.url("/api/ingest")).body(body);
            assert_eq!(push.send().await.unwrap().status(), 200);
        }
    };
    within("the disk to be full", filled).await;
    number += 1;
    process.sample("m", number).await;
    let is_last = |event: &Event| event.data["value"] == number;
    let streamed = stream.until(&["metric", "gap", "reset"], is_last).await;
    assert_eq!(streamed.len() as u64, number);
    let page = within("a page", process.http.get(process.url("/status")).send()).await;
    assert_eq!(page.unwrap().status(), 200);

    process.let_grow();
    let written = async { while process.metric("tickwire_store_failing").await > 0.0 {} };
    within("the disk to take it", written).await;
    assert_eq!(process.metric("tickwire_store_dropped_total").await, 0.0);
    process.terminate();
    assert!(process.stopped().await.success());
    let process = Process::on(&folder, "127.0.0.1:0", "").await;
    let mut stream = process
        .stream("/api/events/metrics?names=m&since=earliest")
        .await;
    let again = stream.until(&["metric", "gap", "reset"], is_last).await;
    assert_eq!(again, streamed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_the_start_keeps_nobody_from_being_served() {
    let folder = Arc::new(TempDir::new().unwrap());
    // Once with a database that is there already, once without.
    for before in [false, true] {
        if before {
            let mut process = Process::on(&folder, "127.0.0.1:0", "").await;
            process.sample("kept", 1).await;
            process.terminate();
            assert!(process.stopped().await.success());
        }
        let process = Process::cramped(&folder, 4096).await;
        let mut feed = process
            .stream("/api/events/all?topics=metrics,activity&since=earliest")
            .await;
        let notice = feed
            .find("the notice", |event| event.data["kind"] == "store")
            .await;
        let message = notice.data["message"].as_str().unwrap();
        assert!(message.starts_with("nothing is kept:"), "{message}");
        process.sample("m", 7).await;
        assert_eq!(feed.event("metric").await.data["value"], 7);
    }
    // What was kept before is there when there is room.
    let process = Process::on(&folder, "127.0.0.1:0", "").await;
    let mut stream = process.stream("/api/events/metrics?since=earliest").await;
    assert_eq!(stream.event("metric").await.data["name"], "kept");
}
