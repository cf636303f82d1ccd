//! Commands of a WebSocket client, parsed. Pure; a fuzz target.

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::cbor;
use crate::{
    model::{Globs, LabelName},
    sources::supervisor::Action,
    stream::{
        cursor::Missed,
        filter::{Filter, Topic, Topics},
    },
    web::query::{self, Since, UntilParam},
};

/// The longest `id` a client may use, as JSON text.
const MAX_ID_BYTES: usize = 128;

/// A frame of the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its `id` as JSON, to be given back.
    pub id: Option<String>,
    /// What it asks for.
    pub command: Command,
}

/// What a client can ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Are you there?
    Ping,
    /// Follow something.
    Subscribe(Box<Subscribe>),
    /// Stop following.
    Unsubscribe(String),
    /// Hold one subscription, or all.
    Pause(Option<String>),
    /// Go on with one subscription, or all.
    Resume(Option<String>, Missed),
    /// The newest value of every series that passes.
    RequestMetrics(Filter),
    /// Start or stop a source.
    Source(String, Action),
    /// Acknowledge an alert.
    Acknowledge(Uuid),
    /// Dismiss an alert.
    Dismiss(Uuid),
    /// Dismiss and acknowledge all alerts.
    Clear,
}

/// A subscription as asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribe {
    /// The events wanted.
    pub topics: Topics,
    /// The conditions on them.
    pub filter: Filter,
    /// The time between two flushes; zero without `max_rate`.
    pub period: std::time::Duration,
    /// Where it begins; without it the windows in memory come first.
    pub since: Option<Since>,
    /// Where it ends.
    pub until: Option<UntilParam>,
    /// How many times as fast as it was the past goes by; none for as fast as it can.
    pub speed: Option<f64>,
}

/// Why a frame was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The frame's `id` as JSON, if it could be read.
    pub id: Option<String>,
    /// A word for programs.
    pub code: &'static str,
    /// A sentence for people: what was wrong and what is accepted.
    pub message: String,
}

const TYPES: &str = "ping, subscribe, unsubscribe, pause, resume, request_metrics, source, acknowledge, dismiss, clear";

fn refuse(id: Option<String>, code: &'static str, message: String) -> Refusal {
    Refusal { id, code, message }
}

/// Parses a text frame.
pub fn parse(text: &str) -> Result<Frame, Refusal> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| refuse(None, "bad_json", format!("the frame is not JSON: {error}")))?;
    match value {
        Value::Object(object) => of_object(object),
        _ => {
            let message = "the frame is not a JSON object";
            Err(refuse(None, "bad_json", message.to_owned()))
        }
    }
}

/// Parses a binary frame: one CBOR map with the same fields.
pub fn parse_cbor(bytes: &[u8]) -> Result<Frame, Refusal> {
    let object =
        cbor::object(bytes).map_err(|fault| refuse(None, "bad_cbor", fault.to_string()))?;
    of_object(object)
}

fn of_object(mut object: Map<String, Value>) -> Result<Frame, Refusal> {
    let id = object.remove("id").map(|id| id.to_string());
    if id.as_ref().is_some_and(|id| id.len() > MAX_ID_BYTES) {
        let message = format!("id: at most {MAX_ID_BYTES} bytes of JSON");
        return Err(refuse(None, "bad_field", message));
    }
    let kind = match object.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(other) => {
            let message = format!("type: found {other}, accepted is one of {TYPES}");
            return Err(refuse(id, "unknown_type", message));
        }
        None => {
            let message = format!("type is missing; accepted is one of {TYPES}");
            return Err(refuse(id, "missing_field", message));
        }
    };
    match command(&kind, object) {
        Ok(command) => Ok(Frame { id, command }),
        Err((code, message)) => Err(refuse(id, code, message)),
    }
}

/// Longer frames are not read for their `id` alone.
const SHORT_BYTES: usize = 1 << 10;

/// The `id` of a frame that is not done, if it is cheaply had; `read` reads frames of its notation.
pub fn id_of(
    frame: &[u8],
    read: impl FnOnce(&[u8]) -> Option<Map<String, Value>>,
) -> Option<String> {
    if frame.len() > SHORT_BYTES {
        return None;
    }
    let id = read(frame)?.remove("id")?.to_string();
    Some(id).filter(|id| id.len() <= MAX_ID_BYTES)
}

type Fault = (&'static str, String);

fn command(kind: &str, object: Map<String, Value>) -> Result<Command, Fault> {
    let mut fields = Fields(object);
    let command = match kind {
        "ping" => Command::Ping,
        "subscribe" => Command::Subscribe(Box::new(subscribe(&mut fields)?)),
        "unsubscribe" => {
            Command::Unsubscribe(fields.required("subscription", "the name of a subscription")?)
        }
        "pause" => Command::Pause(fields.optional("subscription", "the name of a subscription")?),
        "resume" => {
            let subscription = fields.optional("subscription", "the name of a subscription")?;
            let missed: Option<String> = fields.optional("missed", "alerts, replay or latest")?;
            let missed = match missed.as_deref() {
                None | Some("alerts") => Missed::Alerts,
                Some("replay") => Missed::Replay,
                Some("latest") => Missed::Latest,
                Some(other) => return Err(bad("missed", other, "alerts, replay or latest")),
            };
            Command::Resume(subscription, missed)
        }
        "request_metrics" => Command::RequestMetrics(filter(&mut fields)?),
        "source" => {
            let source = fields.required("source", "the name of a source")?;
            Command::Source(source, fields.required("action", "start or stop")?)
        }
        "acknowledge" => Command::Acknowledge(fields.required("alert", "the id of an alert")?),
        "dismiss" => Command::Dismiss(fields.required("alert", "the id of an alert")?),
        "clear" => Command::Clear,
        other => {
            let other: String = other.chars().take(80).collect();
            return Err((
                "unknown_type",
                format!("type {other:?} is unknown; accepted is one of {TYPES}"),
            ));
        }
    };
    fields.none_left(kind)?;
    Ok(command)
}

fn subscribe(fields: &mut Fields) -> Result<Subscribe, Fault> {
    const TOPICS: &str = "a list of metrics, alerts, activity, notifications, status";
    let topics: Option<Vec<String>> = fields.optional("topics", TOPICS)?;
    let topics = match topics {
        None => Topics::of(&[Topic::Metrics, Topic::Alerts]),
        Some(words) => query::topics_of(words.iter().map(String::as_str))
            .ok_or_else(|| bad("topics", &words.join(","), TOPICS))?,
    };
    let filter = filter(fields)?;
    const RATE: &str = "flushes a second, more than 0 and at most 100";
    let rate: Option<f64> = fields.optional("max_rate", RATE)?;
    let period = match rate {
        None => std::time::Duration::ZERO,
        Some(rate) => {
            query::period(rate).ok_or_else(|| bad("max_rate", &rate.to_string(), RATE))?
        }
    };
    const SINCE: &str = "a position, a duration like 10m, an RFC 3339 time, earliest or latest";
    let since: Option<String> = fields.optional("since", SINCE)?;
    let since = match since {
        None => None,
        Some(text) => Some(query::since(&text).ok_or_else(|| bad("since", &text, SINCE))?),
    };
    let until: Option<String> = fields.optional("until", query::UNTIL)?;
    let until =
        until.map(|text| query::until(&text).ok_or_else(|| bad("until", &text, query::UNTIL)));
    let speed: Option<Value> = fields.optional("speed", query::SPEED)?;
    let speed = speed.map(|value| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        query::speed(&text).ok_or_else(|| bad("speed", &text, query::SPEED))
    });
    Ok(Subscribe {
        topics,
        filter,
        period,
        since,
        until: until.transpose()?,
        speed: speed.transpose()?.flatten(),
    })
}

fn filter(fields: &mut Fields) -> Result<Filter, Fault> {
    const GLOBS: &str = "a list of names or patterns (*, ?)";
    let mut globs = |name: &'static str| -> Result<_, Fault> {
        let patterns: Option<Vec<String>> = fields.optional(name, GLOBS)?;
        let Some(patterns) = patterns else {
            return Ok(None);
        };
        let found =
            query::globs_of(&patterns).ok_or_else(|| bad(name, &patterns.join(","), GLOBS))?;
        Ok(Some(found))
    };
    let (metrics, names) = (globs("metrics")?, globs("names")?);
    if metrics.is_some() && names.is_some() {
        return Err((
            "bad_filter",
            "metrics and names are the same; give one".to_owned(),
        ));
    }
    let mut filter = Filter {
        names: metrics.or(names).unwrap_or_default(),
        hosts: globs("hosts")?.unwrap_or_default(),
        rules: globs("rules")?.unwrap_or_default(),
        ..Filter::default()
    };
    const LEVELS: &str = "a list of info, warning, critical";
    let levels: Option<Vec<String>> = fields.optional("levels", LEVELS)?;
    if let Some(words) = levels {
        filter.levels = query::levels(words.iter().map(String::as_str))
            .ok_or_else(|| bad("levels", &words.join(","), LEVELS))?;
    }
    const LABELS: &str = "an object of label names with a pattern or a list of patterns each";
    let labels: Option<Map<String, Value>> = fields.optional("labels", LABELS)?;
    for (name, value) in labels.into_iter().flatten() {
        let patterns: Vec<String> = match value {
            Value::String(pattern) => vec![pattern],
            other => serde_json::from_value(other).map_err(|_| bad("labels", &name, LABELS))?,
        };
        let absent = patterns.iter().all(String::is_empty) && !patterns.is_empty();
        let globs = match absent {
            true => Some(Globs::new([""])),
            false => query::globs_of(&patterns),
        };
        let globs = globs.ok_or_else(|| bad("labels", &name, LABELS))?;
        LabelName::parse(&name).map_err(|error| ("bad_filter", error.to_string()))?;
        filter.labels.push((name, globs));
    }
    filter.labels.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(filter)
}

fn bad(field: &str, found: &str, accepted: &str) -> Fault {
    let code = match field {
        "topics" | "metrics" | "names" | "hosts" | "rules" | "levels" | "labels" => "bad_filter",
        _ => "bad_field",
    };
    let found: String = found.chars().take(80).collect();
    (
        code,
        format!("{field}: found {found:?}, accepted is {accepted}"),
    )
}

/// The fields of a frame, taken one by one.
struct Fields(Map<String, Value>);

impl Fields {
    fn optional<T: for<'de> Deserialize<'de>>(
        &mut self,
        name: &'static str,
        accepted: &str,
    ) -> Result<Option<T>, Fault> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let shown = value.to_string();
                let parsed = serde_json::from_value(value);
                parsed.map(Some).map_err(|_| bad(name, &shown, accepted))
            }
        }
    }

    fn required<T: for<'de> Deserialize<'de>>(
        &mut self,
        name: &'static str,
        accepted: &str,
    ) -> Result<T, Fault> {
        let missing = || {
            (
                "missing_field",
                format!("{name} is missing; it is {accepted}"),
            )
        };
        self.optional(name, accepted)?.ok_or_else(missing)
    }

    fn none_left(self, kind: &str) -> Result<(), Fault> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(80).collect();
                Err(("unknown_field", format!("{kind} has no field {name:?}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> &'static str {
        parse(text).unwrap_err().code
    }

    #[test]
    fn faults_have_a_code_and_keep_the_id() {
        assert_eq!(code("{"), "bad_json");
        assert_eq!(code("[]"), "bad_json");
        assert_eq!(code("{}"), "missing_field");
        assert_eq!(code(r#"{"type":"dance"}"#), "unknown_type");
        assert_eq!(code(r#"{"type":"unsubscribe"}"#), "missing_field");
        assert_eq!(code(r#"{"type":"ping","colour":1}"#), "unknown_field");
        assert_eq!(
            code(r#"{"type":"subscribe","metrics":"cpu"}"#),
            "bad_filter"
        );
        assert_eq!(code(r#"{"type":"subscribe","metrics":[""]}"#), "bad_filter");
        assert_eq!(code(r#"{"type":"subscribe","max_rate":0}"#), "bad_field");
        assert_eq!(code(r#"{"type":"acknowledge","alert":"x"}"#), "bad_field");
        let refusal = parse(r#"{"type":"dance","id":{"a":[1]}}"#).unwrap_err();
        assert_eq!(refusal.id.as_deref(), Some(r#"{"a":[1]}"#));
    }

    #[test]
    fn the_id_of_a_short_frame_is_read_without_the_rest() {
        let id = |text: &str| id_of(text.as_bytes(), |text| serde_json::from_slice(text).ok());
        assert_eq!(id(r#"{"type":"dance","id":[7]}"#).as_deref(), Some("[7]"));
        assert_eq!(id(r#"{"type":"ping"}"#), None);
        assert_eq!(id("{"), None);
        assert_eq!(id(&format!(r#"{{"id":{:?}}}"#, "x".repeat(200))), None);
        let long = format!(r#"{{"id":7,"type":{:?}}}"#, "x".repeat(SHORT_BYTES));
        assert_eq!(id(&long), None);
    }

    #[test]
    fn names_and_metrics_are_the_same() {
        let of = |text: &str| match parse(text).unwrap().command {
            Command::Subscribe(subscribe) => subscribe.filter,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            of(r#"{"type":"subscribe","metrics":["cpu_*"]}"#),
            of(r#"{"type":"subscribe","names":["cpu_*"]}"#)
        );
    }

    proptest! {
        #[test]
        fn no_frame_panics(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }
    }
}
