//! What is wrong with a configuration, said so that it can be put right without reading any code.

use std::fmt;

/// What [`Fault::found`] says when something required is not there.
pub(super) const NOTHING: &str = "nothing";

/// The longest text repeated from the input, in characters.
const MAX_FOUND: usize = 80;

/// One thing that is wrong: where, what was found and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file as it was named, or `environment`, or `command line`.
    pub file: String,
    /// The line in the file, from 1; none where there is no file.
    pub line: Option<usize>,
    /// The key with its tables, the variable or the flag; empty for a fault of syntax.
    pub key: String,
    /// What was there instead, shortened to one line.
    pub found: String,
    /// What is taken there; never empty.
    pub accepted: String,
}

impl Fault {
    /// With `found` shortened to one line.
    pub(super) fn new(
        file: &str,
        line: Option<usize>,
        key: &str,
        found: &str,
        accepted: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line,
            key: shortened(key),
            found: shortened(found),
            accepted: accepted.into(),
        }
    }
}

/// `config.toml:12: sources.host.interval = "5ms": a duration from 100ms to 1h, …`, always one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let equals = if self.key.is_empty() { "" } else { " = " };
        write!(f, ": {}{equals}{}: {}", self.key, self.found, self.accepted)
    }
}

/// All that is wrong, in the order of the file, then the environment, then the command line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// From at least one fault; none when there is nothing wrong.
    pub(super) fn new(mut faults: Vec<Fault>) -> Option<Self> {
        faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// The one thing that is wrong.
    pub(super) fn of(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Without the lines, where the text that has them is nobody's.
    pub(super) fn without_lines(mut self) -> Self {
        self.0.iter_mut().for_each(|fault| fault.line = None);
        self
    }

    /// Each fault.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Fault> {
        self.0.iter()
    }
}

/// One fault a line.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// A text from outside on one line: without control characters and not longer than a line of a report.
fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars
        .by_ref()
        .take(MAX_FOUND)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
