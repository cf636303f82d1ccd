//! The past as a stream: whoever begins in it, or comes back from it, gets what was streamed then, with the same ids and
//! values, and goes on live. Through restarts, clean and not.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, Stream, process::Process, rules::CPU_HIGH, seq, sse::Event, within};

/// What of events must come again: id, kind and data.
fn seen(events: &[Event]) -> Vec<(String, String, Value)> {
    let told = ["metric", "metrics", "alert", "activity"];
    let told = events.iter().filter(|e| told.contains(&e.event.as_str()));
    told.map(|e| (e.id().to_owned(), e.event.clone(), e.data.clone()))
        .collect()
}

fn kinds(events: &[Event]) -> Vec<&str> {
    let kinds = events.iter().map(|event| event.event.as_str());
    kinds
        .filter(|kind| !["", "status", "heartbeat"].contains(kind))
        .collect()
}

/// Batches of several series, alerts that come and go, late samples, and many in one push.
async fn live(server: &Server, round: u64) {
    for value in [10, 98, 1] {
        server.sample("cpu", (value + round) as f64).await;
    }
    let batch: Vec<Value> = (0..50)
        .map(|i| json!({ "name": format!("m{i}"), "value": (i * 7 + round) as f64 / 100.0, "labels": { "n": "é\"" } }))
        .collect();
    server.push(&batch).await;
    server.push(&batch[..20]).await;
    let note = json!({ "kind": "deploy", "message": format!("round {round}") });
    assert_eq!(
        server.post("/api/events", note.to_string()).await.status(),
        202
    );
}

const ALL: &str = "/api/events/all?topics=metrics,alerts,activity";

/// Waits until all that earlier lives left in the journal is in blocks.
async fn compacted(server: &Server) {
    let done = async {
        while server.metric("tickwire_store_blocks_made_total").await < 1.0 {
            tokio::task::yield_now().await;
        }
    };
    within("a block", done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_streamed_comes_again_from_the_store_the_same() {
    let folder = Arc::new(TempDir::new().unwrap());
    let mut all = Vec::new();
    // Each life has one more earlier life in blocks.
    for round in 0..3 {
        let server = Server::on(&folder, CPU_HIGH).await;
        let mut witness = server.stream(&format!("{ALL}&since=earliest")).await;
        live(&server, round).await;
        let last = format!("round {round}");
        let is_last = |event: &Event| event.data["message"] == last.as_str();
        let events = witness
            .until(&["metric", "alert", "activity", "gap", "reset"], is_last)
            .await;
        assert!(kinds(&events).iter().all(|kind| *kind != "reset"));
        let gaps = events.iter().filter(|e| e.event == "gap").count();
        assert_eq!(gaps as u64, round);
        let events = seen(&events);
        assert_eq!(events[..all.len()], all, "round {round}");
        all = events;
        if round > 0 {
            compacted(&server).await;
            let mut again = server.stream(&format!("{ALL}&since=earliest")).await;
            let again = again.until(&["metric", "alert", "activity"], is_last).await;
            assert_eq!(seen(&again), all);
        }
        server.stop().await;
    }
    // From within, with a filter, in batches: the same again.
    let server = Server::on(&folder, CPU_HIGH).await;
    compacted(&server).await;
    let from = &all[30].0;
    let until = &all[all.len() - 1].0;
    let path = format!("{ALL}&since={from}&until={until}");
    let rest = server.stream(&path).await.rest().await;
    assert_eq!(seen(&rest), all[31..]);
    assert_eq!(kinds(&rest).last(), Some(&"end"));
    let some = server
        .stream(&format!("{path}&names=m1*,m7"))
        .await
        .rest()
        .await;
    let wanted = |name: &Value| {
        name.as_str()
            .is_some_and(|n| n.starts_with("m1") || n == "m7")
    };
    let expected: Vec<_> = all[31..]
        .iter()
        .filter(|(_, kind, data)| kind == "activity" || wanted(&data["name"]))
        .cloned()
        .collect();
    assert_eq!(seen(&some), expected);
    let batches = server
        .stream(&format!("{path}&shape=batch&names=m1*,m7"))
        .await;
    let of_batches: Vec<_> = batches
        .rest()
        .await
        .iter()
        .flat_map(Event::samples)
        .collect();
    let singles: Vec<_> = some.iter().flat_map(Event::samples).collect();
    assert_eq!(of_batches, singles);
    // It is over, and who asks for it once more is told so.
    let request = server
        .http
        .get(server.url(&path))
        .header("last-event-id", until);
    assert_eq!(request.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_stream_and_a_socket_go_on_over_a_restart() {
    let server = Server::start().await;
    server.sample("m", 1).await;
    let before = server.position().await;
    server.sample("m", 2).await;
    let folder = server.stop().await;
    let server = Server::on(&folder, "").await;
    server.sample("m", 3).await;
    let mut stream = server.resume("/api/events/metrics", &before).await;
    assert_eq!(stream.event("metric").await.data["value"], 2);
    let gap = stream.event("gap").await;
    assert!(gap.id.is_none());
    assert!(gap.data["from"].as_str() < gap.data["to"].as_str());
    assert_eq!(stream.event("metric").await.data["value"], 3);
    let mut socket = server.socket().await;
    let subscribe =
        json!({ "type": "subscribe", "id": 1, "since": before, "until": server.position().await });
    assert_eq!(socket.ask(subscribe).await["position"], before);
    let value = |frame: &Value| frame["data"][0]["value"].clone();
    assert_eq!(value(&socket.frame("metrics").await), 2);
    assert!(socket.frame("gap").await["subscription"].is_string());
    assert_eq!(value(&socket.frame("metrics").await), 3);
    assert_eq!(socket.frame("end").await["reason"], "until");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_has_forgotten_is_read_from_the_store() {
    let server = Server::with("[stream]\nlog_bytes = \"64KiB\"").await;
    let start = server.position().await;
    for round in 0..40 {
        let batch: Vec<_> = (0..500)
            .map(|i| json!({ "name": format!("m{i}"), "value": round }))
            .collect();
        server.push(batch).await;
    }
    let end = server.position().await;
    for since in [start.as_str(), "10m", "earliest"] {
        let path = format!("/api/events/metrics?since={since}&until={end}");
        let events = server.stream(&path).await.rest().await;
        let ids: Vec<u64> = seen(&events).iter().map(|(id, ..)| seq(id)).collect();
        assert_eq!(
            ids,
            (seq(&start) + 1..=seq(&end)).collect::<Vec<_>>(),
            "{since}"
        );
        assert_eq!(kinds(&events).last(), Some(&"end"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_at_most_a_second_and_says_so() {
    let mut process = Process::start("").await;
    let witness = process.stream("/api/events/metrics").await;
    let witness = tokio::spawn(witness.until_broken());
    let begun = Instant::now();
    let mut sent = Vec::new();
    while begun.elapsed().as_millis() < 1800 {
        process.sample("m", sent.len() as u64).await;
        sent.push(begun.elapsed());
    }
    let killed = begun.elapsed();
    process.kill();
    let witness = seen(&within("its end", witness).await.unwrap());
    let process = Process::on(&process.folder, "127.0.0.1:0", "").await;
    process.sample("m", 1_000_000).await;
    let mut stream = process.stream("/api/events/metrics?since=earliest").await;
    let is_new = |event: &Event| event.data["value"] == 1_000_000;
    let events = stream.until(&["metric", "reset", "gap"], is_new).await;
    let kept: Vec<_> = seen(&events[..events.len() - 1]);
    // Whatever was kept is what was streamed, without a hole.
    assert_eq!(kept, witness[..kept.len()]);
    let lost = sent
        .get(kept.len())
        .map_or(0.0, |at| (killed - *at).as_secs_f64());
    assert!(lost <= 1.0, "{lost} s were lost");
    assert_eq!(kinds(&events[kept.len()..]), ["reset", "gap", "metric"]);
    assert_eq!(events[kept.len()].data["reason"], "lost");
    // Who has seen more than was kept is told that it is lost.
    let last = &witness[witness.len() - 1].0;
    let request = process.http.get(process.url("/api/events/metrics"));
    let answer = request.header("last-event-id", last).send().await.unwrap();
    let mut resumed = Stream::of(answer);
    let reset = resumed.event("reset").await;
    assert_eq!(reset.data["reason"], "lost");
    assert_eq!(reset.data["requested"], last.as_str());
    assert_eq!(resumed.event("metric").await.data["value"], 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paced_stream_takes_as_long_as_it_took_and_goes_on_live() {
    let server = Server::start().await;
    let start = server.position().await;
    let begun = Instant::now();
    let mut sent = 0;
    // So far apart as the clock says: nothing is waited for but the next answer.
    while begun.elapsed().as_millis() < 1500 {
        server.sample("m", sent).await;
        sent += 1;
    }
    let took = begun.elapsed();
    for (speed, least) in [("2", took / 2), ("1000", took / 1000), ("max", took / 1000)] {
        let path = format!("/api/events/metrics?since={start}&speed={speed}");
        let mut stream = server.stream(&path).await;
        let begun = Instant::now();
        let is_last = |event: &Event| event.data["value"] == sent - 1;
        let events = stream.until(&["metric", "reset", "gap"], is_last).await;
        let replayed = begun.elapsed();
        assert_eq!(events.len() as i32, sent, "{speed}");
        // The first and the last are a little closer together than the clock here says.
        assert!(replayed.mul_f64(1.1) >= least, "{speed}: {replayed:?}");
    }
    let path = format!("/api/events/metrics?since={start}&speed=1000");
    let mut stream = server.stream(&path).await;
    server.sample("live", 1).await;
    stream
        .find("the present", |e| e.data["name"] == "live")
        .await;
}
