//! What is wrong with a table's keys, each with its place.

use toml::de::DeValue;

use super::{
    super::{
        accept::Raw,
        environment::ENVIRONMENT,
        fault::{Fault, NOTHING},
        nearest::nearest,
    },
    Table,
};

impl Table<'_> {
    /// Notes a fault that no value has by itself: between keys, or of a key that is missing.
    pub(in super::super) fn refuse(&self, key: &str, accepted: impl Into<String>) {
        let fault = if let Some((name, text)) = self.set_by_environment(key) {
            Fault::new(ENVIRONMENT, None, &name, &format!("{text:?}"), accepted)
        } else if let Some((start, value)) = self.entry(key) {
            self.at(start, key, &Raw::File(value).show(), accepted)
        } else {
            self.at(self.start, key, NOTHING, accepted)
        };
        self.walk.fault(fault);
    }

    /// As [`Table::refuse`], for a value that is not to be shown.
    pub(in super::super) fn refuse_hidden(&self, key: &str, accepted: impl Into<String>) {
        let start = self.entry(key).map_or(self.start, |(start, _)| start);
        self.walk.fault(Fault {
            found: "(not shown)".to_owned(),
            ..self.at(start, key, "", accepted)
        });
    }

    /// Ends the reading: what nobody asked for is a fault.
    pub(in super::super) fn close(self) {
        let known = self.known.borrow();
        for (key, value) in self.entries.into_iter().flatten() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = nearest(name, known.iter().copied()).map_or_else(
                || ";".to_owned(),
                |near| format!(", did you mean {near:?}?"),
            );
            let place = match (self.path.as_str(), self.by_environment) {
                ("", true) => "the file",
                ("", false) => "it",
                (path, _) => path,
            };
            let accepted = format!("unknown{hint} {place} takes {}", known.join(", "));
            // It may be a misspelt password.
            match self.has_secrets.get() {
                true => self.refuse_hidden(name, accepted),
                false => self.fault(key.span().start, name, value.get_ref(), accepted),
            }
        }
    }

    pub(super) fn fault(&self, start: usize, key: &str, value: &DeValue<'_>, accepted: String) {
        let fault = self.at(start, key, &Raw::File(value).show(), accepted);
        self.walk.fault(fault);
    }

    pub(super) fn at(
        &self,
        start: usize,
        key: &str,
        found: &str,
        accepted: impl Into<String>,
    ) -> Fault {
        let line = Some(self.walk.line(start));
        Fault::new(self.walk.file, line, &self.path_of(key), found, accepted)
    }
}
