//! Time as unix milliseconds, and the one clock the application reads it from.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, SecondsFormat};

/// A moment as milliseconds since 1970-01-01T00:00:00Z. On the wire it is RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From unix milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// As unix milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339. `None` when the text is not a time.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|t| Self(t.timestamp_millis()))
    }

    /// A number as unix seconds (whole or fractional) or unix milliseconds: from 10¹¹ on it is milliseconds,
    /// which as seconds would be the year 5138. `None` for what is no time at all.
    pub fn from_unix_number(number: f64) -> Option<Self> {
        if !number.is_finite() || number.abs() > 1e15 {
            return None;
        }
        let millis = if number.abs() >= 1e11 {
            number
        } else {
            number * 1000.0
        };
        Some(Self(millis.round() as i64))
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// This moment moved into the future.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This moment moved into the past.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_millis(self.0) {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

/// The wall clock, made monotonic: it follows steps forward and, when the machine's clock is set back, runs on
/// from where it was until real time has caught up. One instance serves the whole process, so that no two rooms
/// disagree about now.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// Unix milliseconds at `started`, moved forward when the wall clock steps ahead.
    anchor: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            anchor: AtomicI64::new(wall_millis()),
        }
    }
}

impl Clock {
    /// Now; never earlier than an answer given before.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed().as_millis() as i64;
        let drift = wall_millis() - elapsed;
        let anchor = self.anchor.fetch_max(drift, Ordering::AcqRel).max(drift);
        Timestamp(anchor + elapsed)
    }

    /// The time of an instant that somebody has read already, by what was known when [`now`](Self::now) was asked last:
    /// for those who ask so often that a second look at the clocks would count.
    pub fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.started).as_millis() as i64;
        Timestamp(self.anchor.load(Ordering::Acquire) + elapsed)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn wall_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seconds_or_milliseconds_by_size() {
        assert_eq!(
            Timestamp::from_unix_number(1_700_000_000.25)
                .unwrap()
                .as_millis(),
            1_700_000_000_250
        );
        assert_eq!(
            Timestamp::from_unix_number(1_700_000_000_250.0)
                .unwrap()
                .as_millis(),
            1_700_000_000_250
        );
        assert_eq!(Timestamp::from_unix_number(f64::NAN), None);
        assert_eq!(Timestamp::from_unix_number(1e300), None);
    }

    #[test]
    fn text_is_rfc_3339_with_milliseconds() {
        let time = Timestamp::from_millis(1_700_000_000_250);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.250Z");
        assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(time));
    }
}
