//! A machine's clock that was wrong in one life of the server and right in the next: nothing that is true now is hidden by what
//! was recorded then, and nothing goes for it.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tickwire::model::{Clock, Timestamp};

use crate::support::{Server, life::Life, rules::CPU_HIGH, sse::Event, within};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A life that began then, with a sample every ten seconds for so long; their number is their value.
fn live(folder: &TempDir, begin: Timestamp, seconds: u64, first: u64) {
    let at = |second: u64| begin.plus(Duration::from_secs(second));
    let mut life = Life::begin(folder.path(), begin);
    for i in 0..seconds / 10 {
        life.samples(at(i * 10), &[("cpu", 1.0), ("number", (first + i) as f64)]);
    }
    life.end(at(seconds));
}

fn numbers(events: &[Event]) -> Vec<u64> {
    let samples = events.iter().flat_map(Event::samples);
    let numbers = samples.filter(|(name, _)| name == "number");
    numbers.map(|(_, value)| value as u64).collect()
}

/// Everything from a time on, up to a sample that is pushed for it.
async fn since(server: &Server, since: &str) -> Vec<Event> {
    let path = format!("/api/events/metrics?since={since}");
    let mut stream = server.stream(&path).await;
    server.sample("here", 1).await;
    let is_last = |event: &Event| event.data["name"] == "here";
    stream.until(&["metric", "gap", "reset"], is_last).await
}

/// Waits until all that earlier lives left is in blocks, and these have been put together as far as they can be.
async fn compacted(server: &Server) {
    let done = async {
        let mut still = (0, -1.0);
        while still.0 < 20 {
            let made = server.metric("tickwire_store_blocks_made_total").await;
            let works = server.metric("tickwire_store_compacting").await > 0.0;
            let same = !works && made > 0.0 && made == still.1;
            still = (if same { still.0 + 1 } else { 0 }, made);
        }
    };
    within("the blocks", done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_two_days_ahead_hides_nothing_that_happens_when_it_is_right_again() {
    let folder = Arc::new(TempDir::new().unwrap());
    let now = Clock::default().now();
    live(&folder, now.minus(Duration::from_secs(3 * HOUR)), HOUR, 0);
    live(&folder, now.plus(Duration::from_secs(2 * DAY)), HOUR, 1000);
    live(
        &folder,
        now.minus(Duration::from_secs(90 * MINUTE)),
        85 * MINUTE,
        2000,
    );
    live(
        &folder,
        now.plus(Duration::from_secs(DAY)),
        10 * MINUTE,
        3000,
    );
    for restarted in [false, true] {
        let server = Server::on(&folder, CPU_HIGH).await;
        // Windows and rules take what comes now.
        let mut alerts = server.stream("/api/events/alerts").await;
        server.sample("cpu", 95).await;
        let fired = alerts.event("alert").await;
        assert_eq!(fired.data["transition"], "fired");
        let stats = server.json("/api/stats?names=cpu").await;
        let window = &stats["stats"][0];
        assert_eq!(
            (window["last"].as_f64(), window["max"].as_f64()),
            (Some(95.0), Some(95.0))
        );
        let newest = window["timestamp"]
            .as_str()
            .and_then(Timestamp::parse_rfc3339);
        let age = Clock::default().now().since(newest.unwrap());
        assert!(age < Duration::from_secs(MINUTE), "{window}");
        // An hour back is where the clock last said that it was an hour ago; what came after that comes.
        let from = 2000 + 30 * MINUTE / 10;
        let events = since(&server, "1h").await;
        let seen = numbers(&events);
        assert!(seen[0].abs_diff(from) < 10, "it began at {}", seen[0]);
        let rest: Vec<u64> = (seen[0]..2000 + 85 * MINUTE / 10)
            .chain(3000..3060)
            .collect();
        assert_eq!(seen, rest);
        assert!(events.iter().all(|event| event.event != "reset"));
        // All of it is there, in the order in which it happened.
        let all = (0..360)
            .chain(1000..1360)
            .chain(2000..2510)
            .chain(3000..3060);
        assert_eq!(
            numbers(&since(&server, "earliest").await),
            all.collect::<Vec<_>>()
        );
        // History goes by the samples' own times.
        let raw = "/api/history?names=number&step=raw";
        let points = |answer: &Value| answer["series"][0]["points"].as_array().map_or(0, Vec::len);
        let hour = points(&server.json(&format!("{raw}&from=1h")).await);
        assert!(hour.abs_diff(55 * 6) < 10, "{hour} in an hour");
        let to = now.plus(Duration::from_secs(3 * DAY));
        let ahead = server.json(&format!("{raw}&from=1m&to={to}")).await;
        assert_eq!(points(&ahead), 360 + 60);
        if !restarted {
            server.sample("cpu", 1).await;
            alerts
                .find("the end of it", |event| {
                    event.data["transition"] == "resolved"
                })
                .await;
            server.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_years_ahead_takes_nothing_out_of_the_store() {
    let folder = Arc::new(TempDir::new().unwrap());
    let now = Clock::default().now();
    // Over ten hours, so that there are minutes of them too, without which nothing goes.
    live(
        &folder,
        now.minus(Duration::from_secs(12 * HOUR)),
        10 * HOUR,
        0,
    );
    live(
        &folder,
        now.plus(Duration::from_secs(10 * 365 * DAY)),
        10 * HOUR,
        10_000,
    );
    live(
        &folder,
        now.minus(Duration::from_secs(HOUR)),
        HOUR / 2,
        20_000,
    );
    let all: Vec<u64> = (0..3600)
        .chain(10_000..13_600)
        .chain(20_000..20_180)
        .collect();
    for _ in 0..2 {
        let server = Server::on(&folder, "").await;
        compacted(&server).await;
        assert_eq!(numbers(&since(&server, "earliest").await), all);
        server.stop().await;
    }
    let verified = tickwire::store::care::verify(folder.path()).unwrap();
    assert_eq!(verified.faults, [""; 0]);
}
