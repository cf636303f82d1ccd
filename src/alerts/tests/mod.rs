//! The engine through its public door: a small world of series and a clock that only tests move.

mod aggregates;
mod clock;
mod handling;
mod properties;
mod restart;
mod silence;
mod thresholds;
mod windows;

use std::{collections::HashMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{Engine, State};
use crate::{
    model::{
        Aggregate, AlertEvent, Direction, Flapping, Glob, Globs, HostName, Kind, Labels, Level,
        Levels, Matcher, MetricName, NoData, NoDataPolicy, Notify, Person, Repeat, Rule, SeriesKey,
        SeriesSpec, Silence, SourceId, Tags, Template, Threshold, Timestamp, Unit,
    },
    series::{Registry, Series, Writer},
};

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn band(fire: f64, clear: f64) -> Option<Threshold> {
    Some(Threshold { fire, clear })
}

/// `cpu_usage`, newest value, warning 90/75, critical 97/85, no holds, silence after 15 s kept open.
fn rule() -> Rule {
    Rule {
        name: "cpu_high".into(),
        metric: Glob::new("cpu_usage"),
        hosts: Globs::default(),
        labels: Vec::new(),
        aggregate: Aggregate::Last,
        window: Duration::ZERO,
        until: None,
        when: Direction::Above,
        levels: Levels {
            info: None,
            warning: band(90.0, 75.0),
            critical: band(97.0, 85.0),
        },
        guard: None,
        hold: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        flapping: Flapping {
            after: 0,
            within: seconds(600),
        },
        no_data: NoData {
            after: seconds(15),
            then: NoDataPolicy::Keep,
            level: Level::Warning,
        },
        mutes: Globs::default(),
        repeat: Repeat::default(),
        tags: Tags::default(),
        message: Template::parse("CPU at {{ value }} % on {{ host }}").unwrap(),
        notify: Notify::Routed,
        enabled: true,
    }
}

fn person() -> Person {
    Person::parse("Ada").unwrap()
}

/// Of the host `a` and of `web1`, for `length` seconds from now on.
fn silence(id: Uuid, now: Timestamp, length: u64) -> Silence {
    Silence {
        id,
        matcher: Matcher {
            hosts: Globs::new(["a", "web1"]),
            ..Matcher::default()
        },
        from: now,
        until: now.plus(seconds(length)),
        until_resolved: false,
        has_covered: false,
        reason: "a test".to_owned(),
        by: person(),
        created: now,
    }
}

fn source() -> SourceId {
    SourceId::new("host")
}

/// An engine, the series it has seen, and the time.
struct World {
    engine: Engine,
    writer: Writer,
    series: HashMap<String, Arc<Series>>,
    now: Timestamp,
    start: Timestamp,
}

impl World {
    fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let start = Timestamp::from_millis(1_700_000_000_000);
        Self {
            engine: Engine::new(rules.into_iter().map(Arc::new).collect(), 7, GRACE),
            writer: Registry::new(100_000).1,
            series: HashMap::new(),
            now: start,
            start,
        }
    }

    /// A series by `name`, `name@host` or `name@host/disk`; on `web1` where no host is given.
    fn series(&mut self, text: &str, unit: &str) -> Arc<Series> {
        if let Some(series) = self.series.get(text) {
            return series.clone();
        }
        let (name, place) = text.split_once('@').unwrap_or((text, "web1"));
        let (host, disk) = place.split_once('/').unwrap_or((place, ""));
        let labels = (!disk.is_empty()).then_some(("disk", disk));
        let spec = SeriesSpec {
            key: SeriesKey {
                host: HostName::parse(host).unwrap(),
                name: MetricName::parse(name).unwrap(),
                labels: Labels::parse(labels).unwrap(),
            },
            unit: Unit::parse(unit).unwrap(),
            kind: Kind::Gauge,
        };
        let series = self
            .writer
            .resolve(&source(), &[spec])
            .remove(0)
            .expect("room for it");
        self.series.insert(text.to_owned(), series.clone());
        series
    }

    /// A batch of one source that measures every second, now.
    fn batch(&mut self, samples: &[(&str, f64)]) -> Vec<AlertEvent> {
        let samples: Vec<_> = samples
            .iter()
            .map(|&(name, value)| (self.series(name, "%"), value))
            .collect();
        let samples = samples.iter().map(|(series, value)| (series, *value));
        self.engine
            .observe(self.now, self.now, Some(SECOND), samples)
    }

    /// `seconds` pass, with a tick in each.
    fn wait(&mut self, seconds: u64) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        for _ in 0..seconds {
            self.now = self.now.plus(SECOND);
            events.extend(self.engine.tick(self.now));
        }
        events
    }

    /// A second passes, then `cpu_usage` is measured.
    fn cpu(&mut self, value: f64) -> Vec<AlertEvent> {
        self.now = self.now.plus(SECOND);
        let mut events = self.batch(&[("cpu_usage", value)]);
        events.extend(self.engine.tick(self.now));
        events
    }

    /// A reading of `cpu_usage` a second: a number, `-` for a second without one, `N*…` for N seconds of it.
    /// What happened, as [`told`] tells it.
    fn play(&mut self, script: &str) -> Vec<String> {
        let mut events = Vec::new();
        for word in script.split_whitespace() {
            let (times, reading) = word.split_once('*').unwrap_or(("1", word));
            for _ in 0..times.parse::<usize>().unwrap() {
                events.extend(match reading {
                    "-" => self.wait(1),
                    value => self.cpu(value.parse().unwrap()),
                });
            }
        }
        self.told(&events)
    }

    /// Each event as `second transition level`, seconds since the world began, and the reason of a resolution.
    fn told(&self, events: &[AlertEvent]) -> Vec<String> {
        let tell = |event: &AlertEvent| {
            let second = event.timestamp.since(self.start).as_secs();
            let transition = serde_json::to_value(event.transition).unwrap();
            let reason = event.reason.map(|r| serde_json::to_value(r).unwrap());
            let reason = reason.map(|r| format!(" {}", r.as_str().unwrap()));
            format!(
                "{second} {} {}{}",
                transition.as_str().unwrap(),
                event.level,
                reason.unwrap_or_default()
            )
        };
        events.iter().map(tell).collect()
    }

    /// The one alert that is open.
    fn open(&self) -> AlertEvent {
        let open: Vec<_> = self.engine.open().cloned().collect();
        assert_eq!(open.len(), 1, "{open:?}");
        open[0].clone()
    }

    /// The server stops now and a new life, in which series have other ids, begins `downtime` later.
    fn restart(
        &mut self,
        downtime: Duration,
        rules: impl IntoIterator<Item = Rule>,
    ) -> Vec<AlertEvent> {
        let text = serde_json::to_string(&self.engine.export()).unwrap();
        let saved: State = serde_json::from_str(&text).unwrap();
        assert_eq!(saved, self.engine.export(), "{text}");
        let mut next = Self::new(rules);
        next.series("another_series", "");
        next.start = self.start;
        next.now = self.now.plus(downtime);
        let events = next.engine.restore(saved, self.now, next.now);
        *self = next;
        events
    }
}
