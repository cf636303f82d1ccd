//! What is kept: samples and each coarser tier for a time, and all together within a size. The newest wins.
//!
//! Newer is what was recorded later, whatever the clock said: one that is ahead for a while, even if it is by years, takes
//! nothing out, neither then nor when it has been set back. So an age is the time over which something was recorded since;
//! a stretch in which nothing was, or over which the clock stepped, counts as `LONGEST_STEP` at most.
//!
//! Nothing goes before the next coarser tier has it. Where the size does not allow to wait for that, the compactor is told to
//! make it now; only what is a quarter too much goes without.

use std::{sync::atomic::Ordering, time::Duration};

use rusqlite::{Connection, Transaction, params};

use super::{Counts, catalogue::Catalogue, rows, writer::delete_block};
use crate::{
    config,
    model::{Timestamp, event::MAX_ANNOTATIONS},
};

/// Of each tier: four times what two blocks that follow each other are apart, in milliseconds. More is a stretch in which
/// nothing was recorded, or a step of the clock.
const LONGEST_STEP: [(i64, i64); 3] = [
    (0, 4 * 14_400_000),
    (60, 4 * 14_400_000),
    (3600, 4 * 8 * 86_400_000),
];

/// Blocks taken out in one go, at most: it is gone on with after the next block that comes in.
const AT_ONCE: usize = 64;
/// The size may be exceeded by one part in so many while coarser rows are made of what has to go.
const PATIENCE: u64 = 4;
/// So many free pages may stay in the file.
const SPARE_PAGES: i64 = 8;

/// How long what is kept, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Every sample, the feed and the transitions of alerts.
    pub samples: Duration,
    /// Minutes.
    pub minutes: Duration,
    /// Hours.
    pub hours: Duration,
    /// Bytes of the database, at most, beside what the last few seconds need.
    pub max_bytes: u64,
}

impl Retention {
    /// As it is configured.
    pub fn of(config: &config::Store) -> Self {
        Self {
            samples: config.keep_samples,
            minutes: config.keep_minutes,
            hours: config.keep_hours,
            max_bytes: config.max_size as u64,
        }
    }

    /// How long anything is kept.
    pub fn longest(&self) -> Duration {
        self.samples.max(self.minutes).max(self.hours)
    }
}

/// Takes out what is too old or too much. Whether coarser rows have to be made of the oldest before more can be taken out.
pub(super) fn enforce(
    database: &mut Connection,
    catalogue: &Catalogue,
    retention: &Retention,
    counts: &Counts,
) -> rusqlite::Result<bool> {
    let transaction = database.transaction()?;
    let longest = i64::try_from(retention.longest().as_millis()).unwrap_or(i64::MAX);
    // Annotations were not recorded in their time: their age is by the clock, as it was last.
    transaction.execute(
        "DELETE FROM annotations WHERE to_ms < (
            SELECT to_ms FROM blocks WHERE tier = 0 ORDER BY boot DESC, first_seq DESC LIMIT 1) - ?1",
        [longest],
    )?;
    for are_notes in [false, true] {
        transaction.execute(
            "DELETE FROM annotations WHERE id IN (
                SELECT id FROM annotations WHERE (annotation ->> 'alert' IS NOT NULL) = ?2
                ORDER BY id DESC LIMIT -1 OFFSET ?1)",
            (MAX_ANNOTATIONS as i64, are_notes),
        )?;
    }
    let mut taken = 0;
    let ages = [retention.samples, retention.minutes, retention.hours];
    for ((tier, longest_step), age) in LONGEST_STEP.into_iter().zip(ages) {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        for block in older(&transaction, tier, age, longest_step)? {
            delete_block(&transaction, block)?;
            taken += 1;
        }
    }
    let mut waits = false;
    while taken < AT_ONCE {
        let used = used_bytes(&transaction)?;
        if used <= retention.max_bytes {
            break;
        }
        let Some(block) = oldest(&transaction)? else {
            break;
        };
        let is_only_here = !block.rolled && block.tier < 3600;
        if is_only_here && used <= retention.max_bytes / PATIENCE * (PATIENCE + 1) {
            waits = true;
            break;
        }
        delete_block(&transaction, block.id)?;
        taken += 1;
    }
    let mut forgotten = Vec::new();
    if taken > 0 {
        counts
            .blocks_removed
            .fetch_add(taken as u64, Ordering::Relaxed);
        forgotten = delete_what_went(&transaction, catalogue)?;
    }
    transaction.commit()?;
    catalogue.forget(&forgotten);
    give_back(database)?;
    Ok(waits)
}

/// Blocks of a tier after which something was recorded for longer than `age`, in milliseconds. Nothing goes before the next
/// tier has it, but the last tier.
fn older(
    transaction: &Transaction<'_>,
    tier: i64,
    age: i64,
    longest_step: i64,
) -> rusqlite::Result<Vec<i64>> {
    let mut found = transaction.prepare_cached(
        "WITH steps AS (
            SELECT id, boot, first_seq, rolled, lead(to_ms, 1, to_ms) OVER (ORDER BY boot, first_seq, id) - to_ms AS step
            FROM blocks WHERE tier = ?1),
         ages AS (
            SELECT id, boot, first_seq, rolled, sum(max(0, min(step, ?3))) OVER (ORDER BY boot DESC, first_seq DESC, id DESC) AS age
            FROM steps)
         SELECT id FROM ages WHERE age > ?2 AND (rolled = 1 OR ?1 = 3600)
         ORDER BY boot, first_seq, id LIMIT ?4",
    )?;
    let of = params![tier, age, longest_step, AT_ONCE as i64];
    found.query_map(of, |row| row.get(0))?.collect()
}

/// The block that goes first when all of it is too much: samples before minutes, minutes before hours; of each the oldest.
/// The newest samples stay.
fn oldest(transaction: &Transaction<'_>) -> rusqlite::Result<Option<rows::Meta>> {
    let found = rows::blocks(
        transaction,
        "id IS NOT (SELECT id FROM blocks WHERE tier = 0 ORDER BY boot DESC, first_seq DESC LIMIT 1)
         ORDER BY tier, boot, first_seq, id LIMIT 1",
        [],
    )?;
    Ok(found.into_iter().next())
}

/// Takes out the feed, the transitions, what became of messages and the series of what was recorded before the oldest sample that is left; these
/// series are to be forgotten.
fn delete_what_went(
    transaction: &Transaction<'_>,
    catalogue: &Catalogue,
) -> rusqlite::Result<Vec<u32>> {
    const BEFORE: &str = "(boot, seq) < (
        SELECT boot, first_seq FROM (
            SELECT boot, first_seq FROM blocks WHERE tier = 0 UNION ALL SELECT boot, first_seq FROM journal)
        ORDER BY boot, first_seq LIMIT 1)";
    for table in ["activities", "delivery_events"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE {BEFORE}"), [])?;
    }
    let of_closed = "AND alert NOT IN (SELECT id FROM alerts WHERE is_open)";
    transaction.execute(
        &format!("DELETE FROM alert_events WHERE {BEFORE} {of_closed}"),
        [],
    )?;
    let oldest: Option<i64> = transaction.query_row(
        "SELECT min(oldest_ms) FROM (SELECT oldest_ms FROM blocks UNION ALL SELECT from_ms FROM journal)",
        [],
        |row| row.get(0),
    )?;
    match oldest {
        Some(oldest) => {
            transaction.execute(
                "DELETE FROM deliveries WHERE created_ms < ?1 AND state != 'queued'",
                [oldest],
            )?;
            transaction.execute(
                "DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)",
                [],
            )?;
            catalogue.delete_before(transaction, Timestamp::from_millis(oldest))
        }
        None => Ok(Vec::new()),
    }
}

/// Bytes of the file that are in use.
fn used_bytes(database: &Connection) -> rusqlite::Result<u64> {
    let value = |name| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let used = (value("page_count")? - value("freelist_count")?) * value("page_size")?;
    Ok(used.max(0).cast_unsigned())
}

/// Gives free pages back to the file system.
fn give_back(database: &Connection) -> rusqlite::Result<()> {
    let free: i64 = database.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > SPARE_PAGES {
        let mut vacuum = database.prepare("PRAGMA incremental_vacuum")?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {}
    }
    Ok(())
}
