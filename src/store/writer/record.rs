//! What happened, put into the database as it comes: rows of the journal in the making, transitions, lines of the feed, the
//! engine's state.

use rusqlite::{Transaction, params};

use super::number;
use crate::{
    entry::{Entry, What},
    model::{Activity, AlertEvent, DeliveryEvent, Seq, Timestamp},
    store::{catalogue::Catalogue, compactor::Poke, journal},
};

/// Rows of the journal in the making: one for each unbroken run of numbers, so one a transaction unless something was
/// dropped in between.
pub(super) struct Rows<'a> {
    boot: u32,
    catalogue: &'a Catalogue,
    volatile: bool,
    row: Option<Row>,
    /// The last number in them.
    pub last: Seq,
    /// Samples in them.
    pub samples: u64,
    newest: Option<Timestamp>,
}

struct Row {
    first: Seq,
    last: Seq,
    from: Timestamp,
    to: Timestamp,
    /// When its samples were measured; the wrong way round while there is none.
    oldest: Timestamp,
    newest: Timestamp,
    batches: journal::Writer,
}

impl<'a> Rows<'a> {
    pub fn new(boot: u32, catalogue: &'a Catalogue, volatile: bool) -> Self {
        Self {
            boot,
            catalogue,
            volatile,
            row: None,
            last: 0,
            samples: 0,
            newest: None,
        }
    }

    pub fn entry(&mut self, transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
        if self.volatile && !matches!(entry.what, What::Alert { .. }) {
            return Ok(());
        }
        if self
            .row
            .as_ref()
            .is_some_and(|row| row.last + 1 != entry.first)
        {
            self.finish(transaction)?;
        }
        let row = self.row.get_or_insert_with(|| Row {
            first: entry.first,
            last: entry.first,
            from: entry.received,
            to: entry.received,
            oldest: Timestamp::from_millis(i64::MAX),
            newest: Timestamp::from_millis(i64::MIN),
            batches: journal::Writer::default(),
        });
        row.last = entry.last;
        row.to = row.to.max(entry.received);
        match &entry.what {
            What::Samples {
                timestamp,
                layout,
                values,
                ..
            } => {
                let numbers = self.catalogue.numbers(transaction, layout, *timestamp)?;
                self.catalogue.seen(&numbers, *timestamp, *timestamp);
                self.samples += values.len() as u64;
                row.oldest = row.oldest.min(*timestamp);
                row.newest = row.newest.max(*timestamp);
                row.batches.batch(
                    layout.as_ptr() as usize,
                    || numbers,
                    entry.first,
                    *timestamp,
                    entry.received,
                    values,
                );
            }
            What::Alert { event, .. } => write_event(transaction, self.boot, entry.first, event)?,
            What::Activity { activity, .. } => {
                write_activity(transaction, self.boot, entry, activity)?
            }
            What::Delivery { event, .. } => write_delivery(transaction, self.boot, entry, event)?,
        }
        Ok(())
    }

    pub fn finish(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some(row) = self.row.take() else {
            return Ok(());
        };
        self.last = row.last;
        if self.volatile {
            return Ok(());
        }
        self.newest = Some(row.to);
        let samples = number(row.batches.samples());
        transaction
            .prepare_cached(
                "INSERT INTO journal (boot, first_seq, last_seq, from_ms, to_ms, oldest_ms, newest_ms, samples, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                self.boot,
                number(row.first),
                number(row.last),
                row.from.as_millis(),
                row.to.as_millis(),
                row.oldest.as_millis(),
                row.newest.as_millis(),
                samples,
                row.batches.finish(),
            ])?;
        Ok(())
    }

    /// What the compactor is told of it.
    pub fn poke(&self) -> Option<Poke> {
        self.newest.map(|received| Poke::Written {
            samples: self.samples,
            received,
        })
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn write_activity(
    transaction: &Transaction<'_>,
    boot: u32,
    entry: &Entry,
    activity: &Activity,
) -> rusqlite::Result<()> {
    let json = json(activity)?;
    transaction
        .prepare_cached(
            "INSERT INTO activities (boot, seq, received_ms, at_ms, activity)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            boot,
            number(entry.first),
            entry.received.as_millis(),
            activity.timestamp.as_millis(),
            json,
        ])?;
    match (activity.annotation(), activity.id) {
        (Some(id), _) => transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO annotations (id, to_ms, annotation) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id.to_string(), activity.end().as_millis(), json])?,
        (None, Some(id)) => transaction
            .prepare_cached("DELETE FROM annotations WHERE id = ?1")?
            .execute([id.to_string()])?,
        (None, None) => 0,
    };
    Ok(())
}

fn write_delivery(
    transaction: &Transaction<'_>,
    boot: u32,
    entry: &Entry,
    event: &DeliveryEvent,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO delivery_events (boot, seq, received_ms, event) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            boot,
            number(entry.first),
            entry.received.as_millis(),
            json(event)?,
        ])?;
    Ok(())
}

fn write_event(
    transaction: &Transaction<'_>,
    boot: u32,
    seq: Seq,
    event: &AlertEvent,
) -> rusqlite::Result<()> {
    let id = event.id.to_string();
    let json = json(event)?;
    transaction
        .prepare_cached(
            "INSERT INTO alert_events (boot, seq, alert, at_ms, event) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            boot,
            number(seq),
            id,
            event.timestamp.as_millis(),
            json
        ])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO alerts (id, is_open, event) VALUES (?1, ?2, ?3)")?
        .execute(params![id, event.state.is_open(), json])?;
    Ok(())
}

pub(super) fn write_engine(
    transaction: &Transaction<'_>,
    now: Timestamp,
    engine: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO engine (one, saved_ms, state) VALUES (1, ?1, ?2)")?
        .execute(params![now.as_millis(), engine])?;
    Ok(())
}
