//! Pushed samples, parsed: lines of Prometheus text, or of OpenMetrics. Pure but for what it knows from before; a fuzz target.
//!
//! Comments are passed over, but for the unit of what follows (`# UNIT name unit`). What a line says is taken as it is: samples
//! of histograms and summaries are samples, and what counts on and on stays a number that does.

mod line;

use self::line::Rest;
use super::{
    Faults, Pushed,
    groups::Groups,
    known::{Id, Known},
    times::Limits,
};
use crate::model::{Timestamp, Unit};

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
        let id = match foreseen(known, before, &mut rest) {
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
                _ => rest.head().and_then(|head| {
                    let series = |host: &_| line::series(head, host, unit.of(head));
                    known.find(before, head, series)
                }),
            },
        };
        let sample = id.and_then(|id| {
            before = Some(id);
            let value = rest.value()?;
            Ok((id, times.read(rest.timestamp()?)?, value))
        });
        match sample {
            Ok((id, timestamp, value)) => {
                groups.add(known, id, timestamp, value, number);
            }
            Err(reason) => faults.add(number, || reason),
        }
        rest.line();
    }
    let batches = groups.into_batches(known);
    known.trim();
    Pushed { batches, faults }
}

/// The series that followed `before` the last time, or that bodies begin with, if what is left begins with that one.
fn foreseen(known: &Known, before: Option<Id>, rest: &mut Rest<'_>) -> Option<Id> {
    let (id, head) = known.foreseen(before)?;
    let mut after = Rest(rest.0.strip_prefix(head)?);
    // It may be longer: a name goes on, or has labels.
    let [b' ' | b'\t', ..] = after.0 else {
        return None;
    };
    after.skip_blanks();
    if let [b'{', ..] = after.0 {
        return None;
    }
    *rest = after;
    Some(id)
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
