//! The promise that counts: whoever reconnects with the last id misses nothing and gets nothing twice.
//!
//! Thousands of samples are pushed in batches of random size. One client reads without a break; others are cut off
//! again and again, anywhere in the byte stream, while the pushing goes on. Only what was whole counts as seen.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{
    Server,
    http::problem,
    seq,
    sse::{Event, Parser},
    within,
};

/// Fires and resolves as `wave` goes up and down.
const WAVE: &str = r#"
[[rules]]
name = "wave_high"
metric = "wave"
when = "above"
warning = { fire = 0.5 }
flapping.after = 0
"#;

const BATCHES: u64 = 400;
const MOST_BYTES: usize = 6000;

/// A sample of the sequence: what the filters below ask for, and its number, which is its value.
fn sample(number: u64, rng: &mut StdRng) -> Value {
    let host = if rng.random() { "a" } else { "b" };
    json!({
        "name": format!("m_{}", rng.random_range(0..8)),
        "host": host,
        "value": number,
        "labels": { "core": rng.random_range(0..2).to_string() },
    })
}

/// Pushes everything; the last sample passes every filter.
async fn push_all(server: &Server, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut number = 1;
    for round in 0..BATCHES {
        let count = rng.random_range(1..=30);
        let mut batch: Vec<_> = (number..number + count)
            .map(|n| sample(n, &mut rng))
            .collect();
        if round % 7 == 0 {
            batch.push(json!({ "name": "wave", "value": round / 7 % 2 }));
        }
        server.push(batch).await;
        number += count;
    }
    server
        .push(json!({ "name": "the_end", "value": -1, "host": "a", "labels": { "core": "0" } }))
        .await;
}

fn is_end(event: &Event) -> bool {
    event.samples().iter().any(|(name, _)| name == "the_end")
}

/// What a client keeps of what it saw.
#[derive(Debug, Default)]
struct Seen {
    /// Of metrics, alerts and activity.
    events: Vec<Event>,
    last: String,
    connections: usize,
}

impl Seen {
    fn take(&mut self, event: Event) {
        assert_ne!(event.event, "reset", "{event:?}");
        assert_ne!(event.event, "lagged", "{event:?}");
        let is_data = ["metric", "metrics", "alert"].contains(&event.event.as_str());
        if let Some(id) = &event.id {
            let (last, new) = (seq(&self.last), seq(id));
            assert!(
                new > last || (!is_data && new == last),
                "{id} after {}",
                self.last
            );
            self.last.clone_from(id);
        }
        if is_data {
            self.events.push(event);
        }
    }

    fn ids(&self) -> Vec<&str> {
        self.events.iter().map(Event::id).collect()
    }

    fn numbers(&self) -> Vec<f64> {
        let samples = self.events.iter().flat_map(Event::samples);
        samples.map(|(_, value)| value).collect()
    }
}

/// How a client comes back.
#[derive(Debug, Clone, Copy)]
enum Resume {
    Header,
    Parameter,
    Since,
}

/// Reads to the end, cut off after a random number of bytes each time; `paths` take turns.
async fn interrupted(server: &Server, paths: &[&str], how: Resume, start: &str, seed: u64) -> Seen {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut seen = Seen {
        last: start.to_owned(),
        ..Seen::default()
    };
    loop {
        let path = paths[seen.connections % paths.len()];
        seen.connections += 1;
        let url = server.url(path);
        let request = match how {
            Resume::Header => server.http.get(url).header("last-event-id", &seen.last),
            Resume::Parameter => server
                .http
                .get(format!("{url}&last_event_id={}", seen.last)),
            Resume::Since => server.http.get(format!("{url}&since={}", seen.last)),
        };
        let mut response = within("an answer", request.send())
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200);
        let mut parser = Parser::new(path.contains("format=ndjson"));
        let mut room = rng.random_range(1..MOST_BYTES);
        while room > 0 {
            let chunk = within("bytes", response.chunk())
                .await
                .expect("a whole stream");
            let chunk = chunk.expect("a stream without an end");
            let taken = chunk.len().min(room);
            room -= taken;
            for event in parser.feed(&chunk[..taken]) {
                let end = is_end(&event);
                seen.take(event);
                if end {
                    return seen;
                }
            }
        }
    }
}

/// Reads to the end without a break.
async fn uninterrupted(server: &Server, path: &str, start: &str) -> Seen {
    // From the very beginning, whether it connects before the first push or after it.
    let mut stream = server.stream(&format!("{path}&since={start}")).await;
    let mut seen = Seen {
        last: start.to_owned(),
        ..Seen::default()
    };
    loop {
        let event = stream.next().await.expect("a stream without an end");
        let end = is_end(&event);
        seen.take(event);
        if end {
            return seen;
        }
    }
}

/// The numbers of the samples in `all` that a filter lets through.
fn numbers_of(all: &Seen, wanted: impl Fn(&Value) -> bool) -> Vec<f64> {
    let events = all.events.iter().filter(|e| wanted(&e.data));
    events
        .flat_map(Event::samples)
        .map(|(_, value)| value)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_cut_off_again_and_again_misses_nothing_and_gets_nothing_twice() {
    let seed = rand::random();
    println!("seed {seed}");
    let server = Server::with(WAVE).await;
    let start = server.position().await;
    const METRICS: &str = "/api/events/metrics?shape=each";
    const BATCH: &str = "/api/events/metrics?shape=batch";
    const LINES: &str = "/api/events/metrics?format=ndjson";
    const NAMES: &str = "/api/events/metrics?names=m_1,m_3,the_end&shape=each";
    const NAMES_BATCH: &str = "/api/events/metrics?names=m_1,m_3,the_end&shape=batch";
    const LABELS: &str = "/api/events/metrics?hosts=a&label.core=0&format=ndjson";
    const BOTH: &str = "/api/events/all?topics=metrics,alerts";
    use Resume::{Header, Parameter, Since};
    let cut = |paths: &'static [&'static str], how, i| {
        let (server, start) = (&server, &start);
        async move { interrupted(server, paths, how, start, seed ^ i).await }
    };
    let (all, both, (), each, batch, mixed, lines, names, labels, every) = tokio::join!(
        uninterrupted(&server, METRICS, &start),
        uninterrupted(&server, BOTH, &start),
        push_all(&server, seed),
        cut(&[METRICS], Header, 1),
        cut(&[BATCH], Parameter, 2),
        cut(&[METRICS, BATCH, LINES], Since, 3),
        cut(&[LINES], Since, 4),
        cut(&[NAMES, NAMES_BATCH], Header, 5),
        cut(&[LABELS], Since, 6),
        cut(&[BOTH], Header, 7),
    );
    let numbers: Vec<f64> = all.numbers();
    assert!(numbers.len() > 2000, "{} samples", numbers.len());
    assert!(each.connections > 20, "{} connections", each.connections);
    assert_eq!(each.ids(), all.ids());
    for (what, seen) in [
        ("each", &each),
        ("batch", &batch),
        ("mixed", &mixed),
        ("lines", &lines),
    ] {
        assert_eq!(seen.numbers(), numbers, "{what}");
    }
    let named = numbers_of(&all, |d| {
        ["m_1", "m_3", "the_end"].iter().any(|n| d["name"] == *n)
    });
    assert_eq!(names.numbers(), named);
    let labelled = numbers_of(&all, |d| d["host"] == "a" && d["labels"]["core"] == "0");
    assert_eq!(labels.numbers(), labelled);
    assert_eq!(every.ids(), both.ids());
    assert!(both.events.iter().filter(|e| e.event == "alert").count() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_stands_over_the_parameter_and_both_over_since() {
    let server = Server::start().await;
    let start = server.position().await;
    for value in 1..=5 {
        server.sample("m", value).await;
    }
    let at = |n: i64| crate::support::moved(&start, n);
    let path = format!(
        "/api/events/metrics?last_event_id={}&since={}",
        at(2),
        at(1)
    );
    let mut by_header = server.resume(&path, &at(4)).await;
    assert_eq!(by_header.event("metric").await.data["value"], 5);
    let mut by_parameter = server.stream(&path).await;
    assert_eq!(by_parameter.event("metric").await.data["value"], 3);
    let reversed = format!(
        "/api/events/metrics?since={}&last_event_id={}",
        at(1),
        at(2)
    );
    assert_eq!(
        server.stream(&reversed).await.event("metric").await.data["value"],
        3
    );
    let by_since = format!("/api/events/metrics?since={}", at(1));
    assert_eq!(
        server.stream(&by_since).await.event("metric").await.data["value"],
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn since_takes_a_duration_a_time_earliest_and_latest() {
    let server = Server::start().await;
    let before = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    for value in 1..=3 {
        server.sample("m", value).await;
    }
    for since in ["10m", "earliest", &before] {
        let path = format!("/api/events/metrics?since={since}&limit=3");
        let events = server.stream(&path).await.rest().await;
        let values: Vec<_> = events
            .iter()
            .flat_map(Event::samples)
            .map(|(_, v)| v)
            .collect();
        assert_eq!(values, [1.0, 2.0, 3.0], "{since}");
    }
    let mut latest = server.stream("/api/events/metrics?since=latest").await;
    server.sample("m", 4).await;
    assert_eq!(latest.event("metric").await.data["value"], 4);
    problem(server.get("/api/events/metrics?since=10").await, 400).await;
}
