//! The TOML itself: its faults, and a text mended so that the rest can still be checked.

use toml::de::{DeTable, Error};

use super::fault::Fault;

/// A text without faults of syntax, byte for byte as long as the one it came from, and the faults it had.
pub(super) struct Syntax {
    /// What remains when the faulty lines are blanked; empty when even that cannot be read.
    pub(super) mended: String,
    /// One for each faulty line.
    pub(super) faults: Vec<Fault>,
}

impl Syntax {
    /// Reads `text`. Where a line is faulty the walk goes on with the others, so that everything wrong is said at once.
    pub(super) fn check(file: &str, text: &str) -> Self {
        let (_, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<Fault> = errors.iter().map(|e| fault(file, text, e)).collect();
        faults.sort_by_key(|fault| fault.line);
        faults.dedup_by_key(|fault| fault.line);
        let mended = if faults.is_empty() {
            text.to_owned()
        } else {
            let blanked = blanked(text, &faults);
            let readable = DeTable::parse(&blanked).is_ok();
            if readable { blanked } else { String::new() }
        };
        Self { mended, faults }
    }
}

/// The line of a byte, from 1, and never past the last.
pub(super) fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    let line = before.filter(|byte| **byte == b'\n').count() + 1;
    line.min(text.lines().count().max(1))
}

/// The faulty lines as spaces; after a faulty table header its whole table, since its keys belong nowhere else.
fn blanked(text: &str, faults: &[Fault]) -> String {
    let mut headless = false;
    let mut blanked = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let faulty = faults.iter().any(|fault| fault.line == Some(index + 1));
        if line.trim_start().starts_with('[') {
            headless = faulty;
        }
        if faulty || headless {
            blanked.extend(line.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        } else {
            blanked.push_str(line);
        }
    }
    blanked
}

fn fault(file: &str, text: &str, error: &Error) -> Fault {
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, expected)) => (what, format!("expected {expected}")),
        None => (error.message(), accepted(error.message()).to_owned()),
    };
    let span = error.span().unwrap_or(text.len()..text.len());
    let place = text.get(span.clone()).map(str::trim).unwrap_or_default();
    let found = if place.is_empty() || place.contains('\n') {
        what.to_owned()
    } else {
        format!("{what} at {place:?}")
    };
    Fault::new(file, Some(line(text, span.start)), "", &found, expected)
}

fn accepted(message: &str) -> &'static str {
    match message {
        "duplicate key" => "each key and each table once",
        _ => "TOML, as at https://toml.io",
    }
}
