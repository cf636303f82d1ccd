//! The rules that people made or changed, as JSON that has the keys of the configuration.

use rusqlite::{Connection, Transaction, params};

use crate::{
    config::{rule_from_json, rule_to_json},
    model::{Person, Timestamp},
    rules::Edit,
};

/// A change of a rule, to be written.
#[derive(Debug)]
pub(super) enum Change {
    /// It was made or changed.
    Put(Edit),
    /// What was made or changed of this name is gone.
    Removed(String),
}

impl Change {
    /// Resident bytes, nearly.
    pub fn weight(&self) -> usize {
        match self {
            Self::Put(_) => 1024,
            Self::Removed(name) => name.len(),
        }
    }

    pub fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Put(edit) => transaction.execute(
                "INSERT OR REPLACE INTO rules (name, rule, changed_by, changed_ms) VALUES (?1, ?2, ?3, ?4)",
                params![
                    edit.rule.name,
                    rule_to_json(&edit.rule).to_string(),
                    edit.by.as_str(),
                    edit.at.as_millis()
                ],
            )?,
            Self::Removed(name) => {
                transaction.execute("DELETE FROM rules WHERE name = ?1", [name])?
            }
        };
        Ok(())
    }
}

/// All of them. One that cannot be read stays where it is, and is said.
pub(super) fn read(database: &Connection) -> rusqlite::Result<Vec<Edit>> {
    let mut found = database.prepare("SELECT name, rule, changed_by, changed_ms FROM rules")?;
    let mut found = found.query([])?;
    let mut edits = Vec::new();
    while let Some(row) = found.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        let (by, at): (String, i64) = (row.get(2)?, row.get(3)?);
        let json = serde_json::from_str(&text).unwrap_or_default();
        match rule_from_json(&json) {
            Ok(rule) => edits.push(Edit {
                rule: rule.into(),
                by: Person::parse(&by).unwrap_or_else(Person::nobody),
                at: Timestamp::from_millis(at),
            }),
            Err(faults) => {
                tracing::error!(rule = name, %faults, "a rule in the store cannot be read and is left out");
            }
        }
    }
    Ok(edits)
}
