//! The body of `POST /api/annotations`, parsed. Pure; a fuzz target.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    model::{
        Activity, HostName, Timestamp,
        event::{self, MAX_KIND_BYTES, MAX_MESSAGE_BYTES},
    },
    web::problem::Problem,
};

/// An annotation as it is written.
const SHAPE: &str = r#"{"message","kind"?,"host"?,"from"?,"to"?}"#;
/// The kind of one that says none.
const KIND: &str = "annotation";
/// How far ahead one may end.
const LONGEST_AHEAD: Duration = Duration::from_secs(30 * 86_400);

/// What times are accepted.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Now.
    pub now: Timestamp,
    /// It begins at most this long ago.
    pub past: Duration,
    /// It begins at most this far ahead.
    pub future: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Written {
    message: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default, alias = "timestamp")]
    from: Option<Value>,
    #[serde(default)]
    to: Option<Value>,
}

/// Parses a body; the annotation has no id yet. A refusal says which field, what it was and what it takes.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Activity, Problem> {
    let written: Written = serde_json::from_slice(body).map_err(|error| {
        Problem::unprocessable(format!(
            "not an annotation: {error}; an annotation is {SHAPE}"
        ))
    })?;
    let kind = written.kind.as_deref().unwrap_or(KIND);
    if !event::is_kind(kind) || kind == Activity::REMOVED {
        let accepted = format!(
            "letters, digits, '_' and ':', not starting with a digit, at most {MAX_KIND_BYTES} bytes, and not {}",
            Activity::REMOVED
        );
        return Err(Problem::field("kind", kind, &accepted));
    }
    let message = event::message(&written.message).ok_or_else(|| {
        let accepted = format!("text of 1 to {MAX_MESSAGE_BYTES} bytes");
        Problem::field("message", &written.message, &accepted)
    })?;
    let host = written.host.as_deref().map(|host| {
        let parsed = HostName::parse(host);
        parsed.map_err(|error| Problem::field("host", host, error.accepted))
    });
    let from = limits.from(written.from.as_ref())?;
    let to = written.to.as_ref().map(|to| limits.to(to, from));
    Ok(Activity {
        host: host.transpose()?,
        until: to.transpose()?,
        ..Activity::new(kind, message.to_owned(), from)
    })
}

impl Limits {
    fn from(&self, value: Option<&Value>) -> Result<Timestamp, Problem> {
        let Some(value) = value else {
            return Ok(self.now);
        };
        let (oldest, newest) = (self.now.minus(self.past), self.now.plus(self.future));
        let oldest = oldest.max(Timestamp::default());
        between("from", value, oldest, newest, || {
            format!(
                "{TIME}, from {oldest}, before which nothing is kept (keys store.keep_samples, store.keep_minutes and store.keep_hours), to {newest} (key ingest.accept_future)"
            )
        })
    }

    fn to(&self, value: &Value, from: Timestamp) -> Result<Timestamp, Problem> {
        let newest = self.now.plus(LONGEST_AHEAD);
        let oldest = from.plus(Duration::from_millis(1));
        between("to", value, oldest, newest, || {
            format!("{TIME}, later than from, which is {from}, and at most {newest}")
        })
    }
}

const TIME: &str = "an RFC 3339 time, or unix seconds or milliseconds";

fn between(
    name: &str,
    value: &Value,
    oldest: Timestamp,
    newest: Timestamp,
    accepted: impl FnOnce() -> String,
) -> Result<Timestamp, Problem> {
    let time = match value {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        Value::Number(number) => number.as_f64().and_then(Timestamp::from_unix_number),
        _ => None,
    };
    time.filter(|time| (oldest..=newest).contains(time))
        .ok_or_else(|| {
            let shown = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Problem::field(name, &shown, &accepted())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        now: Timestamp::from_millis(1_700_000_000_000),
        past: Duration::from_secs(400 * 86_400),
        future: Duration::from_secs(10),
    };

    #[test]
    fn a_message_is_enough() {
        let parsed = parse(br#"{"message":" shop 1.4.2 "}"#, &LIMITS).unwrap();
        let expected = Activity::new("annotation", "shop 1.4.2".to_owned(), LIMITS.now);
        assert_eq!(parsed, expected);
    }

    #[test]
    fn times_are_taken_as_they_are_elsewhere() {
        for from in [
            "1699999000",
            "1699999000000",
            "\"2023-11-14T21:56:40Z\"",
            "\"2023-11-14T22:56:40+01:00\"",
        ] {
            let body = format!(r#"{{"message":"x","timestamp":{from},"to":1700000030}}"#);
            let parsed = parse(body.as_bytes(), &LIMITS).unwrap();
            assert_eq!(parsed.timestamp.as_millis(), 1_699_999_000_000, "{from}");
            assert_eq!(parsed.end().as_millis(), 1_700_000_030_000);
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body, &LIMITS);
        }

        #[test]
        fn what_is_taken_is_within_the_limits(from in any::<f64>(), to in proptest::option::of(any::<f64>())) {
            let body = serde_json::json!({ "message": "x", "from": from, "to": to }).to_string();
            if let Ok(parsed) = parse(body.as_bytes(), &LIMITS) {
                prop_assert!(parsed.timestamp <= LIMITS.now.plus(LIMITS.future));
                prop_assert!(parsed.until.is_none_or(|until| until > parsed.timestamp));
            }
        }
    }
}
