//! The body of `POST /api/rules/backtest`, parsed. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    history::query::{LATER, TIME, time},
    model::Timestamp,
    web::problem::Problem,
};

/// What a body looks like.
const SHAPE: &str = r#"{"rule":{…} or "name", "from"?, "to"?, "compare"?, "per_week"?}"#;
/// How far back it looks where nothing is said, and at most.
const USUAL: Duration = Duration::from_secs(86_400);
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Which rule.
    pub of: Of,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Also as it is saved.
    pub compare: bool,
    /// Find a threshold that tells people at most so often a week.
    pub per_week: Option<u32>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Of {
    /// As it is written here.
    Rule(Value),
    /// As it is saved.
    Name(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Body {
    rule: Option<Value>,
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    compare: bool,
    per_week: Option<u32>,
}

/// Parses a body. A refusal says which field, what it was and what it takes.
pub fn parse(body: &[u8], now: Timestamp) -> Result<Written, Problem> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Problem::unprocessable(format!("not a backtest: {error}; a backtest is {SHAPE}"))
    })?;
    let of = match (body.rule, body.name) {
        (Some(rule), None) => Of::Rule(rule),
        (None, Some(name)) => Of::Name(name),
        _ => {
            return Err(Problem::unprocessable(
                "either rule, an object with the keys of a rule, or name, that of one there is",
            ));
        }
    };
    let at = |name: &str, text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let text = text.strip_prefix('-').unwrap_or(text);
        let at = time(text, now).map(Some);
        at.ok_or_else(|| Problem::field(name, text, TIME))
    };
    let to = at("to", &body.to)?.unwrap_or(now).min(now);
    let from = at("from", &body.from)?.unwrap_or_else(|| to.minus(USUAL));
    if from >= to {
        let shown = body.to.as_deref().unwrap_or("now");
        return Err(Problem::field("to", shown, LATER));
    }
    if to.since(from) > LONGEST {
        let shown = body.from.as_deref().unwrap_or_default();
        return Err(Problem::field(
            "from",
            shown,
            "a time at most 366 days before to",
        ));
    }
    Ok(Written {
        of,
        from,
        to,
        compare: body.compare,
        per_week: body.per_week,
    })
}
