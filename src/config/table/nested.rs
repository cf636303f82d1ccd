//! Tables in tables: one, a list of them, or one with names of the user's own.

use std::cell::{Cell, RefCell};

use toml::de::DeTable;

use super::{
    super::accept::{Accept, Raw},
    Table,
};

impl<'a> Table<'a> {
    /// A table in this one.
    pub(in super::super) fn child(&self, key: &'static str) -> Table<'a> {
        self.known.borrow_mut().push(key);
        let value = self.entry(key);
        let entries = value.and_then(|(_, value)| value.as_table());
        if value.is_some() && entries.is_none() {
            self.refuse(key, "a table, like { KEY = VALUE }");
        }
        let start = value.map_or(self.start, |(start, _)| start);
        self.nested(entries, start, self.path_of(key), key)
    }

    /// The tables of a list in this one, each called by its own `name`, or by its place when it has none. None when
    /// the list is not there.
    pub(in super::super) fn children(&self, key: &'static str) -> Option<Vec<Table<'a>>> {
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
    pub(in super::super) fn map<N: Accept, V: Accept>(
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
            has_secrets: Cell::default(),
        }
    }
}
