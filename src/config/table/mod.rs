//! One table of the file, read key by key. Every key that is asked for is a known one; whatever else is there is a
//! fault when the table is closed.

mod nested;
mod refusals;
mod secret;

use std::cell::{Cell, RefCell};

use toml::de::{DeTable, DeValue};

use super::{
    accept::{Accept, Raw},
    environment::Environment,
    keys::Key,
    walk::Walk,
};

/// A table, there or not.
pub(super) struct Table<'a> {
    walk: &'a Walk<'a>,
    /// None when the file does not have it: then everything is at its default.
    entries: Option<&'a DeTable<'a>>,
    /// Where it starts, in bytes.
    start: usize,
    /// Its name for people: `rules[cpu_high].warning`; empty for the file itself.
    path: String,
    /// Its name in the list of keys: `rules.warning`.
    schema: String,
    /// Whether the environment may set its keys.
    by_environment: bool,
    known: RefCell<Vec<&'static str>>,
    /// Some of its keys are secret.
    has_secrets: Cell<bool>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(walk: &'a Walk<'a>, entries: &'a DeTable<'a>) -> Self {
        Self {
            walk,
            entries: Some(entries),
            start: 0,
            path: String::new(),
            schema: String::new(),
            by_environment: true,
            known: RefCell::default(),
            has_secrets: Cell::default(),
        }
    }

    /// A table of its own, which no file has and the environment does not reach into.
    pub(super) fn outside(walk: &'a Walk<'a>, entries: &'a DeTable<'a>) -> Self {
        Self {
            by_environment: false,
            ..Self::root(walk, entries)
        }
    }

    /// The value of a key: the environment's, else the file's, else `default`. Both are checked.
    pub(super) fn value<A: Accept>(
        &self,
        key: &'static str,
        accept: &A,
        default: A::Value,
    ) -> A::Value {
        let shown = Some(accept.show(&default));
        self.find(key, accept, shown).unwrap_or(default)
    }

    /// As [`Table::value`], but none when what is given is wrong: for checks between keys.
    pub(super) fn sound<A: Accept>(
        &self,
        key: &'static str,
        accept: &A,
        default: A::Value,
    ) -> Option<A::Value> {
        let shown = Some(accept.show(&default));
        let value = self.find(key, accept, shown);
        if self.has(key) { value } else { Some(default) }
    }

    /// The value of a key that has no default.
    pub(super) fn optional<A: Accept>(&self, key: &'static str, accept: &A) -> Option<A::Value> {
        self.find(key, accept, None)
    }

    /// The value of a key that a table must have, if the table is there at all.
    pub(super) fn required<A: Accept>(&self, key: &'static str, accept: &A) -> Option<A::Value> {
        let value = self.find(key, accept, None);
        if self.is_present() && !self.has(key) {
            self.refuse(key, accept.accepted());
        }
        value
    }

    /// Whether the file or the environment gives this key, be it wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some() || self.set_by_environment(key).is_some()
    }

    /// Whether the file has this table.
    pub(super) fn is_present(&self) -> bool {
        self.entries.is_some()
    }

    /// The line this table starts on.
    pub(super) fn line(&self) -> usize {
        self.walk.line(self.start)
    }

    fn find<A: Accept>(
        &self,
        key: &'static str,
        accept: &A,
        default: Option<String>,
    ) -> Option<A::Value> {
        self.known.borrow_mut().push(key);
        self.record(key, accept.accepted(), default);
        let from_file = self.entry(key).and_then(|(start, value)| {
            let read = accept.read(Raw::File(value));
            if read.is_none() {
                self.fault(start, key, value, accept.accepted());
            }
            read
        });
        let Some((_, text)) = self.set_by_environment(key) else {
            return from_file;
        };
        let read = accept.read(Raw::Text(text));
        if read.is_none() {
            self.refuse(key, accept.accepted());
        }
        read
    }

    fn record(&self, key: &str, accepted: String, default: Option<String>) {
        self.walk.key(Key {
            key: self.schema_of(key),
            accepted,
            default,
            env: self.variable(key),
        });
    }

    /// The value of a key in the file, and where the key or the table it heads starts.
    fn entry(&self, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let (name, value) = self.entries?.get_key_value(key)?;
        Some((name.span().start, value.get_ref()))
    }

    fn variable(&self, key: &str) -> Option<String> {
        self.by_environment
            .then(|| Environment::name_of(&self.schema_of(key)))
    }

    /// The variable that sets a key and its text, when it is set.
    fn set_by_environment(&self, key: &str) -> Option<(String, &'a str)> {
        let name = self.variable(key)?;
        let text = self.walk.environment.get(&name)?;
        Some((name, text))
    }

    fn path_of(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    fn schema_of(&self, key: &str) -> String {
        joined(&self.schema, key)
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
