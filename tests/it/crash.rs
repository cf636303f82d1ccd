//! `kill -9` at random moments, again and again on one data folder: nothing is damaged, at most a second is lost, and no
//! position is given out twice. `TICKWIRE_CRASHES=200` does it 200 times.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tickwire::store::FILE;

use crate::support::{process::Process, sse::Event, within};

/// How often it is killed if nothing is said.
const CRASHES: usize = 10;

fn metrics(events: &[Event]) -> Vec<(String, u64)> {
    let metrics = events.iter().filter(|event| event.event == "metric");
    metrics
        .map(|event| (event.id().to_owned(), event.data["value"].as_u64().unwrap()))
        .collect()
}

/// Reads the whole past up to a value.
async fn past(process: &Process, last: u64) -> Vec<Event> {
    let mut stream = process
        .stream("/api/events/metrics?names=m&since=earliest")
        .await;
    let is_last = |event: &Event| event.data["value"] == last;
    stream.until(&["metric", "reset", "gap"], is_last).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_at_most_a_second_and_nothing_else() {
    let crashes = std::env::var("TICKWIRE_CRASHES");
    let crashes = crashes.ok().and_then(|n| n.parse().ok()).unwrap_or(CRASHES);
    let folder = Arc::new(TempDir::new().unwrap());
    // What each position was given out for, whoever saw it.
    let mut given: HashMap<String, u64> = HashMap::new();
    let mut next = 0;
    let mut kept: Vec<(String, u64)> = Vec::new();
    let mut longest = Duration::ZERO;
    let mut begins_with_first = false;
    for crash in 0..crashes {
        let mut process = Process::on(&folder, "127.0.0.1:0", "").await;
        let witness = process.stream("/api/events/metrics?names=m").await;
        let witness = tokio::spawn(witness.until_broken());
        let begun = Instant::now();
        let life = Duration::from_millis(rand::random_range(0..1500));
        let mut sent = Vec::new();
        while sent.is_empty() || begun.elapsed() < life {
            process.sample("m", next).await;
            sent.push((next, begun.elapsed()));
            next += 1;
        }
        let killed = begun.elapsed();
        process.kill();
        let seen = metrics(&within("its end", witness).await.unwrap());

        // The next life tells what was kept.
        let process = Process::on(&folder, "127.0.0.1:0", "").await;
        process.sample("m", next).await;
        let events = past(&process, next).await;
        let all = metrics(&events);
        assert_eq!(
            all[..kept.len()],
            kept,
            "crash {crash}: what was kept before"
        );
        let (mark, of_life) = all[kept.len()..].split_last().unwrap();
        let values: Vec<u64> = of_life.iter().map(|(_, value)| *value).collect();
        let first = sent[0].0;
        assert_eq!(
            values,
            (first..first + values.len() as u64).collect::<Vec<_>>()
        );
        if let Some((_, at)) = sent.get(values.len()) {
            longest = longest.max(killed - *at);
        }
        let resets = events.iter().filter(|event| event.event == "reset");
        assert!(resets.clone().all(|event| event.data["reason"] == "lost"));
        // Of a first life of which nothing was kept nobody knows.
        begins_with_first |= crash == 0 && !of_life.is_empty();
        assert_eq!(resets.count(), crash + usize::from(begins_with_first));
        for (id, value) in seen.iter().chain(of_life).chain([mark]) {
            let before = given.insert(id.clone(), *value);
            assert!(
                before.is_none_or(|before| before == *value),
                "{id} was given twice"
            );
        }
        kept = all;
        next += 1;
        // In order, this time.
        let mut process = process;
        process.terminate();
        assert!(process.stopped().await.success());
        let database = rusqlite::Connection::open(folder.path().join("data").join(FILE)).unwrap();
        let check: String = database
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
    }
    assert!(longest <= Duration::from_secs(1), "{longest:?} were lost");
    println!("{crashes} times, {next} samples, at most {longest:?} lost");
}
