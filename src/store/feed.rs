//! The feed, and what became of messages to people, as they stood at a moment.

use rusqlite::params;
use serde::de::DeserializeOwned;

use super::{block::ReadError, readers::Stored};
use crate::model::{Activity, DeliveryEvent, Timestamp};

/// The newest lines that were there at a moment, oldest first; at most `most`.
pub fn at(stored: &Stored<'_>, at: Timestamp, most: usize) -> Result<Vec<Activity>, ReadError> {
    newest(
        stored,
        "SELECT activity FROM activities WHERE received_ms <= ?1 ORDER BY boot DESC, seq DESC LIMIT ?2",
        at,
        most,
    )
}

/// The newest of what the stream told of messages, oldest first.
pub fn deliveries(stored: &Stored<'_>, most: usize) -> Result<Vec<DeliveryEvent>, ReadError> {
    newest(
        stored,
        "SELECT event FROM delivery_events WHERE received_ms <= ?1 ORDER BY boot DESC, seq DESC LIMIT ?2",
        Timestamp::from_millis(i64::MAX),
        most,
    )
}

fn newest<T: DeserializeOwned>(
    stored: &Stored<'_>,
    query: &str,
    at: Timestamp,
    most: usize,
) -> Result<Vec<T>, ReadError> {
    let mut found = stored.database.prepare_cached(query)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = found.query(params![at.as_millis(), most])?;
    let mut lines = Vec::new();
    while let Some(row) = found.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        lines.extend(serde_json::from_str::<T>(text));
    }
    lines.reverse();
    Ok(lines)
}
