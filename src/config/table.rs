//! One table of the file, read key by key. Every key that is asked for is a known one; whatever else is there is a
//! fault when the table is closed.

use std::cell::RefCell;

use toml::de::{DeTable, DeValue};

use super::{
    accept::{Accept, Raw},
    environment::{ENVIRONMENT, Environment},
    fault::{Fault, NOTHING},
    keys::Key,
    nearest::nearest,
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

    /// A table in this one.
    pub(super) fn child(&self, key: &'static str) -> Table<'a> {
        self.known.borrow_mut().push(key);
        let value = self.entry(key);
        let entries = value.and_then(|(_, value)| value.as_table());
        if value.is_some() && entries.is_none() {
            self.refuse(key, "a table");
        }
        let start = value.map_or(self.start, |(start, _)| start);
        self.nested(entries, start, self.path_of(key), key)
    }

    /// The tables of a list in this one, each called by its own `name`, or by its place when it has none. None when
    /// the list is not there.
    pub(super) fn children(&self, key: &'static str) -> Option<Vec<Table<'a>>> {
        self.known.borrow_mut().push(key);
        let (_, value) = self.entry(key)?;
        let Some(items) = value.as_array() else {
            self.refuse(key, format!("a list of tables, each under [[{key}]]"));
            return None;
        };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(entries) = item.get_ref().as_table() else {
                self.refuse(key, format!("a list of tables, each under [[{key}]]"));
                continue;
            };
            let name = entries.get("name").and_then(|name| name.get_ref().as_str());
            let name = name.map_or_else(|| format!("#{}", index + 1), str::to_owned);
            let path = format!("{}[{name}]", self.path_of(key));
            let mut table = self.nested(Some(entries), item.span().start, path, key);
            table.by_environment = false;
            tables.push(table);
        }
        Some(tables)
    }

    /// A table whose keys are names of the user's own; `names` says which, `values` what they take.
    pub(super) fn map<N: Accept, V: Accept>(
        &self,
        key: &'static str,
        names: &N,
        values: &V,
    ) -> Vec<(N::Value, V::Value)> {
        let accepted = format!(
            "a table of names, each {}, that take {}",
            names.accepted(),
            values.accepted()
        );
        self.record(key, accepted, Some("{}".to_owned()));
        let table = self.child(key);
        let pairs = table
            .entries
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| {
                let read = names.read(Raw::Text(name.get_ref()));
                let accepted = read.is_none().then(|| names.accepted());
                let value_read = values.read(Raw::File(value.get_ref()));
                let accepted = accepted.or_else(|| value_read.is_none().then(|| values.accepted()));
                if let Some(accepted) = accepted {
                    table.fault(name.span().start, name.get_ref(), value.get_ref(), accepted);
                }
                Some((read?, value_read?))
            });
        pairs.collect()
    }

    /// Notes a fault that no value has by itself: between keys, or of a key that is missing.
    pub(super) fn refuse(&self, key: &str, accepted: impl Into<String>) {
        let fault = if let Some((name, text)) = self.from_environment(key) {
            Fault::new(ENVIRONMENT, None, &name, &format!("{text:?}"), accepted)
        } else if let Some((start, value)) = self.entry(key) {
            self.at(start, key, &Raw::File(value).show(), accepted)
        } else {
            self.at(self.start, key, NOTHING, accepted)
        };
        self.walk.fault(fault);
    }

    /// Whether the file or the environment gives this key, be it wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some() || self.from_environment(key).is_some()
    }

    /// Whether the file has this table.
    pub(super) fn is_present(&self) -> bool {
        self.entries.is_some()
    }

    /// The line this table starts on.
    pub(super) fn line(&self) -> usize {
        self.walk.line(self.start)
    }

    /// Ends the reading: what nobody asked for is a fault.
    pub(super) fn close(self) {
        let known = self.known.borrow();
        for (key, value) in self.entries.into_iter().flatten() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!(", did you mean {near:?}?"));
            let place = if self.path.is_empty() {
                "the file"
            } else {
                &self.path
            };
            let accepted = format!("unknown{hint}; {place} takes {}", known.join(", "));
            self.fault(key.span().start, name, value.get_ref(), accepted);
        }
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
        let Some((_, text)) = self.from_environment(key) else {
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

    fn fault(&self, start: usize, key: &str, value: &DeValue<'_>, accepted: String) {
        let fault = self.at(start, key, &Raw::File(value).show(), accepted);
        self.walk.fault(fault);
    }

    fn at(&self, start: usize, key: &str, found: &str, accepted: impl Into<String>) -> Fault {
        let line = Some(self.walk.line(start));
        Fault::new(self.walk.file, line, &self.path_of(key), found, accepted)
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
    fn from_environment(&self, key: &str) -> Option<(String, &'a str)> {
        let name = self.variable(key)?;
        let text = self.walk.environment.get(&name)?;
        Some((name, text))
    }

    fn nested(
        &self,
        entries: Option<&'a DeTable<'a>>,
        start: usize,
        path: String,
        key: &str,
    ) -> Table<'a> {
        Table {
            walk: self.walk,
            entries,
            start,
            path,
            schema: self.schema_of(key),
            by_environment: self.by_environment,
            known: RefCell::default(),
        }
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
