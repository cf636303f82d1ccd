//! Parameters of a stream, parsed: what they may be is said here and nowhere else.
//!
//! The WebSocket takes the same filters as arrays and comes here for their values.

use std::time::Duration;

use super::problem::Problem;
pub use crate::stream::filter::written::{FILTERS, GLOBS, globs, globs_of, levels};
use crate::{
    config::duration,
    model::{Position, Timestamp},
    stream::{
        filter::{Filter, Topic, Topics},
        view::Shape,
    },
};

/// The highest `max_rate`, in flushes a second.
pub const MAX_RATE: f64 = 100.0;

/// Where a stream begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Since {
    /// After this position.
    Position(Position),
    /// With what was received after this time.
    Time(Timestamp),
    /// This long ago.
    Ago(Duration),
    /// With the oldest there is.
    Earliest,
    /// With what comes.
    Latest,
    /// After something that is no position of any server of this kind.
    Unreadable(String),
}

/// Where it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UntilParam {
    /// With this position.
    Position(Position),
    /// With what was received up to this time.
    Time(Timestamp),
}

impl std::fmt::Display for UntilParam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// The format of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `text/event-stream`.
    #[default]
    Sse,
    /// `application/x-ndjson`.
    Ndjson,
}

/// A stream's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamQuery {
    /// `topics`, or what the endpoint is for.
    pub topics: Topics,
    /// `names`, `hosts`, `label.…`, `levels`, `rules`.
    pub filter: Filter,
    /// `shape`.
    pub shape: Shape,
    /// `max_rate`, as the time between two flushes; zero without one.
    pub period: Duration,
    /// `since`, `last_event_id`.
    pub since: Option<Since>,
    /// `until`.
    pub until: Option<UntilParam>,
    /// `limit`.
    pub limit: Option<u64>,
    /// `speed`: how many times as fast as it was the past goes by; none for as fast as it can.
    pub speed: Option<f64>,
    /// `heartbeat=comment`.
    pub quiet_heartbeat: bool,
    /// `format`, if it was said.
    pub format: Option<Format>,
    /// `snapshot=open`.
    pub snapshot: bool,
}

/// Parses the query of a stream endpoint. `topics` is what the endpoint is for; where that is everything, the `topics`
/// parameter may narrow it.
pub fn parse(query: &str, topics: Topics) -> Result<StreamQuery, Problem> {
    let mut parsed = StreamQuery {
        topics,
        filter: Filter::default(),
        shape: Shape::default(),
        period: Duration::ZERO,
        since: None,
        until: None,
        limit: None,
        speed: None,
        quiet_heartbeat: false,
        format: None,
        snapshot: false,
    };
    let everything = topics == Topics::all();
    // Messages have nothing that a filter looks at.
    let filtered = topics != Topics::of(&[Topic::Notifications]);
    let mut last_event_id = None;
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in pairs(query) {
        if seen.contains(&name) {
            return Err(Problem::parameter(
                &name,
                &value,
                "one value; separate alternatives with commas",
            ));
        }
        let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
        match name.as_str() {
            "topics" if everything => {
                parsed.topics = topics_of(value.split(',')).ok_or_else(|| wrong(TOPICS))?;
            }
            "shape" => {
                parsed.shape = match value.as_str() {
                    "each" => Shape::Each,
                    "batch" => Shape::Batch,
                    _ => return Err(wrong("each or batch")),
                }
            }
            "max_rate" => {
                let rate = value.parse().ok().and_then(period);
                parsed.period = rate.ok_or_else(|| wrong(RATE))?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|n| *n > 0);
                parsed.limit = Some(limit.ok_or_else(|| wrong("a whole number from 1 on"))?);
            }
            "speed" => parsed.speed = speed(&value).ok_or_else(|| wrong(SPEED))?,
            "since" => parsed.since = Some(since(&value).ok_or_else(|| wrong(SINCE))?),
            "last_event_id" => {
                let position = value.parse().map(Since::Position);
                last_event_id =
                    Some(position.map_err(|_| wrong("a position, as an id field gave it"))?);
            }
            "until" => parsed.until = Some(until(&value).ok_or_else(|| wrong(UNTIL))?),
            "heartbeat" => {
                parsed.quiet_heartbeat = match value.as_str() {
                    "event" => false,
                    "comment" => true,
                    _ => return Err(wrong("event or comment")),
                }
            }
            "format" => {
                parsed.format = match value.as_str() {
                    "sse" => Some(Format::Sse),
                    "ndjson" => Some(Format::Ndjson),
                    _ => return Err(wrong("sse or ndjson")),
                }
            }
            "snapshot" if topics.contains(Topic::Alerts) => {
                parsed.snapshot = value == "open";
                if !parsed.snapshot {
                    return Err(wrong("open"));
                }
            }
            _ if filtered && filter(&mut parsed.filter, &name, &value)? => {}
            _ => {
                let mut known = if filtered { FILTERS.to_vec() } else { vec![] };
                known.extend(SHAPING);
                known.extend(everything.then_some("topics"));
                known.extend(topics.contains(Topic::Alerts).then_some("snapshot"));
                return Err(Problem::unknown_parameter(&name, &value, &known));
            }
        }
        seen.push(name);
    }
    parsed.since = last_event_id.or(parsed.since);
    Ok(parsed)
}

const TOPICS: &str = "metrics, alerts, activity, notifications, status, separated by commas";
const RATE: &str = "flushes a second, more than 0 and at most 100";
const SINCE: &str = "a position, a duration like 10m, an RFC 3339 time, earliest or latest";
/// What `speed` takes.
pub const SPEED: &str =
    "a number from 1 to 1000, or max; only with since or a position to resume after";
/// What `until` takes.
pub const UNTIL: &str = "a position or an RFC 3339 time";

const SHAPING: [&str; 9] = [
    "shape",
    "max_rate",
    "limit",
    "since",
    "until",
    "speed",
    "last_event_id",
    "heartbeat",
    "format",
];

/// Takes a parameter that is a filter in; false when it is none.
pub fn filter(filter: &mut Filter, name: &str, value: &str) -> Result<bool, Problem> {
    let wrong = |accepted| Problem::parameter(name, value, accepted);
    filter.take(name, value).map_err(wrong)
}

/// The pairs of a query string, decoded.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let bytes = percent_encoding::percent_decode_str(&text);
        bytes.decode_utf8_lossy().into_owned()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(move |part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

/// Topics by name. `None` when one is not a topic, or there is none.
pub fn topics_of<'a>(words: impl Iterator<Item = &'a str>) -> Option<Topics> {
    let topics: Vec<Topic> = words.map(Topic::parse).collect::<Option<_>>()?;
    (!topics.is_empty()).then(|| Topics::of(&topics))
}

/// The time between two flushes for a `max_rate`, in whole milliseconds. `None` when it is not a rate.
pub fn period(rate: f64) -> Option<Duration> {
    let millis = (1000.0 / rate).ceil();
    let valid = rate > 0.0 && rate <= MAX_RATE && millis <= 3_600_000.0;
    valid.then(|| Duration::from_millis(millis as u64))
}

/// `since`. `None` when it is none of what it takes.
pub fn since(value: &str) -> Option<Since> {
    match value {
        "earliest" => Some(Since::Earliest),
        "latest" => Some(Since::Latest),
        _ => None,
    }
    .or_else(|| value.parse().ok().map(Since::Position))
    .or_else(|| Timestamp::parse_rfc3339(value).map(Since::Time))
    .or_else(|| duration(value).map(Since::Ago))
}

/// `speed`; `Some(None)` is as fast as it can. `None` when it is none of what it takes.
pub fn speed(value: &str) -> Option<Option<f64>> {
    match value {
        "max" => Some(None),
        _ => {
            let speed: f64 = value.parse().ok()?;
            (1.0..=1000.0).contains(&speed).then_some(Some(speed))
        }
    }
}

/// `until`. `None` when it is none of what it takes.
pub fn until(value: &str) -> Option<UntilParam> {
    let position = value.parse().ok().map(UntilParam::Position);
    position.or_else(|| Timestamp::parse_rfc3339(value).map(UntilParam::Time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(query: &str) -> Result<StreamQuery, Problem> {
        parse(query, Topics::all())
    }

    #[test]
    fn equal_requests_in_another_order_are_one_view() {
        let a = all("names=b,a&label.x=1&label.a=2").unwrap();
        let b = all("label.a=2&label.x=1&names=a,b,a").unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn faults_name_parameter_value_and_what_is_taken() {
        for (query, parameter) in [
            ("shape=round", "shape"),
            ("max_rate=0", "max_rate"),
            ("max_rate=nan", "max_rate"),
            ("limit=-1", "limit"),
            ("since=yesterday", "since"),
            ("topics=weather", "topics"),
            ("levels=bad", "levels"),
            ("names=", "names"),
            ("label.=1", "label."),
            ("speed=0", "speed"),
            ("shape=each&shape=batch", "shape"),
        ] {
            let problem = all(query).unwrap_err();
            let details = problem.details();
            assert_eq!(details.parameter.as_deref(), Some(parameter), "{query}");
            assert!(details.accepted.as_ref().is_some_and(|a| !a.is_empty()));
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}") {
            let _ = all(&query);
        }
    }
}
