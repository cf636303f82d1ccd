//! Who begins an hour ago and comes back after each restart ends with exactly what the store has, and with what those saw who
//! were there: the same ids, the same values, nothing lost, nothing twice. Over SSE, NDJSON and a WebSocket.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tickwire::model::{Clock, Timestamp};

use crate::support::{
    Socket, Stream, life::Life, moved, process::Process, rules::CPU_HIGH, sse::Event, within,
};

const ALL: &str = "/api/events/all?topics=metrics,alerts,activity";

/// What an event says, under the id of it.
type Told = (String, Value);

/// A client that comes back with the last id it has.
#[derive(Debug, Default)]
struct Reader {
    form: Form,
    seen: Vec<Told>,
    last: Option<String>,
    gaps: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Form {
    #[default]
    Sse,
    Ndjson,
    Socket,
}

impl Reader {
    /// Connects, and reads to the end of the server or to the last sample.
    async fn read(mut self, process: &Process) -> Self {
        match self.form {
            Form::Socket => self.read_socket(process).await,
            _ => self.read_stream(process).await,
        }
        self
    }

    async fn read_stream(&mut self, process: &Process) {
        let mut path = ALL.to_owned();
        if self.form == Form::Ndjson {
            path.push_str("&format=ndjson");
        }
        if self.last.is_none() {
            path.push_str("&since=1h");
        }
        let mut request = process.http.get(process.url(&path));
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let answer = within("an answer", request.send()).await.unwrap();
        let mut stream = Stream::of(answer);
        while !self.is_complete()
            && let Some(event) = stream.next_if_any().await
        {
            self.take_event(event);
        }
    }

    async fn read_socket(&mut self, process: &Process) {
        let url = process.url("/ws").replacen("http", "ws", 1);
        let mut socket = Socket::at(&url).await;
        let since = self.last.clone().unwrap_or_else(|| "1h".to_owned());
        let topics = ["metrics", "alerts", "activity"];
        let subscribe = json!({ "type": "subscribe", "id": 1, "topics": topics, "since": since });
        assert_eq!(socket.ask(subscribe).await["type"], "subscribed");
        while !self.is_complete()
            && let Some(frame) = socket.next_if_any().await
        {
            let event = frame["type"].as_str().unwrap_or_default().to_owned();
            let id = frame["position"].as_str().map(str::to_owned);
            self.take_event(Event {
                event,
                id,
                data: frame,
                ..Event::default()
            });
        }
    }

    fn take_event(&mut self, event: Event) {
        match event.event.as_str() {
            "reset" | "lagged" => panic!("{:?} was told {event:?}", self.form),
            "gap" => self.gaps += 1,
            _ => {}
        }
        self.last = event.id.clone().or(self.last.take());
        self.seen.extend(told(&event));
    }

    fn is_complete(&self) -> bool {
        self.seen.last().is_some_and(is_end)
    }
}

/// What an event says of samples, alerts and the feed, whatever the form: each sample under its own id.
fn told(event: &Event) -> Vec<Told> {
    let data = &event.data;
    let sample = |of: &Value| {
        json!({
            "name": of["name"], "value": of["value"], "unit": of["unit"], "labels": of["labels"],
            "host": data["host"], "timestamp": data["timestamp"],
        })
    };
    match event.event.as_str() {
        "metric" => vec![(event.id().to_owned(), sample(data))],
        "metrics" => {
            let samples = data["data"].as_array().unwrap();
            let behind = (0..samples.len() as i64).rev();
            let each = samples.iter().zip(behind);
            each.map(|(of, behind)| (moved(event.id(), -behind), sample(of)))
                .collect()
        }
        "alert" | "activity" => {
            let mut data = data.clone();
            for of_the_form in ["position", "subscription"] {
                data.as_object_mut().unwrap().remove(of_the_form);
            }
            vec![(event.id().to_owned(), data)]
        }
        _ => Vec::new(),
    }
}

fn is_end((_, what): &Told) -> bool {
    what["name"] == "the_end"
}

/// Somebody who is there while a server lives: all that is live from now on, to its end.
async fn witness(process: &Process) -> tokio::task::JoinHandle<Vec<Told>> {
    let mut stream = process.stream(&format!("{ALL}&since=latest")).await;
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(is_end)
            && let Some(event) = stream.next_if_any().await
        {
            seen.extend(told(&event));
        }
        seen
    })
}

/// What is pushed, in the order of its timestamps.
struct Pusher {
    clock: Clock,
    number: u64,
    timestamp: Timestamp,
    /// The numbers that a server has taken, for sure.
    taken: Vec<u64>,
}

impl Pusher {
    /// Pushes a batch; whether it was taken.
    async fn push(&mut self, process: &Process, last: bool) -> bool {
        let next = self.timestamp.plus(Duration::from_millis(1));
        self.timestamp = self.clock.now().max(next);
        self.number += 1;
        let number = self.number;
        let timestamp = self.timestamp.as_millis();
        let sample = |name: &str, value: Value| json!({ "name": name, "value": value, "timestamp": timestamp });
        let mut batch = vec![
            sample("number", json!(number)),
            // Fires, escalates and resolves.
            sample("cpu", json!([10, 95, 98][number as usize / 4 % 3])),
        ];
        batch.extend((0..number % 9).map(|i| sample(&format!("m{i}"), json!(number as f64 / 8.0))));
        if last {
            batch.push(sample("the_end", json!(1)));
        }
        let url = process.url("/api/ingest");
        let body = serde_json::to_string(&batch).unwrap();
        let answer = process.http.post(url).body(body).send().await;
        let taken = answer.is_ok_and(|answer| answer.status() == 200);
        self.taken.extend(taken.then_some(number));
        taken
    }
}

/// A life that began an hour and a half ago: 20 minutes before the hour, and 50 minutes within.
fn write_a_life_of_an_hour_ago(folder: &TempDir) -> u64 {
    let now = Clock::default().now();
    let ago = |seconds: u64| now.minus(Duration::from_secs(seconds));
    let mut life = Life::begin(&folder.path().join("data"), ago(90 * 60));
    let mut within = 0;
    for (from, to) in [(85, 65), (55, 5)] {
        for second in (to * 60..from * 60).rev() {
            let value = second as f64 / 4.0;
            life.samples(
                ago(second),
                &[("number", -value), ("cpu", 1.0), ("m0", value)],
            );
            if second % 60 == 0 {
                life.line(ago(second), &format!("{second} s ago"));
            }
            within += u64::from(second < 60 * 60);
        }
    }
    life.end(ago(60));
    within
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_an_hour_ago_and_lives_through_two_restarts_has_exactly_what_the_store_has() {
    let folder = Arc::new(TempDir::new().unwrap());
    let of_the_past = write_a_life_of_an_hour_ago(&folder);
    let mut readers = [Form::Sse, Form::Ndjson, Form::Socket].map(|form| Reader {
        form,
        ..Reader::default()
    });
    let mut process = Process::on(&folder, "127.0.0.1:0", CPU_HIGH).await;
    let mut pusher = Pusher {
        clock: Clock::default(),
        number: 0,
        timestamp: Timestamp::default(),
        taken: Vec::new(),
    };
    let mut witnesses = Vec::new();
    for life in 0..3 {
        let witness = witness(&process).await;
        let [sse, ndjson, socket] = readers;
        let living = async {
            for _ in 0..200 {
                assert!(pusher.push(&process, false).await);
            }
            if life == 2 {
                assert!(pusher.push(&process, true).await);
                return;
            }
            process.terminate();
            // It goes on until nobody takes it any more.
            while pusher.push(&process, false).await {}
        };
        let (sse, ndjson, socket, ()) = tokio::join!(
            sse.read(&process),
            ndjson.read(&process),
            socket.read(&process),
            living
        );
        readers = [sse, ndjson, socket];
        witnesses.push(within("the witness", witness).await.unwrap());
        if life < 2 {
            assert!(process.stopped().await.success());
            process = Process::on(&folder, &process.address.to_string(), CPU_HIGH).await;
        }
    }

    // What the store has, read by somebody who was never there before.
    let earliest = format!("{ALL}&since=earliest");
    let mut stream = process.stream(&earliest).await;
    let mut stored = Vec::new();
    while !stored.last().is_some_and(is_end) {
        stored.extend(told(&stream.next().await.unwrap()));
    }
    let [sse, ndjson, socket] = &readers;
    let first = stored.iter().position(|told| *told == sse.seen[0]);
    let within_the_hour = &stored[first.expect("the first is stored")..];
    assert_eq!(sse.seen, within_the_hour);
    assert_eq!(ndjson.seen, within_the_hour);
    assert_eq!(socket.seen, within_the_hour);
    for reader in &readers {
        // Between four lives.
        assert_eq!(reader.gaps, 3, "{:?}", reader.form);
    }
    let negative =
        |told: &&Told| told.1["name"] == "number" && told.1["value"].as_f64() < Some(0.0);
    assert_eq!(sse.seen.iter().filter(negative).count() as u64, of_the_past);

    // What those saw who were there, each through one life, is in it as it was.
    for witness in &witnesses {
        let at = sse.seen.iter().position(|told| *told == witness[0]);
        let at = at.expect("what the witness saw first");
        assert_eq!(sse.seen[at..at + witness.len()], witness[..]);
    }
    // All that a server said it took is there, once.
    let numbers: Vec<u64> = sse.seen.iter().filter_map(number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    for number in &pusher.taken {
        assert!(numbers.contains(number), "{number} was taken and is lost");
    }

    // And what history has, series by series.
    for name in ["number", "cpu", "m0", "m3", "the_end"] {
        // Alerts have a name too.
        let of = |told: &Told| told.1["name"] == name && told.1["type"].is_null();
        let streamed: Vec<Point> = sse.seen.iter().filter(|told| of(told)).map(point).collect();
        let path = format!("/api/history?names={name}&from=58m&step=raw");
        let read = async {
            loop {
                let answer = process.http.get(process.url(&path)).send().await.unwrap();
                let answer: Value = answer.json().await.unwrap();
                let points = answer["series"][0]["points"].as_array();
                let points: Vec<Point> = points.into_iter().flatten().map(cells).collect();
                // The newest half second may not be there yet.
                if points.last() == streamed.last() {
                    return points;
                }
            }
        };
        assert_eq!(within("history", read).await, streamed, "{name}");
    }
}

fn number((_, what): &Told) -> Option<u64> {
    let is_pushed = what["name"] == "number";
    let value = is_pushed.then(|| what["value"].as_f64()).flatten()?;
    (value > 0.0).then_some(value as u64)
}

/// A sample as history has it.
type Point = (String, f64);

fn point((_, what): &Told) -> Point {
    cells(&json!([what["timestamp"], what["value"]]))
}

fn cells(row: &Value) -> Point {
    let time = row[0].as_str().expect("a time").to_owned();
    (time, row[1].as_f64().expect("a value"))
}
