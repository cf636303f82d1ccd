//! The body of `POST /api/silences`, parsed. Pure; a fuzz target.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    config::duration,
    model::{
        Globs, Matcher, Person, Silence, Timestamp, event::MAX_MESSAGE_BYTES, silence::Patterns,
    },
    web::{lines, problem::Problem, query},
};

/// A silence as it is written.
const SHAPE: &str = r#"{"alert" or "rules","hosts","names","labels","exact_labels","tags","levels" or "everything":true, "for" or "until","from"?,"until_resolved"?,"reason"?,"by"?}"#;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Of which alerts.
    pub of: Of,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Or until what it silenced is resolved.
    pub until_resolved: bool,
    /// Why.
    pub reason: String,
    /// Who asks, if that is said.
    pub by: Option<Person>,
}

/// Which alerts.
#[derive(Debug, Clone, PartialEq)]
pub enum Of {
    /// Those that fit.
    Matcher(Matcher),
    /// Those of the rule and series of this one.
    Alert(Uuid),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Written {
    alert: Option<Uuid>,
    everything: Option<bool>,
    rules: Option<Globs>,
    hosts: Option<Globs>,
    names: Option<Globs>,
    labels: Option<Patterns>,
    #[serde(default)]
    exact_labels: bool,
    tags: Option<Patterns>,
    levels: Option<Vec<crate::model::Level>>,
    from: Option<Value>,
    until: Option<Value>,
    #[serde(rename = "for")]
    length: Option<String>,
    #[serde(default)]
    until_resolved: bool,
    reason: Option<String>,
    by: Option<String>,
}

/// Parses a body. A refusal says which field, what it was and what it takes.
pub fn parse(body: &[u8], now: Timestamp) -> Result<Asked, Problem> {
    let written: Written = serde_json::from_slice(body).map_err(|error| {
        Problem::unprocessable(format!("not a silence: {error}; a silence is {SHAPE}"))
    })?;
    let matcher = Matcher {
        rules: written.rules.unwrap_or_default(),
        hosts: written.hosts.unwrap_or_default(),
        names: written.names.unwrap_or_default(),
        labels: written.labels.unwrap_or_default(),
        exact_labels: written.exact_labels,
        tags: written.tags.unwrap_or_default(),
        levels: written.levels.unwrap_or_default(),
    };
    let everything = written.everything.unwrap_or(false);
    let of = match (written.alert, matcher.is_empty(), everything) {
        (Some(alert), true, false) => Of::Alert(alert),
        (None, false, false) | (None, true, true) => Of::Matcher(matcher),
        (None, true, false) => {
            return Err(Problem::unprocessable(
                "of which alerts? alert, or any of rules, hosts, names, labels, exact_labels, tags and levels; \"everything\": true is all of them",
            ));
        }
        _ => {
            return Err(Problem::unprocessable(
                "either alert, or any of rules, hosts, names, labels, exact_labels, tags and levels, or everything; not several of these",
            ));
        }
    };
    let from = match &written.from {
        None => now,
        Some(value) => {
            let latest = now.plus(Silence::LONGEST);
            time(
                "from",
                value,
                now.minus(Duration::from_secs(86_400)),
                latest,
            )?
        }
    };
    let latest = from.plus(Silence::LONGEST);
    let until = match (&written.length, &written.until) {
        (Some(length), None) => {
            let length = duration(length).filter(|d| !d.is_zero() && *d <= Silence::LONGEST);
            let shown = written.length.as_deref().unwrap_or_default();
            let length = length.ok_or_else(|| {
                Problem::field("for", shown, "a duration like 30m, 2h or 3d, at most 90d")
            })?;
            from.plus(length)
        }
        (None, Some(value)) => {
            let soonest = from.max(now).plus(Duration::from_millis(1));
            time("until", value, soonest, latest)?
        }
        _ => {
            return Err(Problem::unprocessable(
                "a silence has an end: for, a duration like 2h, or until, a time; one of the two",
            ));
        }
    };
    let reason = written.reason.unwrap_or_default();
    let reason = reason.trim();
    if reason.len() > MAX_MESSAGE_BYTES || reason.contains('\0') {
        let accepted = format!("text of at most {MAX_MESSAGE_BYTES} bytes");
        return Err(Problem::field("reason", reason, &accepted));
    }
    let by = written.by.map(|by| {
        let person = Person::parse(&by);
        person.ok_or_else(|| Problem::field("by", &by, "a name of 1 to 100 bytes"))
    });
    Ok(Asked {
        of,
        from,
        until,
        until_resolved: written.until_resolved,
        reason: reason.to_owned(),
        by: by.transpose()?,
    })
}

/// The body that a form of the page of an alert stands for: `for`, `until_resolved` and `reason`.
pub fn of_form(alert: &str, form: &str) -> Vec<u8> {
    let mut body = serde_json::json!({ "alert": alert });
    for (name, value) in query::pairs(form) {
        match name.as_str() {
            "until_resolved" => body[name] = Value::from(value == "true"),
            "for" | "reason" => body[name] = Value::from(value),
            // Nothing else is in it.
            _ => {}
        }
    }
    body.to_string().into_bytes()
}

/// The body that the form of the page of silences stands for: patterns with commas, labels one a line, of which those with
/// the same name are alternatives. What is empty says nothing, and so does `everything` where something else is said.
pub fn of_fields(form: &str) -> Result<Vec<u8>, Problem> {
    let mut body = serde_json::json!({});
    let (mut everything, mut is_of_something) = (false, false);
    for (name, value) in query::pairs(form) {
        let value = value.trim();
        let words = || {
            value
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
        };
        if value.is_empty() {
            continue;
        }
        match name.as_str() {
            "rules" | "hosts" | "names" | "levels" => {
                is_of_something = true;
                body[name] = words().map(Value::from).collect();
            }
            "labels" => {
                is_of_something = true;
                let pairs = lines::pairs(value).map_err(|line| {
                    Problem::field("labels", line, "a label and its pattern, like mount=/home")
                })?;
                let mut labels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (label, pattern) in pairs {
                    labels.entry(label).or_default().push(pattern);
                }
                body[name] = serde_json::json!(labels);
            }
            "everything" => everything = value == "true",
            "until_resolved" => body[name] = Value::from(value == "true"),
            _ => body[name] = Value::from(value),
        }
    }
    if everything && !is_of_something {
        body["everything"] = Value::from(true);
    }
    Ok(body.to_string().into_bytes())
}

fn time(
    name: &str,
    value: &Value,
    oldest: Timestamp,
    newest: Timestamp,
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
            let accepted = format!(
                "an RFC 3339 time, or unix seconds or milliseconds, from {oldest} to {newest}"
            );
            Problem::field(name, &shown, &accepted)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn parsed(body: &str) -> Result<Asked, Problem> {
        parse(body.as_bytes(), NOW)
    }

    #[test]
    fn one_pattern_or_a_list_and_a_length_are_enough() {
        let asked = parsed(r#"{"hosts":"web*","rules":["a","b"],"for":"2h"}"#).unwrap();
        let Of::Matcher(matcher) = &asked.of else {
            panic!("{asked:?}");
        };
        assert_eq!(matcher.to_string(), "rule a or b, host web*");
        assert_eq!(
            (asked.from, asked.until),
            (NOW, NOW.plus(Duration::from_secs(7200)))
        );
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        for (body, said) in [
            (r#"{"for":"2h"}"#, "of which alerts?"),
            (r#"{"exact_labels":false,"for":"2h"}"#, "of which alerts?"),
            (
                r#"{"everything":true,"hosts":"a","for":"2h"}"#,
                "not several",
            ),
            (r#"{"hosts":"a"}"#, "a silence has an end"),
            (
                r#"{"hosts":"a","for":"2h","until":1700000100}"#,
                "one of the two",
            ),
            (r#"{"hosts":"a","for":"91d"}"#, "at most 90d"),
            (
                r#"{"hosts":"a","until":1699999999}"#,
                "from 2023-11-14T22:13:20.001Z",
            ),
            (
                r#"{"hosts":"a","for":"2h","colour":1}"#,
                "unknown field `colour`",
            ),
            (
                r#"{"hosts":"a","for":"2h","by":" "}"#,
                "a name of 1 to 100 bytes",
            ),
        ] {
            let problem = format!("{:?}", parsed(body).unwrap_err());
            assert!(problem.contains(said), "{body}: {problem}");
        }
    }

    fn of_form(form: &str) -> Result<String, String> {
        let body = of_fields(form).map_err(|problem| problem.to_string())?;
        match parse(&body, NOW).map_err(|problem| problem.to_string())?.of {
            Of::Matcher(matcher) => Ok(matcher.to_string()),
            Of::Alert(alert) => Ok(alert.to_string()),
        }
    }

    #[test]
    fn a_form_silences_no_more_than_it_says() {
        let said =
            of_form("hosts=web*&labels=mount%3D/home%0D%0Amount%3D/var&for=2h&everything=true");
        assert_eq!(said.unwrap(), "host web*, label mount /home or /var");
        assert!(of_form("for=2h&everything=true").is_ok());
        let said = of_form("hosts=web*&labels=mount:/home&for=2h").unwrap_err();
        assert!(said.contains("labels=\"mount:/home\""), "{said}");
        let said = of_form("hosts=+&for=2h").unwrap_err();
        assert!(said.contains("of which alerts?"), "{said}");
    }

    proptest! {
        #[test]
        fn no_form_panics(form in "[ -~]{0,200}") {
            let _ = of_fields(&form).and_then(|body| parse(&body, NOW));
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body, NOW);
        }

        #[test]
        fn what_is_taken_has_an_end(from in proptest::option::of(any::<f64>()), until in any::<f64>()) {
            let body = serde_json::json!({ "everything": true, "from": from, "until": until }).to_string();
            if let Ok(asked) = parsed(&body) {
                prop_assert!(asked.from < asked.until && asked.until > NOW);
                prop_assert!(asked.until.since(asked.from) <= Silence::LONGEST);
            }
        }
    }
}
