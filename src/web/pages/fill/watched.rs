//! Which rules watch a series: worked out once for each series, since the rules stay and names are many.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::{
    model::{Level, Rule, SeriesId, SeriesKey},
    series::Series,
};

/// Series remembered, at most; past that all are forgotten and worked out again.
const MOST: usize = 50_000;

/// The rules, and what is known of who watches what.
#[derive(Debug)]
pub struct Watched {
    rules: Vec<Arc<Rule>>,
    known: Mutex<HashMap<SeriesId, Arc<[usize]>>>,
}

/// A level of a rule on a series, in the unit of that series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The fire value.
    pub value: f64,
    /// The level.
    pub level: Level,
}

impl Watched {
    /// Of these rules.
    pub fn new(rules: Vec<Arc<Rule>>) -> Self {
        Self {
            rules,
            known: Mutex::default(),
        }
    }

    /// All rules.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rules that watch a series, by index.
    pub fn by(&self, series: &Series) -> Arc<[usize]> {
        let mut known = self.known.lock();
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

    /// The thresholds to draw for a series, each value once. For a used share those of the available share count too:
    /// that is how the shipped rules look at memory.
    pub fn lines(&self, key: &SeriesKey) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let twin = key.name.as_str().strip_suffix("used_percent");
        let twin = twin.map(|stem| format!("{stem}available_percent"));
        for rule in self.rules.iter().filter(|rule| rule.enabled) {
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
