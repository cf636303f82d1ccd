//! The TOML itself: its faults, and a text mended so that the rest can still be checked.

use toml::de::{DeTable, Error};

use super::fault::Fault;

/// How many lines before a fault are tried as its beginning.
const MAX_STEPS_BACK: usize = 64;

/// A text without faults of syntax, byte for byte as long as the one it came from, and the faults it had.
pub(super) struct Syntax {
    /// What remains when the faulty lines are blanked; where that cannot be read either, what stands before them.
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
        let mended = match faults.first().and_then(|fault| fault.line) {
            None => text.to_owned(),
            Some(first) => readable(blanked(text, &faults))
                .or_else(|| before(text, first))
                .unwrap_or_default(),
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

/// The lines before a faulty one, less those that the fault began in: an unclosed list, for one.
fn before(text: &str, faulty: usize) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').take(faulty - 1).collect();
    (0..=lines.len())
        .rev()
        .take(MAX_STEPS_BACK)
        .find_map(|count| readable(lines[..count].concat()))
}

fn readable(text: String) -> Option<String> {
    DeTable::parse(&text).is_ok().then_some(text)
}

/// A faulty line is repeated up to what it says: it has no key that could be trusted, and its value may be a secret.
fn fault(file: &str, text: &str, error: &Error) -> Fault {
    let start = error.span().map_or(text.len(), |span| span.start);
    let line = line(text, start);
    let found = text.lines().nth(line - 1).map_or("", str::trim);
    let shown = found
        .split_once('=')
        .map(|(key, _)| format!("{} = …", key.trim_end()));
    let found = shown.as_deref().unwrap_or(found);
    let found = if found.is_empty() {
        "an empty line"
    } else {
        found
    };
    let why = error.message().trim_end_matches(", expected nothing");
    let accepted = match why {
        "duplicate key" => "each key and each table once".to_owned(),
        _ => format!("a line of TOML, with text in quotes ({why})"),
    };
    Fault::new(file, Some(line), "", found, accepted)
}
