//! A rule outside a file: as JSON with the very keys that the file has, which is how the API takes and gives it and how the
//! store keeps it. There is one reader of rules: JSON is turned into TOML for it.

use std::time::Duration;

use serde_json::{Map, Value, json};
use toml::de::DeTable;

use super::{
    accept::show_duration,
    environment::Environment,
    fault::{Fault, Faults},
    rule,
    syntax::Syntax,
    table::Table,
    walk::Walk,
};
use crate::model::{Direction, Globs, Level, NoDataPolicy, Notify, Rule, Threshold};

/// What faults call a rule that is in no file.
const LABEL: &str = "rule";

/// Reads a rule; all that is wrong with it is said at once. A key that is `null` is as if it were not there.
pub fn rule_from_json(value: &Value) -> Result<Rule, Faults> {
    let Value::Object(object) = value else {
        let found = value.to_string();
        let fault = Fault::new(LABEL, None, "", &found, "an object with the keys of a rule");
        return Err(Faults::of(fault));
    };
    let text = toml_table(object);
    let syntax = Syntax::check(LABEL, &text);
    let (tree, _) = DeTable::parse_recoverable(&syntax.mended);
    let walk = Walk::new(LABEL, &syntax, Environment::new([]));
    let table = Table::outside(&walk, tree.get_ref());
    let rule = rule::read(&table);
    table.close();
    match (walk.into_faults(), rule) {
        (None, Some(rule)) => Ok(rule),
        (Some(faults), _) => Err(faults.without_lines()),
        (None, None) => unreachable!("a rule that cannot be read has a fault"),
    }
}

/// A rule with every key that is not at its default, and those that it cannot be without.
pub fn rule_to_json(of: &Rule) -> Value {
    written(of, false)
}

/// A rule with the keys that are at their defaults too, but for those that then say nothing at all.
pub fn rule_in_full(of: &Rule) -> Value {
    written(of, true)
}

fn written(of: &Rule, is_full: bool) -> Value {
    let mut written = Map::new();
    let mut put = |key: &str, value: Value| {
        written.insert(key.to_owned(), value);
    };
    put("name", json!(of.name));
    put("metric", json!(of.metric.as_str()));
    if !of.hosts.is_empty() {
        put("hosts", globs(&of.hosts));
    }
    if !of.labels.is_empty() {
        let labels = of.labels.iter().map(|(name, g)| (name.clone(), globs(g)));
        put("labels", Value::Object(labels.collect()));
    }
    put("aggregate", json!(of.aggregate.as_str()));
    if !of.window.is_zero() {
        put("window", duration(of.window));
    }
    if let Some(until) = of.until {
        put("until", json!(until));
    }
    put("when", direction(of.when));
    for (level, threshold) in of.levels.iter() {
        let Threshold { fire, clear } = threshold;
        put(level.as_str(), json!({ "fire": fire, "clear": clear }));
    }
    if let Some(guard) = &of.guard {
        let when = direction(guard.when);
        let guard = json!({ "metric": guard.metric, "when": when, "value": guard.value });
        put("and", guard);
    }
    if !of.hold.is_zero() {
        put("for", duration(of.hold));
    }
    if !of.keep_firing_for.is_zero() {
        put("keep_firing_for", duration(of.keep_firing_for));
    }
    if is_full || of.flapping != rule::FLAPPING {
        let within = duration(of.flapping.within);
        let flapping = json!({ "after": of.flapping.after, "within": within });
        put("flapping", flapping);
    }
    if is_full || of.no_data != rule::NO_DATA {
        let then = match of.no_data.then {
            NoDataPolicy::Keep => "keep",
            NoDataPolicy::Fire => "fire",
            NoDataPolicy::Resolve => "resolve",
        };
        let (after, level) = (duration(of.no_data.after), of.no_data.level);
        let no_data = json!({ "after": after, "then": then, "level": level });
        put("no_data", no_data);
    }
    if !of.mutes.is_empty() {
        put("mutes", globs(&of.mutes));
    }
    if is_full || of.repeat != rule::REPEAT {
        let levels = Level::ALL.into_iter().map(|level| {
            let again = of.repeat.get(level).map_or(json!("never"), duration);
            (level.as_str().to_owned(), again)
        });
        put("repeat", Value::Object(levels.collect()));
    }
    if !of.tags.is_empty() {
        let tags = of.tags.iter();
        let tags = tags.map(|(name, word)| (name.to_owned(), json!(word)));
        put("tags", Value::Object(tags.collect()));
    }
    put("message", json!(of.message.source()));
    let notify = match &of.notify {
        Notify::Nobody => json!(false),
        Notify::Routed => json!(true),
        Notify::Channels(names) => json!(names),
    };
    put("notify", notify);
    put("enabled", json!(of.enabled));
    Value::Object(written)
}

fn globs(globs: &Globs) -> Value {
    Value::Array(globs.iter().map(Value::from).collect())
}

fn duration(duration: Duration) -> Value {
    Value::String(show_duration(duration))
}

fn direction(direction: Direction) -> Value {
    json!(match direction {
        Direction::Above => "above",
        Direction::Below => "below",
    })
}

/// The lines of a TOML table.
fn toml_table(object: &Map<String, Value>) -> String {
    let given = object.iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(key, value)| format!("{} = {}\n", toml_text(key), toml(value)))
        .collect()
}

/// A value in TOML, on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => toml_text(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(object) => {
            let given = object.iter().filter(|(_, value)| !value.is_null());
            let pairs: Vec<_> = given
                .map(|(key, value)| format!("{} = {}", toml_text(key), toml(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// JSON's escapes are TOML's, but for one character that JSON leaves as it is.
fn toml_text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rules;

    #[test]
    fn every_shipped_rule_is_read_back_as_it_was() {
        for rule in rules::shipped() {
            for written in [rule_to_json(&rule), rule_in_full(&rule)] {
                assert_eq!(rule_from_json(&written).unwrap(), *rule, "{written}");
            }
        }
    }

    #[test]
    fn whatever_text_is_in_it_comes_through() {
        let text = "a \"quote\" \\ 'and' {{ host }} \u{7f}\u{e4}\u{1f600} ''' \"\"\" \n\t";
        let written = json!({
            "name": "a", "metric": "m*", "warning": { "fire": 1e5 }, "message": text,
            "labels": { "b": "c\"d" }, "critical": null,
        });
        let rule = rule_from_json(&written).unwrap();
        assert_eq!(rule.message.source(), text);
        assert_eq!(rule.levels.warning.unwrap().clear, 1e5);
        assert_eq!(rule_from_json(&rule_to_json(&rule)).unwrap(), rule);
    }

    #[test]
    fn every_fault_is_said_without_a_line() {
        let faults = rule_from_json(&json!({
            "name": "1", "metric": "m", "warning": { "fire": 1, "clear": 2 }, "window": "1m",
            "colour": "red",
        }));
        let text = faults.unwrap_err().to_string();
        for key in ["name", "warning.clear", "window", "colour"] {
            assert!(text.contains(key), "{text}");
        }
        assert!(!text.contains("rule:1"), "{text}");
        assert!(rule_from_json(&json!(["a"])).is_err());
    }
}
