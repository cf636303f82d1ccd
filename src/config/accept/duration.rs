//! Durations: one whole number and one unit.

use std::{ops::RangeInclusive, time::Duration};

use super::{Accept, Raw};

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A duration between two bounds, both taken.
pub(in super::super) struct Span(pub RangeInclusive<Duration>);

impl Span {
    /// Between two durations in milliseconds.
    pub(in super::super) const fn millis(least: u64, most: u64) -> Self {
        Self(RangeInclusive::new(
            Duration::from_millis(least),
            Duration::from_millis(most),
        ))
    }

    /// Between two durations in seconds.
    pub(in super::super) const fn seconds(least: u64, most: u64) -> Self {
        Self::millis(least * 1000, most * 1000)
    }
}

impl Accept for Span {
    type Value = Duration;

    fn accepted(&self) -> String {
        format!(
            "a duration from {} to {}, like 250ms, 1s, 10m, 2h, 30d",
            self.show(self.0.start()),
            self.show(self.0.end())
        )
    }

    fn read(&self, raw: Raw<'_>) -> Option<Duration> {
        parse(raw.text()?).filter(|duration| self.0.contains(duration))
    }

    fn show(&self, value: &Duration) -> String {
        show(*value)
    }
}

/// A duration, or `"never"`.
pub(in super::super) struct OrNever(pub Span);

impl Accept for OrNever {
    type Value = Option<Duration>;

    fn accepted(&self) -> String {
        format!("\"never\", or {}", self.0.accepted())
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        match raw.text() {
            Some("never") => Some(None),
            _ => self.0.read(raw).map(Some),
        }
    }

    fn show(&self, value: &Self::Value) -> String {
        value.map_or_else(|| "never".to_owned(), show)
    }
}

/// In the longest unit that needs no fraction.
pub(in super::super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis() as u64;
    if millis == 0 {
        return "0s".to_owned();
    }
    UNITS
        .iter()
        .find(|(_, unit)| millis.is_multiple_of(*unit))
        .map_or_else(String::new, |(name, unit)| {
            format!("{}{name}", millis / unit)
        })
}

/// Reads one number with its unit.
pub(in super::super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for text in ["250ms", "1s", "90s", "10m", "2h", "30d", "0s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(show(parse("60s").unwrap()), "1m");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "1 s",
            "1.5s",
            "-1s",
            "1S",
            "1h30m",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&format!("{}d", u64::MAX)), None);
    }
}
