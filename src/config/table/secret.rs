//! Values that must not be shown: in the file as they are, or by the variable or the file that has them.

use toml::de::DeValue;

use super::{super::fault::Fault, Table};
use crate::model::Secret;

/// What such a key takes.
const ACCEPTED: &str = "a text, { env = \"VARIABLE\" } or { file = \"PATH\" }";

impl Table<'_> {
    /// The value of a key that is secret; `check` says what else is wanted of it, if it is not that. No fault shows it.
    pub(in super::super) fn secret(
        &self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<Secret> {
        self.known.borrow_mut().push(key);
        self.has_secrets.set(true);
        self.record(key, format!("{ACCEPTED}; never shown"), None);
        let (start, value) = self.entry(key)?;
        let read = self.reveal(value).and_then(|text| {
            check(&text)?;
            Ok(Secret::new(&text))
        });
        match read {
            Ok(secret) => Some(secret),
            Err(accepted) => {
                self.walk.fault(Fault {
                    found: "(not shown)".to_owned(),
                    ..self.at(start, key, "", accepted)
                });
                None
            }
        }
    }

    fn reveal(&self, value: &DeValue<'_>) -> Result<String, String> {
        if let Some(text) = value.as_str() {
            return match text.is_empty() {
                true => Err(ACCEPTED.to_owned()),
                false => Ok(text.to_owned()),
            };
        }
        let table = value.as_table().filter(|table| table.len() == 1);
        let entry = table.and_then(|table| table.iter().next());
        let entry =
            entry.and_then(|(name, value)| Some((&**name.get_ref(), value.get_ref().as_str()?)));
        match entry {
            Some(("env", name)) => match self.walk.environment.any(name) {
                Some(text) if !text.is_empty() => Ok(text.to_owned()),
                _ => Err(format!(
                    "the environment has no variable {name}, or an empty one"
                )),
            },
            Some(("file", path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| format!("cannot read {path}: {error}"))?;
                match text.trim() {
                    "" => Err(format!("{path} is empty")),
                    text => Ok(text.to_owned()),
                }
            }
            _ => Err(ACCEPTED.to_owned()),
        }
    }
}
