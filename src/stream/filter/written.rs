//! Conditions as they are written in queries and commands.

use super::{Filter, LevelSet};
use crate::model::{Globs, LabelName, Level};

/// What [`globs`] takes.
pub const GLOBS: &str = "names or patterns (*, ?), separated by commas";
const LEVELS: &str = "info, warning, critical, separated by commas";

/// The parameters that [`Filter::take`] takes.
pub const FILTERS: [&str; 5] = ["names", "hosts", "label.NAME", "levels", "rules"];

impl Filter {
    /// Takes a condition in, as the parameter of this name; false when there is none of this name. A value that cannot be
    /// taken gives back what can.
    pub fn take(&mut self, name: &str, value: &str) -> Result<bool, &'static str> {
        let globs = || globs(value).ok_or(GLOBS);
        match name {
            "names" => self.names = globs()?,
            "hosts" => self.hosts = globs()?,
            "rules" => self.rules = globs()?,
            "levels" => self.levels = levels(value.split(',')).ok_or(LEVELS)?,
            _ => match name.strip_prefix("label.").map(LabelName::parse) {
                Some(Ok(label)) => {
                    // Nothing after the sign asks for series without the label.
                    let globs = if value.is_empty() {
                        Globs::new([""])
                    } else {
                        globs()?
                    };
                    self.labels.push((label.to_string(), globs));
                    self.labels.sort_by(|a, b| a.0.cmp(&b.0));
                }
                _ => return Ok(false),
            },
        }
        Ok(true)
    }
}

/// Patterns separated by commas. `None` when there is an empty one, or one with a control character.
pub fn globs(value: &str) -> Option<Globs> {
    let patterns: Vec<&str> = value.split(',').collect();
    globs_of(&patterns)
}

/// Patterns from a list, likewise.
pub fn globs_of<S: AsRef<str>>(patterns: &[S]) -> Option<Globs> {
    let good = |p: &str| !p.is_empty() && p.len() <= 256 && !p.chars().any(char::is_control);
    patterns
        .iter()
        .all(|p| good(p.as_ref()))
        .then(|| Globs::new(patterns))
}

/// Levels by name. `None` when one is not a level.
pub fn levels<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<LevelSet> {
    words.try_fold(LevelSet::default(), |set, word| {
        let level = Level::ALL.into_iter().find(|l| l.as_str() == word)?;
        Some(set.with(level))
    })
}
