//! All rules there are, and where each comes from: those of the configuration, and those that people have made or changed in
//! the running server. A changed one stands in the place of the configuration's of the same name, which comes back when the
//! change is taken out.
//!
//! A book never changes: a change makes another. So whoever reads has one that fits together.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    model::{Level, Person, Rule, SeriesId, SeriesKey, Timestamp},
    series::Series,
};

/// Series remembered, at most; past that all are forgotten and worked out again.
const MOST: usize = 50_000;
/// Rules that people may make, at most.
pub const MOST_EDITS: usize = 1000;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It comes with tickwire.
    Shipped,
    /// The configuration file has it.
    File,
    /// Somebody made it here.
    Made,
    /// Somebody changed one of the file, or one that comes with tickwire.
    Changed,
}

/// A rule that somebody made or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

/// A rule of the book.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Where it comes from.
    pub origin: Origin,
    /// Who made or changed it, and when.
    pub edited: Option<(Person, Timestamp)>,
}

/// Why a rule was not taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unremovable {
    /// There is none of this name.
    #[error("there is no rule {0:?}")]
    Unknown(String),
    /// It is not one that people made or changed.
    #[error(
        "the rule {0:?} comes from the configuration: it can be disabled or changed here, and taken out there"
    )]
    OfFile(String),
}

/// The rules. See the module.
#[derive(Debug)]
pub struct Book {
    configured: Vec<Arc<Rule>>,
    is_shipped: bool,
    edits: BTreeMap<Arc<str>, Edit>,
    listed: Vec<Listed>,
    rules: Vec<Arc<Rule>>,
    watching: Mutex<HashMap<SeriesId, Arc<[usize]>>>,
}

/// A level of a rule on a series, in the unit of that series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The fire value.
    pub value: f64,
    /// The level.
    pub level: Level,
}

impl Book {
    /// The rules of the configuration, which may be those that come with tickwire, and what people made of them.
    pub fn new(
        configured: Vec<Arc<Rule>>,
        is_shipped: bool,
        edits: impl IntoIterator<Item = Edit>,
    ) -> Self {
        let edits = edits.into_iter();
        let edits: BTreeMap<_, _> = edits.map(|edit| (edit.rule.name.clone(), edit)).collect();
        let mut listed: Vec<_> = configured
            .iter()
            .map(|rule| match edits.get(&rule.name) {
                Some(edit) => Listed::edited(edit, Origin::Changed),
                None => Listed {
                    rule: rule.clone(),
                    origin: match is_shipped {
                        true => Origin::Shipped,
                        false => Origin::File,
                    },
                    edited: None,
                },
            })
            .collect();
        let is_configured = |name: &Arc<str>| configured.iter().any(|rule| rule.name == *name);
        let made = edits.iter().filter(|(name, _)| !is_configured(name));
        listed.extend(made.map(|(_, edit)| Listed::edited(edit, Origin::Made)));
        Self {
            rules: listed.iter().map(|listed| listed.rule.clone()).collect(),
            configured,
            is_shipped,
            edits,
            listed,
            watching: Mutex::default(),
        }
    }

    /// With other rules of the configuration.
    pub fn configured(&self, rules: Vec<Arc<Rule>>, is_shipped: bool) -> Self {
        Self::new(rules, is_shipped, self.edits.values().cloned())
    }

    /// With one more rule, or another one in the place of that of its name.
    pub fn with(&self, edit: Edit) -> Self {
        let edits = self.edits.values().cloned().chain([edit]);
        Self::new(self.configured.clone(), self.is_shipped, edits)
    }

    /// Without what people made or changed under this name; where the configuration has one, that is back.
    pub fn without(&self, name: &str) -> Result<Self, Unremovable> {
        if !self.edits.contains_key(name) {
            return Err(match self.get(name) {
                Some(_) => Unremovable::OfFile(name.to_owned()),
                None => Unremovable::Unknown(name.to_owned()),
            });
        }
        let others = self.edits.values().filter(|edit| &*edit.rule.name != name);
        let others: Vec<_> = others.cloned().collect();
        Ok(Self::new(self.configured.clone(), self.is_shipped, others))
    }

    /// The same, for series that have other ids.
    pub fn fresh(&self) -> Self {
        let edits = self.edits.values().cloned();
        Self::new(self.configured.clone(), self.is_shipped, edits)
    }

    /// All rules: those of the configuration in its order, then those that were made, by name.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Their names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .rules
            .iter()
            .map(|rule| rule.name.to_string())
            .collect();
        names.sort();
        names
    }

    /// All rules in the same order, with where they come from.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The rule of this name.
    pub fn get(&self, name: &str) -> Option<&Listed> {
        self.listed.iter().find(|listed| &*listed.rule.name == name)
    }

    /// How many rules people made or changed.
    pub fn edits(&self) -> usize {
        self.edits.len()
    }

    /// The rules that watch a series, by their place among [`rules`](Self::rules). Worked out once for each series.
    pub fn by(&self, series: &Series) -> Arc<[usize]> {
        let mut known = self.watching.lock();
        if known.len() >= MOST {
            known.clear();
        }
        let rules = known.entry(series.id).or_insert_with(|| {
            let watching = |(i, rule): (usize, &Arc<Rule>)| {
                (rule.enabled && rule.matches(series.key())).then_some(i)
            };
            self.rules.iter().enumerate().filter_map(watching).collect()
        });
        rules.clone()
    }

    /// The thresholds to draw for a series, each value once: of rules whose value is one of the series. For a used share
    /// those of the available share count too: that is how the shipped rules look at memory.
    pub fn lines(&self, key: &SeriesKey) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let is_drawn = |rule: &&Arc<Rule>| rule.enabled && rule.aggregate.lies_among_samples();
        let twin = key.name.as_str().strip_suffix("used_percent");
        let twin = twin.map(|stem| format!("{stem}available_percent"));
        for rule in self.rules.iter().filter(is_drawn) {
            let direct = rule.matches(key);
            let inverse = !direct
                && twin.as_ref().is_some_and(|twin| rule.metric.matches(twin))
                && rule.hosts.matches(key.host.as_str());
            if !direct && !inverse {
                continue;
            }
            for (level, threshold) in rule.levels.iter() {
                let value = if inverse {
                    100.0 - threshold.fire
                } else {
                    threshold.fire
                };
                if !lines.iter().any(|line| line.value == value) {
                    lines.push(Line { value, level });
                }
            }
        }
        lines
    }
}

impl Listed {
    fn edited(edit: &Edit, origin: Origin) -> Self {
        Self {
            rule: edit.rule.clone(),
            origin,
            edited: Some((edit.by.clone(), edit.at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rule_from_json;

    fn rule(name: &str, fire: f64) -> Arc<Rule> {
        let json = serde_json::json!({ "name": name, "metric": "m", "warning": { "fire": fire } });
        Arc::new(rule_from_json(&json).unwrap())
    }

    fn edit(name: &str, fire: f64) -> Edit {
        Edit {
            rule: rule(name, fire),
            by: Person::parse("Ada").unwrap(),
            at: Timestamp::from_millis(1),
        }
    }

    fn told(book: &Book) -> Vec<(&str, Origin, f64)> {
        let listed = book.listed().iter();
        listed
            .map(|listed| {
                let fire = listed.rule.levels.warning.unwrap().fire;
                (&*listed.rule.name, listed.origin, fire)
            })
            .collect()
    }

    #[test]
    fn a_change_stands_in_the_place_of_the_files_rule_until_it_is_taken_out() {
        let book = Book::new(vec![rule("b", 1.0), rule("a", 1.0)], false, []);
        let changed = book.with(edit("b", 2.0)).with(edit("c", 3.0));
        let expected = [
            ("b", Origin::Changed, 2.0),
            ("a", Origin::File, 1.0),
            ("c", Origin::Made, 3.0),
        ];
        assert_eq!(told(&changed), expected);
        let back = changed.without("b").unwrap().without("c").unwrap();
        assert_eq!(told(&back), told(&book));
    }

    #[test]
    fn what_the_file_has_is_not_taken_out_here() {
        let book = Book::new(vec![rule("a", 1.0)], true, []);
        assert!(matches!(book.without("a"), Err(Unremovable::OfFile(_))));
        assert!(matches!(book.without("z"), Err(Unremovable::Unknown(_))));
    }

    #[test]
    fn other_rules_of_the_file_leave_changes_as_they_are() {
        let book = Book::new(vec![rule("a", 1.0)], true, [edit("a", 2.0), edit("c", 3.0)]);
        let reloaded = book.configured(vec![rule("c", 9.0), rule("d", 9.0)], false);
        let expected = [
            ("c", Origin::Changed, 3.0),
            ("d", Origin::File, 9.0),
            ("a", Origin::Made, 2.0),
        ];
        assert_eq!(told(&reloaded), expected);
    }
}
