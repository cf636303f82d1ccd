//! The tables, and what is read from them at the start.

use rusqlite::{Connection, OptionalExtension, config::DbConfig, params};

use super::{Past, notifications, rules};
use crate::model::{Epoch, Timestamp};

/// The schema this program writes; `PRAGMA user_version` of the file.
pub const VERSION: i64 = 6;

/// What makes each version out of the one before; the first out of an empty file.
const STEPS: [&str; VERSION as usize] = [
    "
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
",
    "
-- How a life ended, if it ended in order: with this number, at this time.
ALTER TABLE epochs ADD COLUMN last_seq INTEGER;
ALTER TABLE epochs ADD COLUMN ended_ms INTEGER;
CREATE INDEX alert_events_by_time ON alert_events (at_ms);
-- Every line of the feed, as it was streamed; received_ms is when.
CREATE TABLE activities (
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    activity TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX activities_by_time ON activities (at_ms);
-- Series by the number that rows and blocks call them by.
CREATE TABLE series (
    number INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
) STRICT;
-- What was received and is in no block yet. The numbers first_seq to last_seq are complete in it, alerts and
-- activities included; from_ms to to_ms is when they were received, oldest_ms to newest_ms when samples were measured.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    boot INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    oldest_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX journal_by_place ON journal (boot, first_seq);
-- Compressed stretches. tier is the seconds of a row: 0 is every sample, and first_seq to last_seq are complete in it.
-- slot is the seconds of the stretch it was made for. oldest_ms to newest_ms is when its samples were measured.
-- rolled says that the next coarser tier has it.
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tier INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    oldest_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    rolled INTEGER NOT NULL,
    head BLOB NOT NULL
) STRICT;
CREATE INDEX blocks_by_place ON blocks (tier, boot, first_seq);
CREATE INDEX blocks_by_time ON blocks (tier, newest_ms);
-- The columns of blocks: id is that of the block times 65536, and the number of the part.
CREATE TABLE parts (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;
",
    "
-- The annotations that stand, as they were streamed; to_ms is their end. The id begins with the time, as that of alerts.
CREATE TABLE annotations (
    id TEXT PRIMARY KEY,
    to_ms INTEGER NOT NULL,
    annotation TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX annotations_by_end ON annotations (to_ms);
",
    "
-- How many batches the samples of a block came in, and the bytes of its parts: what reading it takes.
ALTER TABLE blocks ADD COLUMN batches INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE blocks SET batches = samples, bytes = (
    SELECT coalesce(sum(length(data)), 0) FROM parts
    WHERE parts.id >= blocks.id * 65536 AND parts.id < (blocks.id + 1) * 65536);
",
    "
-- Rules that people made or changed, as JSON with the keys of the configuration.
CREATE TABLE rules (
    name TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Up to where the notifier has taken transitions, and what it remembers; one row.
CREATE TABLE notifier (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;
-- Messages to people: what waits, and what became of the others. The id begins with the time.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    answer TEXT NOT NULL,
    ended_ms INTEGER,
    message TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (created_ms);
CREATE INDEX deliveries_that_wait ON deliveries (id) WHERE state = 'queued';
-- Every attempt to send one.
CREATE TABLE attempts (
    delivery TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    attempt TEXT NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
",
    "
-- What became of messages to people, as it was streamed; received_ms is when.
CREATE TABLE delivery_events (
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;
",
];

/// Bytes of a page of a new file.
pub const PAGE_BYTES: u64 = 1024;

/// How the writer's connection works.
fn configure(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update(None, "journal_mode", "wal")?;
    // A transaction survives the end of the process at once, and that of the machine once it is in the database proper:
    // see CHECKPOINT in the writer.
    database.pragma_update(None, "synchronous", "normal")?;
    database.pragma_update(None, "wal_autocheckpoint", 0)?;
    database.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    plan_once(database)?;
    database.pragma_update(None, "cache_size", -1024)
}

/// A statement is planned when it is prepared, and not again for each value that is bound to it.
fn plan_once(database: &Connection) -> rusqlite::Result<()> {
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// What the write-ahead log is cut to when it begins anew.
const WAL_BYTES: i64 = 512 << 10;

/// How connections work that only read.
pub fn configure_reader(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update(None, "query_only", true)?;
    plan_once(database)?;
    database.pragma_update(None, "cache_size", -1024)
}

/// Makes the tables in a new file, and what is missing in an older one. `Some(version)` when the file is of a newer program.
pub fn prepare(database: &mut Connection) -> rusqlite::Result<Option<i64>> {
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Ok(Some(version));
    }
    // Pages that are free go back to the file system, a few at a time. Small ones, since each of two dozen tables and indices has
    // at least one. Both to be said before there is a table.
    if version == 0 {
        database.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
        database.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    configure(database)?;
    let missing = STEPS.iter().skip(usize::try_from(version).unwrap_or(0));
    if version < VERSION {
        let transaction = database.transaction()?;
        for step in missing {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    let auto_vacuum: i64 = database.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if auto_vacuum == 0 {
        database.pragma_update(None, "auto_vacuum", "incremental")?;
        database.execute_batch("VACUUM")?;
    }
    Ok(None)
}

/// Begins a new epoch and reads what the last life left. The epoch, and whatever was written before it, is safe against a
/// loss of power when this returns: no life is ever unknown that gave positions out.
pub fn begin(
    database: &mut Connection,
    now: Timestamp,
    suffix: u32,
    history: usize,
) -> rusqlite::Result<Past> {
    database.pragma_update(None, "synchronous", "full")?;
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
        "DELETE FROM alerts WHERE id IN (
            SELECT id FROM alerts WHERE is_open = 0 ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        [i64::try_from(history).unwrap_or(i64::MAX)],
    )?;
    let texts: Vec<String> = transaction
        .prepare("SELECT event FROM alerts ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let annotations: Vec<String> = transaction
        .prepare("SELECT annotation FROM annotations ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let rules = rules::read(&transaction)?;
    let notifications = notifications::left(&transaction)?;
    let engine = transaction
        .query_row("SELECT saved_ms, state FROM engine", [], |row| {
            Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    transaction.commit()?;
    database.pragma_update(None, "synchronous", "normal")?;
    Ok(Past {
        epoch,
        earlier,
        alerts: texts.iter().filter_map(|text| read(text)).collect(),
        annotations: annotations.iter().filter_map(|text| read(text)).collect(),
        engine,
        rules,
        notifications,
        notice: None,
    })
}

/// What was stored as JSON; what makes no sense is left out, and said.
fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let read = serde_json::from_str(text);
    if let Err(error) = &read {
        tracing::warn!(%error, "an alert or an annotation in the store cannot be read and is left out");
    }
    read.ok()
}
