//! The times that samples and events may be of.

use std::time::Duration;

use super::json::Scalar;
use crate::model::Timestamp;

/// The times that are accepted.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Now.
    pub now: Timestamp,
    /// At most this long ago.
    pub past: Duration,
    /// At most this far ahead.
    pub future: Duration,
}

impl Limits {
    /// A timestamp as it may be written in JSON: RFC 3339, unix seconds or unix milliseconds; or why it is not taken.
    pub fn timestamp(&self, written: &Scalar) -> Result<Timestamp, String> {
        let parsed = match written {
            Scalar::Text(text) => Timestamp::parse_rfc3339(text),
            Scalar::Number(number) => Timestamp::from_unix_number(*number),
            Scalar::Other(_) => None,
        };
        let timestamp = parsed.ok_or_else(|| {
            let found = written.shown();
            format!(
                "timestamp: found {found}, accepted is RFC 3339, unix seconds or unix milliseconds"
            )
        })?;
        self.within(timestamp)
    }

    /// Unix seconds or unix milliseconds, likewise.
    pub fn number(&self, number: f64) -> Result<Timestamp, String> {
        let timestamp = Timestamp::from_unix_number(number);
        let timestamp = timestamp.ok_or_else(|| {
            format!("timestamp: found {number}, accepted are unix milliseconds or unix seconds")
        })?;
        self.within(timestamp)
    }

    fn within(&self, timestamp: Timestamp) -> Result<Timestamp, String> {
        if timestamp < self.now.minus(self.past) || timestamp > self.now.plus(self.future) {
            return Err(format!(
                "timestamp {timestamp} is outside of what is accepted, from {} s ago to {} s ahead (keys ingest.accept_past and ingest.accept_future)",
                self.past.as_secs(),
                self.future.as_secs()
            ));
        }
        Ok(timestamp)
    }
}
