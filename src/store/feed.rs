//! The feed as it stood at a moment.

use rusqlite::params;

use super::{block::ReadError, readers::Stored};
use crate::model::{Activity, Timestamp};

/// The newest lines that were there at a moment, oldest first; at most `most`.
pub fn at(stored: &Stored<'_>, at: Timestamp, most: usize) -> Result<Vec<Activity>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT activity FROM activities WHERE received_ms <= ?1 ORDER BY boot DESC, seq DESC LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = found.query(params![at.as_millis(), most])?;
    let mut lines = Vec::new();
    while let Some(row) = found.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        lines.extend(serde_json::from_str::<Activity>(text));
    }
    lines.reverse();
    Ok(lines)
}
