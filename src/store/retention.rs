//! What is kept: samples and each coarser tier for a time, and all together within a size. The newest wins.
//!
//! Nothing goes before the next coarser tier has it. Where the size does not allow to wait for that, the compactor is told to
//! make it now; only what is a quarter too much goes without.

use std::{sync::atomic::Ordering, time::Duration};

use rusqlite::{Connection, Transaction, params};

use super::{Counts, catalogue::Catalogue, rows, writer::delete_block};
use crate::model::{Timestamp, event::MAX_ANNOTATIONS};

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
    let newest: Option<i64> =
        database.query_row("SELECT max(to_ms) FROM blocks", [], |row| row.get(0))?;
    let Some(newest) = newest.map(Timestamp::from_millis) else {
        return Ok(false);
    };
    let transaction = database.transaction()?;
    let longest = newest.minus(retention.longest());
    transaction.execute(
        "DELETE FROM annotations WHERE to_ms < ?1",
        [longest.as_millis()],
    )?;
    transaction.execute(
        "DELETE FROM annotations WHERE id IN (
            SELECT id FROM annotations ORDER BY id DESC LIMIT -1 OFFSET ?1)",
        [MAX_ANNOTATIONS as i64],
    )?;
    let mut taken = 0;
    let ages = [
        (0, retention.samples),
        (60, retention.minutes),
        (3600, retention.hours),
    ];
    // Ages are counted from the newest that was recorded, not from now: a clock that is wrong for a moment deletes nothing.
    for (tier, age) in ages {
        // Nothing goes before the next tier has it, but the last tier.
        let before = newest.minus(age).as_millis();
        let old = rows::blocks(
            &transaction,
            "tier = ?1 AND to_ms < ?2 AND (rolled = 1 OR tier = 3600) ORDER BY to_ms LIMIT ?3",
            params![tier, before, AT_ONCE as i64],
        )?;
        for block in old {
            delete_block(&transaction, block.id)?;
            taken += 1;
        }
    }
    let mut waits = false;
    while taken < AT_ONCE {
        let used = used_bytes(&transaction)?;
        if used <= retention.max_bytes {
            break;
        }
        // Samples before minutes, minutes before hours; of each the oldest, and the newest block stays.
        let old = rows::blocks(
            &transaction,
            "to_ms < (SELECT max(to_ms) FROM blocks) ORDER BY tier, to_ms LIMIT 1",
            [],
        )?;
        let Some(block) = old.first() else { break };
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
        forgotten = delete_what_went(&transaction, catalogue, newest.minus(retention.samples))?;
    }
    transaction.commit()?;
    catalogue.forget(&forgotten);
    give_back(database)?;
    Ok(waits)
}

/// Takes out the feed, the transitions and the series of times of which no sample is left; these series are to be forgotten.
fn delete_what_went(
    transaction: &Transaction<'_>,
    catalogue: &Catalogue,
    kept_from: Timestamp,
) -> rusqlite::Result<Vec<u32>> {
    transaction.execute(
        "DELETE FROM activities WHERE received_ms < ?1",
        [kept_from.as_millis()],
    )?;
    transaction.execute(
        "DELETE FROM alert_events WHERE at_ms < ?1
         AND alert NOT IN (SELECT id FROM alerts WHERE is_open)",
        [kept_from.as_millis()],
    )?;
    let oldest: Option<i64> = transaction.query_row(
        "SELECT min(oldest_ms) FROM (SELECT oldest_ms FROM blocks UNION ALL SELECT from_ms FROM journal)",
        [],
        |row| row.get(0),
    )?;
    match oldest {
        Some(oldest) => catalogue.delete_before(transaction, Timestamp::from_millis(oldest)),
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
