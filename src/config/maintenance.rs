//! `[[maintenance]]`: times of the week in which people are not told of some alerts.

use std::{collections::HashMap, sync::Arc};

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::model::{Globs, Level, Maintenance, Matcher, Schedule, silence::Patterns};

use super::{
    accept::{GlobList, Label, ListOf, Name, Text, TimeOfDay, Word, Zone},
    table::Table,
};

const DAYS: Word<Weekday> = Word(&[
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
]);

pub(super) const LEVELS: Word<Level> = Word(&[
    ("info", Level::Info),
    ("warning", Level::Warning),
    ("critical", Level::Critical),
]);

/// All of them; none where the file has none.
pub(super) fn read(file: &Table<'_>) -> Vec<Arc<Maintenance>> {
    let mut lines = HashMap::new();
    let mut windows = Vec::new();
    for table in file.children("maintenance").unwrap_or_default() {
        let line = table.line();
        if let Some(window) = one(&table) {
            match lines.get(&window.name) {
                Some(other) => table.refuse(
                    "name",
                    format!("a name of its own; the window of line {other} has this one"),
                ),
                None => {
                    lines.insert(window.name.clone(), line);
                }
            }
            windows.push(Arc::new(window));
        }
        table.close();
    }
    windows
}

fn one(table: &Table<'_>) -> Option<Maintenance> {
    let name = table.required("name", &Name);
    let matcher = matcher(table);
    let days = table.value("days", &ListOf(DAYS), Vec::new());
    let midnight = NaiveTime::MIN;
    let from = table.value("from", &TimeOfDay, midnight);
    let to = table.value("to", &TimeOfDay, midnight);
    let zone = table.value("timezone", &Zone, Tz::UTC);
    let reason = table.value("reason", &Text, String::new());
    Some(Maintenance {
        name: name?,
        matcher,
        schedule: Schedule {
            days,
            from,
            to,
            zone,
        },
        reason,
    })
}

/// Which alerts: keys that windows and routes have in common.
pub(super) fn matcher(table: &Table<'_>) -> Matcher {
    let patterns = |key| {
        let pairs = table.map(key, &Label, &GlobList).into_iter();
        Patterns::new(pairs.map(|(name, globs)| (name.as_str().to_owned(), globs)))
    };
    Matcher {
        rules: table.value("rules", &GlobList, Globs::default()),
        hosts: table.value("hosts", &GlobList, Globs::default()),
        names: table.value("names", &GlobList, Globs::default()),
        labels: patterns("labels"),
        tags: patterns("tags"),
        levels: table.value("levels", &ListOf(LEVELS), Vec::new()),
        ..Matcher::default()
    }
}
