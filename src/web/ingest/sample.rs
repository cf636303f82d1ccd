//! Pushed samples, parsed: a JSON object, an array of them, or NDJSON lines. Pure; a fuzz target.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Faults;
use crate::model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, Timestamp, Unit};

/// A sample as it is written.
const SHAPE: &str = r#"{"name","value","unit"?,"host"?,"labels"?,"timestamp"?}"#;

/// A sample that can be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its line, from 1.
    pub line: usize,
    /// What it is of.
    pub spec: SeriesSpec,
    /// When it was measured.
    pub timestamp: Timestamp,
    /// The reading.
    pub value: f64,
}

/// What timestamps are accepted.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Now.
    pub now: Timestamp,
    /// At most this long ago.
    pub past: Duration,
    /// At most this far ahead.
    pub future: Duration,
}

impl Limits {
    /// A timestamp as it may be written: RFC 3339, unix seconds or unix milliseconds; or why it is not taken.
    pub fn timestamp(&self, value: &Value) -> Result<Timestamp, String> {
        let parsed = match value {
            Value::String(text) => Timestamp::parse_rfc3339(text),
            Value::Number(number) => number.as_f64().and_then(Timestamp::from_unix_number),
            _ => None,
        };
        let Some(timestamp) = parsed else {
            let shown: String = value.to_string().chars().take(80).collect();
            return Err(format!(
                "timestamp: found {shown}, accepted is RFC 3339, unix seconds or unix milliseconds"
            ));
        };
        self.within(timestamp)
    }

    /// Unix seconds or unix milliseconds, likewise.
    pub fn number(&self, number: f64) -> Result<Timestamp, String> {
        let timestamp = Timestamp::from_unix_number(number);
        let timestamp = timestamp.ok_or_else(|| {
            format!("timestamp: found {number}, accepted are unix milliseconds or unix seconds")
        })?;
        self.within(timestamp)
    }

    fn within(&self, timestamp: Timestamp) -> Result<Timestamp, String> {
        if timestamp < self.now.minus(self.past) || timestamp > self.now.plus(self.future) {
            return Err(format!(
                "timestamp {timestamp} is outside of what is accepted, from {} s ago to {} s ahead (keys ingest.accept_past and ingest.accept_future)",
                self.past.as_secs(),
                self.future.as_secs()
            ));
        }
        Ok(timestamp)
    }
}

/// A sample as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Written {
    #[serde(alias = "metric")]
    name: String,
    value: Value,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    labels: Option<Map<String, Value>>,
    #[serde(default)]
    timestamp: Option<Value>,
    /// Accepted, so that what was streamed can be pushed again.
    #[serde(default, rename = "type")]
    _type: Option<String>,
    #[serde(default, rename = "position")]
    _position: Option<String>,
}

/// Parses a body; samples that name no host are of `host`. What cannot be taken is in the second list.
pub fn parse(body: &[u8], host: &HostName, limits: &Limits) -> (Vec<Item>, Faults) {
    let mut items = Vec::new();
    let mut rejected = Faults::default();
    let mut take = |line: usize, written: Result<Written, serde_json::Error>| match written {
        Err(error) => rejected.add(line, || format!("{error}; a sample is {SHAPE}")),
        Ok(written) => match item(line, written, host, limits) {
            Ok(item) => items.push(item),
            Err(reason) => rejected.add(line, || reason),
        },
    };
    let Ok(text) = std::str::from_utf8(body) else {
        rejected.add(1, || "the body is not UTF-8".to_owned());
        return (items, rejected);
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // What has no fault is read without a detour; the others are looked at one by one.
    let whole: Option<Vec<Written>> = match text.trim_start().chars().next() {
        Some('{') => serde_json::from_str(text).ok().map(|one| vec![one]),
        Some('[') => serde_json::from_str(text).ok(),
        _ => None,
    };
    if let Some(whole) = whole {
        for (i, written) in whole.into_iter().enumerate() {
            take(i + 1, Ok(written));
        }
    } else if let Ok(value) = serde_json::from_str::<Value>(text) {
        match value {
            Value::Array(elements) => {
                for (i, element) in elements.into_iter().enumerate() {
                    take(i + 1, serde_json::from_value(element));
                }
            }
            value => take(1, serde_json::from_value(value)),
        }
    } else {
        for (i, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                take(i + 1, serde_json::from_str(line));
            }
        }
    }
    if items.is_empty() && rejected.is_empty() {
        rejected.add(1, || "the body is empty".to_owned());
    }
    (items, rejected)
}

fn item(line: usize, written: Written, host: &HostName, limits: &Limits) -> Result<Item, String> {
    let value = match &written.value {
        Value::Number(number) => number.as_f64().filter(|v| v.is_finite()),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        let shown: String = written.value.to_string().chars().take(80).collect();
        format!("value: found {shown}, accepted is a finite number")
    })?;
    let name = MetricName::parse(&written.name).map_err(|e| e.to_string())?;
    let host = match &written.host {
        Some(own) => HostName::parse(own).map_err(|e| e.to_string())?,
        None => host.clone(),
    };
    let unit = Unit::parse(written.unit.as_deref().unwrap_or("")).map_err(|e| e.to_string())?;
    let mut pairs = Vec::new();
    for (label, value) in written.labels.iter().flatten() {
        match value {
            Value::String(value) => pairs.push((label.as_str(), value.as_str())),
            other => {
                let shown: String = other.to_string().chars().take(80).collect();
                return Err(format!("label {label:?}: found {shown}, accepted is text"));
            }
        }
    }
    let labels = Labels::parse(pairs).map_err(|e| e.to_string())?;
    let timestamp = match &written.timestamp {
        None | Some(Value::Null) => limits.now,
        Some(value) => limits.timestamp(value)?,
    };
    Ok(Item {
        line,
        spec: SeriesSpec {
            key: SeriesKey { host, name, labels },
            unit,
            kind: Kind::Gauge,
        },
        timestamp,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits() -> Limits {
        Limits {
            now: Timestamp::from_millis(1_700_000_000_000),
            past: Duration::from_secs(3600),
            future: Duration::from_secs(10),
        }
    }

    fn host() -> HostName {
        HostName::parse("push").unwrap()
    }

    fn reasons(body: &str) -> Vec<(usize, String)> {
        let (_, rejected) = parse(body.as_bytes(), &host(), &limits());
        let (rejected, _) = rejected.into_parts();
        rejected.into_iter().map(|r| (r.line, r.reason)).collect()
    }

    #[test]
    fn one_several_and_lines_are_taken() {
        for (body, count) in [
            (r#"{"name":"a","value":1}"#, 1),
            (r#"{"metric":"a","value":1,"timestamp":1700000000}"#, 1),
            (r#"[{"name":"a","value":1},{"name":"b","value":2.5}]"#, 2),
            (
                "{\"name\":\"a\",\"value\":1}\n\n{\"name\":\"b\",\"value\":2}\n",
                2,
            ),
        ] {
            let (items, rejected) = parse(body.as_bytes(), &host(), &limits());
            assert_eq!(
                (items.len(), rejected.into_parts().0.len()),
                (count, 0),
                "{body}"
            );
        }
    }

    #[test]
    fn faults_name_their_line_and_what_is_accepted() {
        let body = "{\"name\":\"a\",\"value\":1}\nnonsense\n{\"name\":\"a b\",\"value\":1}\n{\"name\":\"a\",\"value\":\"x\"}\n{\"name\":\"a\",\"value\":1,\"timestamp\":5}";
        let found = reasons(body);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert!(found[1].1.contains("\"a b\""), "{found:?}");
        assert!(found[2].1.contains("finite number"), "{found:?}");
        assert!(found[3].1.contains("accept_past"), "{found:?}");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for body in [
            r#"{"name":"a","value":NaN}"#,
            r#"{"name":"a","value":1e999}"#,
            r#"{"name":"a","value":null}"#,
            r#"{"name":"a"}"#,
            r#"{"name":"a","value":1,"colour":2}"#,
            "",
        ] {
            assert_eq!(reasons(body).len(), 1, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&body, &host(), &limits());
        }
    }
}
