//! A loss of power takes what was written and not synced yet: the end of the write-ahead log, cut anywhere, or left as
//! something else. What is before it is whole, and the rest is said to be lost.

use std::{path::Path, sync::Arc, time::Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tickwire::store::{FILE, care};

use crate::support::{Server, process::Process, sse::Event, within};

/// How often the power is lost, for each of two loads.
const LOSSES: usize = 24;

fn samples(events: &[Event]) -> Vec<(String, Value)> {
    let metrics = events.iter().filter(|event| event.event == "metric");
    metrics
        .map(|event| (event.id().to_owned(), event.data["value"].clone()))
        .collect()
}

/// What the disk has after it: the write-ahead log up to `synced` bytes, and from a place after that on not what was written.
fn lose(from: &Path, to: &Path, synced: usize, rng: &mut StdRng) -> usize {
    std::fs::copy(from.join(FILE), to.join(FILE)).unwrap();
    let log = format!("{FILE}-wal");
    let mut bytes = std::fs::read(from.join(&log)).unwrap();
    let at = rng.random_range(synced.min(bytes.len())..=bytes.len());
    match rng.random_range(0..3) {
        0 => bytes.truncate(at),
        1 => bytes[at..].fill(0),
        _ => rng.fill(&mut bytes[at..]),
    }
    std::fs::write(to.join(&log), bytes).unwrap();
    at
}

fn length_of(file: &Path) -> usize {
    std::fs::metadata(file).map_or(0, |file| file.len() as usize)
}

/// Pushes for two seconds, `many` samples at once (until the log was copied, if they are many), kills it, and loses the power in many ways after that.
async fn lose_power_after(many: usize) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut process = Process::start("").await;
    let folder = process.folder.path().join("data");
    // What was there before the first position was given out was synced.
    let log = folder.join(format!("{FILE}-wal"));
    let synced = length_of(&log);
    let witness = process.stream("/api/events/metrics?names=m").await;
    let witness = tokio::spawn(witness.until_broken());
    let begun = Instant::now();
    let mut number = 0;
    let mut length = 0;
    let mut was_copied = many == 1;
    while begun.elapsed().as_millis() < 2000 || !was_copied {
        // A checkpoint empties it.
        let before = std::mem::replace(&mut length, length_of(&log));
        was_copied |= length < before;
        assert!(begun.elapsed().as_secs() < 60, "the log is never copied");
        number += 1;
        let mut batch = vec![json!({ "name": "m", "value": number })];
        batch.extend(
            (1..many).map(|i| json!({ "name": format!("n{i}"), "value": rand::random::<f32>() })),
        );
        let body = serde_json::to_string(&batch).unwrap();
        let push = process.http.post(process.url("/api/ingest")).body(body);
        assert_eq!(within("a push", push.send()).await.unwrap().status(), 200);
    }
    process.kill();
    let witness = samples(&within("its end", witness).await.unwrap());
    let mut fewest = usize::MAX;
    for loss in 0..LOSSES {
        let left = Arc::new(TempDir::new().unwrap());
        // A checkpoint syncs the log before it copies it, and begins it anew.
        let synced = if many > 1 { 0 } else { synced };
        let at = lose(&folder, left.path(), synced, &mut rng);
        let server = Server::on(&left, "").await;
        let mut stream = server
            .stream("/api/events/metrics?names=m&since=earliest")
            .await;
        server.sample("m", -1).await;
        let is_new = |event: &Event| event.data["value"] == -1;
        let events = stream.until(&["metric", "gap", "reset"], is_new).await;
        let mut kept = samples(&events);
        let new = kept.pop().unwrap();
        assert_eq!(kept, witness[..kept.len()], "loss {loss} at {at}");
        assert!(
            !witness.iter().any(|(id, _)| *id == new.0),
            "{} again",
            new.0
        );
        let resets: Vec<_> = events
            .iter()
            .filter(|event| event.event == "reset")
            .collect();
        // Of a life that left nothing, who begins with the oldest need not know.
        assert_eq!(resets.len(), usize::from(!kept.is_empty()), "{resets:?}");
        // Who had seen more than was kept is told that it is lost.
        let (last, _) = &witness[witness.len() - 1];
        let mut resumed = server.resume("/api/events/metrics?names=m", last).await;
        let reset = resumed.event("reset").await;
        // Of a life that left nothing, and was the first, it is not known that there was ever more of it.
        let reason = reset.data["reason"].as_str().unwrap();
        let is_told = reason == "lost" || (kept.is_empty() && reason == "evicted");
        assert!(is_told, "loss {loss} at {at}: {reason}");
        assert_eq!(resumed.event("metric").await.id(), new.0);
        fewest = fewest.min(kept.len());
        drop((stream, resumed));
        within("the server to stop", server.app.stop()).await;
        let verified = care::verify(left.path()).unwrap();
        assert_eq!(verified.faults, [""; 0]);
    }
    println!("{} were streamed, at least {fewest} kept", witness.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_of_power_takes_the_end_of_the_log_and_that_is_said() {
    lose_power_after(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_of_power_after_the_log_was_copied_takes_no_more_than_what_came_since() {
    lose_power_after(1000).await;
}
