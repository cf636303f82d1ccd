//! The tables, and what is read from them at the start.

use rusqlite::{Connection, OptionalExtension, params};

use super::Past;
use crate::model::{AlertEvent, Epoch, Timestamp};

/// The schema this program writes; `PRAGMA user_version` of the file.
pub const VERSION: i64 = 1;

/// Alert events kept on disk, at most; the oldest go at a start.
const EVENTS_KEPT: i64 = 100_000;

const TABLES: &str = "
-- One row a life of the server, written before its first position is given out.
CREATE TABLE epochs (
    boot INTEGER PRIMARY KEY,
    suffix INTEGER NOT NULL,
    started_ms INTEGER NOT NULL
) STRICT;
-- Every transition, as it was streamed.
CREATE TABLE alert_events (
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    alert TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_events_by_alert ON alert_events (alert);
-- Where each alert stands: its newest event. The id begins with the time, so order by id is order by age.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    is_open INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- The alert engine's state, one row.
CREATE TABLE engine (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    saved_ms INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;
";

/// Makes the tables in a new file. `Some(version)` when the file is of a newer program.
pub fn prepare(database: &mut Connection) -> rusqlite::Result<Option<i64>> {
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "normal")?;
    database.pragma_update(None, "cache_size", -512)?;
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Ok(Some(version));
    }
    if version == 0 {
        let transaction = database.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(None)
}

/// Begins a new epoch and reads what the last life left.
pub fn begin(
    database: &mut Connection,
    now: Timestamp,
    suffix: u32,
    history: usize,
) -> rusqlite::Result<Past> {
    let transaction = database.transaction()?;
    let earlier: Vec<Epoch> = transaction
        .prepare("SELECT boot, suffix FROM epochs ORDER BY boot")?
        .query_map([], |row| {
            Ok(Epoch {
                boot: row.get(0)?,
                suffix: row.get(1)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let epoch = Epoch {
        boot: earlier.last().map_or(1, |e| e.boot + 1),
        suffix,
    };
    transaction.execute(
        "INSERT INTO epochs (boot, suffix, started_ms) VALUES (?1, ?2, ?3)",
        params![epoch.boot, epoch.suffix, now.as_millis()],
    )?;
    transaction.execute(
        "DELETE FROM alert_events WHERE (boot, seq) IN (
            SELECT boot, seq FROM alert_events ORDER BY boot DESC, seq DESC LIMIT -1 OFFSET ?1)",
        [EVENTS_KEPT],
    )?;
    transaction.execute(
        "DELETE FROM alerts WHERE id IN (
            SELECT id FROM alerts WHERE is_open = 0 ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        [i64::try_from(history).unwrap_or(i64::MAX)],
    )?;
    let texts: Vec<String> = transaction
        .prepare("SELECT event FROM alerts ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let engine = transaction
        .query_row("SELECT saved_ms, state FROM engine", [], |row| {
            Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    transaction.commit()?;
    let read = |text: &String| match serde_json::from_str::<AlertEvent>(text) {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::warn!(%error, "an alert in the store cannot be read and is left out");
            None
        }
    };
    Ok(Past {
        epoch,
        earlier,
        alerts: texts.iter().filter_map(read).collect(),
        engine,
    })
}
