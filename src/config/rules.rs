//! `[[rules]]`: the threshold rules, of the file or shipped.

use std::{collections::HashMap, sync::Arc};

use crate::model::Rule;

use super::{Config, rule, table::Table};

/// The file that documents every key, and the one place where the shipped rules are written.
pub(super) const SHIPPED: &str = include_str!("../../config.toml");

/// The rules of the file if it has any list of them, an empty one too; else the shipped ones.
pub(super) fn read(file: &Table<'_>) -> Vec<Arc<Rule>> {
    let Some(tables) = file.children("rules") else {
        return shipped();
    };
    let mut rules = Vec::with_capacity(tables.len());
    let mut lines = HashMap::new();
    for table in tables {
        let line = table.line();
        let rule = rule::read(&table);
        if let Some(rule) = rule {
            match lines.get(&rule.name) {
                Some(other) => table.refuse(
                    "name",
                    format!("a name of its own; the rule of line {other} has this one"),
                ),
                None => {
                    lines.insert(rule.name.clone(), line);
                }
            }
            rules.push(Arc::new(rule));
        }
        table.close();
    }
    rules
}

/// The rules that come with tickwire.
///
/// # Panics
/// Never: a test holds the shipped file to having no fault.
pub(super) fn shipped() -> Vec<Arc<Rule>> {
    match Config::parse("config.toml", SHIPPED, [], &super::Overrides::default()) {
        Ok(config) => config.rules,
        Err(faults) => unreachable!("the shipped config.toml is tested to be sound:\n{faults}"),
    }
}
