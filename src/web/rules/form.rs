//! A rule as the fields of a form, and the form as a rule. Pure.
//!
//! A field is called what its key is called in a configuration, with dots: `warning.fire`. A field that is empty is a key that
//! is not there, so it is the one reader of rules ([`crate::config::rule_from_json`]) that says what is wrong.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    config::rule_in_full,
    model::Rule,
    web::{lines, query},
};

/// Fields that are numbers; what is in one and is none is given to the reader as it is, which says so.
const NUMBERS: [&str; 9] = [
    "until",
    "info.fire",
    "info.clear",
    "warning.fire",
    "warning.clear",
    "critical.fire",
    "critical.clear",
    "and.value",
    "flapping.after",
];
/// Fields that are patterns, with commas.
const LISTS: [&str; 2] = ["hosts", "mutes"];
/// Fields that are pairs, `name=word`, one a line.
const PAIRS: [&str; 2] = ["labels", "tags"];
/// All others.
const TEXTS: [&str; 17] = [
    "name",
    "metric",
    "aggregate",
    "window",
    "when",
    "and.metric",
    "and.when",
    "for",
    "keep_firing_for",
    "flapping.within",
    "no_data.after",
    "no_data.then",
    "no_data.level",
    "repeat.info",
    "repeat.warning",
    "repeat.critical",
    "message",
];

/// The fields, by name. See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// As it was sent; of a field that comes twice the later one. What is no field of a rule is kept too. Lines end as they do
    /// here, not as browsers send them.
    pub fn parse(text: &str) -> Self {
        let fields = query::pairs(text);
        Self(
            fields
                .map(|(name, text)| (name, text.replace("\r\n", "\n")))
                .collect(),
        )
    }

    /// Of a rule that there is.
    pub fn of(rule: &Rule) -> Self {
        let mut form = Self::default();
        if let Value::Object(written) = rule_in_full(rule) {
            for (key, value) in &written {
                form.put(key, value);
            }
        }
        form
    }

    /// Of one that is to be made.
    pub fn blank() -> Self {
        let fields = [
            ("aggregate", "last"),
            ("when", "above"),
            ("notify", "routes"),
            ("enabled", "true"),
            ("flapping.after", "5"),
            ("flapping.within", "10m"),
            ("no_data.after", "1m"),
            ("no_data.then", "keep"),
            ("no_data.level", "warning"),
            ("repeat.info", "never"),
            ("repeat.warning", "never"),
            ("repeat.critical", "4h"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(fields.into())
    }

    fn put(&mut self, key: &str, value: &Value) {
        let text = match (key, value) {
            ("notify", Value::Bool(true)) => "routes".to_owned(),
            ("notify", Value::Bool(false)) => "nobody".to_owned(),
            ("notify", names) => {
                self.set("channels", &words(names, ", "));
                "channels".to_owned()
            }
            (key, Value::Object(pairs)) if PAIRS.contains(&key) => {
                let pairs = pairs.iter().flat_map(|(name, value)| match value {
                    Value::Array(words) => words.iter().map(|word| pair(name, word)).collect(),
                    word => vec![pair(name, word)],
                });
                pairs.collect::<Vec<_>>().join("\n")
            }
            (key, Value::Object(keys)) => {
                // What is over where it fires was not said, and goes with where it fires.
                let is_same = keys.get("fire") == keys.get("clear");
                for (under, value) in keys
                    .iter()
                    .filter(|(under, _)| !(is_same && *under == "clear"))
                {
                    self.put(&format!("{key}.{under}"), value);
                }
                return;
            }
            (_, value) => words(value, ", "),
        };
        self.set(key, &text);
    }

    /// What is in a field, without what is around it; nothing is as good as no field.
    pub fn get(&self, name: &str) -> &str {
        self.whole(name).trim()
    }

    /// What is in a field, as it is.
    pub fn whole(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Puts something into a field.
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// Whether this is what is in a field.
    pub fn is(&self, name: &str, text: &str) -> bool {
        self.get(name) == text
    }

    /// Whether it says when it fires, so that it may be a rule.
    pub fn says_something(&self) -> bool {
        let fires = ["info.fire", "warning.fire", "critical.fire"];
        fires.iter().any(|name| !self.get(name).is_empty()) || self.is("no_data.then", "fire")
    }

    /// Whether any of these fields says something else than a new rule does.
    pub fn differs(&self, names: &[&str]) -> bool {
        let blank = Self::blank();
        names.iter().any(|name| self.get(name) != blank.get(name))
    }

    /// The rule as the API takes it.
    pub fn rule(&self) -> Value {
        let mut rule = Map::new();
        let mut put = |name: &str, value: Value| match name.split_once('.') {
            None => {
                rule.insert(name.to_owned(), value);
            }
            Some((table, under)) => {
                let table = rule.entry(table).or_insert_with(|| json!({}));
                table[under] = value;
            }
        };
        for name in TEXTS.iter().filter(|name| self.says(name)) {
            // What people are told is theirs to write.
            let text = match *name {
                "message" => self.whole(name),
                name => self.get(name),
            };
            put(name, json!(text));
        }
        for name in NUMBERS.iter().filter(|name| self.says(name)) {
            put(name, number(self.get(name)));
        }
        for name in LISTS.iter().filter(|name| self.says(name)) {
            put(name, json!(list(self.get(name))));
        }
        for name in PAIRS.iter().filter(|name| self.says(name)) {
            put(name, pairs(self.get(name), *name == "labels"));
        }
        let notify = match self.get("notify") {
            "nobody" => json!(false),
            "channels" => json!(list(self.get("channels"))),
            _ => json!(true),
        };
        put("notify", notify);
        put("enabled", json!(self.is("enabled", "true")));
        Value::Object(rule)
    }

    /// Whether a field counts: what belongs to a choice that was not made is not shown either.
    fn says(&self, name: &str) -> bool {
        let aggregate = self.get("aggregate");
        let counts = match name {
            "window" => aggregate != "last",
            "until" => aggregate == "hours_until",
            "when" => aggregate != "hours_until",
            "and.when" => !self.get("and.metric").is_empty() || !self.get("and.value").is_empty(),
            _ => true,
        };
        counts && !self.get(name).is_empty()
    }
}

fn number(text: &str) -> Value {
    // A whole number stays one.
    let whole = text.parse().ok().map(|number: i64| json!(number));
    let number = || text.parse().ok().and_then(serde_json::Number::from_f64);
    whole
        .or_else(|| number().map(Value::Number))
        .unwrap_or_else(|| json!(text))
}

fn list(text: &str) -> Vec<&str> {
    let words = text.split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

/// Several patterns of one label are alternatives; of tags the later one counts.
fn pairs(text: &str, are_patterns: bool) -> Value {
    let lines = match lines::pairs(text) {
        Ok(lines) => lines,
        // The reader of rules says of it what it is.
        Err(line) => return json!(line),
    };
    let mut pairs = Map::new();
    for (name, word) in lines {
        let word = json!(word);
        match pairs.get_mut(name) {
            Some(Value::Array(words)) => words.push(word),
            _ if are_patterns => {
                pairs.insert(name.to_owned(), json!([word]));
            }
            _ => {
                pairs.insert(name.to_owned(), word);
            }
        }
    }
    Value::Object(pairs)
}

fn pair(name: &str, word: &Value) -> String {
    format!("{name}={}", words(word, ", "))
}

/// A value as it stands in a field.
fn words(value: &Value, between: &str) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| words(item, between)).collect();
            items.join(between)
        }
        // A number that is whole has no point.
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, rule_from_json};
    use proptest::prelude::*;

    /// What a browser makes of it.
    fn sent(form: &Form) -> String {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let fields = form.0.iter();
        let fields = fields.map(|(name, text)| {
            // Lines end as browsers end them.
            format!("{}={}", encode(name), encode(&text.replace('\n', "\r\n")))
        });
        fields.collect::<Vec<_>>().join("&")
    }

    #[test]
    fn every_shipped_rule_comes_through_a_form_as_it_was() {
        for rule in Config::default().rules {
            let form = Form::parse(&sent(&Form::of(&rule)));
            let read = rule_from_json(&form.rule());
            assert_eq!(read.as_ref(), Ok(&*rule), "{form:?}");
        }
    }

    #[test]
    fn a_rule_with_everything_comes_through() {
        let written = json!({
            "name": "all", "metric": "disk_*", "hosts": ["web*", "db1"],
            "labels": { "mount": ["/", "/home=x"], "device": "sd*", "simulated": "" },
            "aggregate": "p95", "window": "90s", "when": "below",
            "info": { "fire": 30.25, "clear": 40 }, "warning": { "fire": 20, "clear": 25 },
            "critical": { "fire": 1e-3, "clear": 1 },
            "and": { "metric": "disk_free", "when": "below", "value": 5e9 },
            "for": "1m", "keep_firing_for": "2m", "flapping": { "after": 0, "within": "1h" },
            "no_data": { "after": "5m", "then": "fire", "level": "critical" },
            "mutes": ["a_*", "b"], "repeat": { "info": "1h", "warning": "never", "critical": "10m" },
            "tags": { "team": "web & mail", "note": "a=b" }, "message": "\n {{ host }}:\n\"{{ value }}\" & so on \n",
            "notify": ["mail", "pager"], "enabled": false,
        });
        let rule = rule_from_json(&written).unwrap();
        let form = Form::parse(&sent(&Form::of(&rule)));
        assert_eq!(rule_from_json(&form.rule()), Ok(rule), "{form:?}");
    }

    proptest! {
        /// Whatever rule a form makes, the form of that rule makes it again.
        #[test]
        fn no_form_panics_and_what_it_makes_comes_through(
            fields in proptest::collection::vec(
                (proptest::sample::select([&NUMBERS[..], &LISTS, &PAIRS, &TEXTS].concat()), "[a-z0-9 .,=*!_\\n\"{}-]{0,12}"),
                0..6,
            ),
            critical in any::<f64>(),
        ) {
            let mut form = Form::blank();
            for (name, text) in [("name", "a"), ("metric", "m"), ("critical.fire", &critical.to_string())] {
                form.set(name, text);
            }
            for (name, text) in &fields {
                form.set(name, text);
            }
            let form = Form::parse(&sent(&form));
            if let Ok(rule) = rule_from_json(&form.rule()) {
                let again = Form::parse(&sent(&Form::of(&rule)));
                prop_assert_eq!(rule_from_json(&again.rule()), Ok(rule), "{:?}", again);
            }
        }
    }

    #[test]
    fn a_new_one_is_as_one_that_says_nothing() {
        let mut form = Form::blank();
        for (name, text) in [("name", "a"), ("metric", "m"), ("warning.fire", "9")] {
            form.set(name, text);
        }
        let said = json!({ "name": "a", "metric": "m", "warning": { "fire": 9 } });
        let said = rule_from_json(&said).unwrap();
        assert_eq!(rule_from_json(&form.rule()).unwrap(), said);
        let more = ["flapping.after", "no_data.after", "repeat.critical"];
        assert!(!Form::of(&said).differs(&more));
    }

    #[test]
    fn what_is_wrong_is_said_of_the_field() {
        let mut form = Form::blank();
        for (name, text) in [
            ("name", "a"),
            ("metric", "m"),
            ("warning.fire", "9 %"),
            ("for", "long"),
            ("labels", "mount:/home"),
            // Of a choice that was not made.
            ("window", "nonsense"),
            ("until", "nonsense"),
        ] {
            form.set(name, text);
        }
        let faults = rule_from_json(&form.rule()).unwrap_err();
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["for", "labels", "warning.fire"]);
    }
}
