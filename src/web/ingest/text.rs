//! Pushed samples, parsed: lines of Prometheus text, or of OpenMetrics. Pure but for what it knows from before; a fuzz target.
//!
//! Comments are passed over, but for the unit of what follows (`# UNIT name unit`). What a line says is taken as it is: samples
//! of histograms and summaries are samples, and what counts on and on stays a number that does.

mod known;
mod line;

use std::collections::HashMap;

pub use self::known::{Caches, Known};
use self::{known::Id, line::Rest};
use super::{Faults, Pushed, sample::Limits};
use crate::{
    model::{Batch, Timestamp, Unit},
    pipeline::push_source,
};

/// Parses a body.
pub fn parse<'a>(body: &'a [u8], known: &mut Known, limits: &'a Limits) -> Pushed {
    let mut faults = Faults::default();
    let mut groups = Groups::default();
    let mut unit = OfFamily::default();
    let mut times = Times {
        limits,
        last: (b"", limits.now),
    };
    let mut rest = Rest(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let mut before = None;
    let mut number = 0;
    while !rest.0.is_empty() {
        number += 1;
        rest.skip_blanks();
        let id = match known.foreseen(before, &mut rest) {
            Some(id) => Ok(id),
            None => match rest.0.first() {
                Some(b'#') => {
                    unit.comment(rest.line());
                    continue;
                }
                _ if rest.is_end() => {
                    rest.line();
                    continue;
                }
                _ => rest
                    .head()
                    .and_then(|head| known.find(before, head, unit.of(head))),
            },
        };
        let sample = id.and_then(|id| {
            before = Some(id);
            let value = rest.value()?;
            Ok((id, times.read(rest.timestamp()?)?, value))
        });
        match sample {
            Ok((id, timestamp, value)) => {
                groups.add((known.host_of(id), timestamp), id, value, number);
            }
            Err(reason) => faults.add(number, || reason),
        }
        rest.line();
    }
    let batches = groups.into_batches(known);
    known.trim();
    Pushed { batches, faults }
}

/// Reads timestamps; mostly each is the one before.
struct Times<'a> {
    limits: &'a Limits,
    last: (&'a [u8], Timestamp),
}

impl<'a> Times<'a> {
    fn read(&mut self, word: Option<&'a [u8]>) -> Result<Timestamp, String> {
        let Some(word) = word else {
            return Ok(self.limits.now);
        };
        if word != self.last.0 {
            let number = line::number(word).ok_or_else(|| {
                let found = line::shown(word);
                format!("timestamp: found {found}, accepted are unix milliseconds or unix seconds")
            })?;
            self.last = (word, self.limits.number(number)?);
        }
        Ok(self.last.1)
    }
}

/// Samples by host and time. A series that comes twice begins another group, so that the last wins.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    /// The newest group of each host and time.
    newest: HashMap<(u32, Timestamp), usize>,
    /// The group of the sample before.
    last: Option<((u32, Timestamp), usize)>,
    /// By series, the first group that it may still be put into.
    free: Vec<usize>,
}

struct Group {
    timestamp: Timestamp,
    ids: Vec<Id>,
    values: Vec<f64>,
    lines: Vec<usize>,
}

impl Groups {
    fn add(&mut self, of: (u32, Timestamp), id: Id, value: f64, line: usize) {
        let next = self.groups.len();
        let mut at = match self.last {
            Some((last, at)) if last == of => at,
            _ => *self.newest.entry(of).or_insert(next),
        };
        let series = id as usize;
        if self.free.len() <= series {
            self.free.resize(series + 1, 0);
        }
        // Groups are filled in the order in which they begin, or one more begins.
        if at < self.free[series] {
            self.newest.insert(of, next);
            at = next;
        }
        if at == next {
            self.groups.push(Group {
                timestamp: of.1,
                ids: Vec::new(),
                values: Vec::new(),
                lines: Vec::new(),
            });
        }
        self.free[series] = at + 1;
        self.last = Some((of, at));
        let group = &mut self.groups[at];
        group.ids.push(id);
        group.values.push(value);
        group.lines.push(line);
    }

    fn into_batches(self, known: &mut Known) -> Vec<(Batch, Vec<usize>)> {
        let source = push_source();
        let batches = self.groups.into_iter().map(|group| {
            let batch = Batch {
                source: source.clone(),
                timestamp: group.timestamp,
                interval: None,
                layout: known.layout(&group.ids),
                values: group.values,
            };
            (batch, group.lines)
        });
        batches.collect()
    }
}

/// The unit that the last `# UNIT` gave to a family of series.
#[derive(Default)]
struct OfFamily<'a> {
    family: &'a str,
    unit: Unit,
    none: Unit,
}

impl<'a> OfFamily<'a> {
    fn comment(&mut self, line: &'a [u8]) {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        if words.next() == Some("#") && words.next() == Some("UNIT") {
            self.family = words.next().unwrap_or_default();
            let unit = match words.next().unwrap_or_default() {
                "seconds" => "s",
                "bytes" => "B",
                "percent" => "%",
                "celsius" => "°C",
                other => other,
            };
            // One that is too long is none.
            self.unit = Unit::parse(unit).unwrap_or_default();
        }
    }

    /// The unit of the series of a head: that of its family, if it is of the family's values.
    fn of(&self, head: &[u8]) -> &Unit {
        let is_over = |byte: &u8| matches!(byte, b'{' | b' ' | b'\t');
        let name = head.split(is_over).next().unwrap_or_default();
        let of_values = [&b""[..], b"_total", b"_sum"];
        let family = self.family.as_bytes();
        match of_values
            .iter()
            .any(|end| name.strip_suffix(*end) == Some(family))
        {
            true => &self.unit,
            false => &self.none,
        }
    }
}

#[cfg(test)]
mod tests;
