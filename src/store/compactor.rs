//! The thread that makes blocks: out of the journal, larger ones out of small ones, coarser tiers out of finer ones.
//!
//! It only reads the database. What it made it hands to the writer, which takes it in and takes out what it was made of in one
//! transaction; so a kill at any moment loses nothing and leaves nothing twice. It does one thing at a time, the most
//! urgent first, and looks for the next when that one is in.
//!
//! Samples become a block each quarter of an hour (several where they are many, which then are put together), and these one
//! of an hour and one of four, of which one of minutes is made. Eight
//! days of minutes become one of hours. Late samples and samples before a change of the clock are in the block of when they were received:
//! stretches are those of receiving, whatever was measured in them.

mod journal;
mod merge;
mod roll;

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, Sender, SyncSender},
    },
};

use rusqlite::{Connection, OpenFlags, Transaction};

pub(super) use self::roll::aggregates;
pub use super::rows::Meta;
use super::{
    Counts,
    block::{Encoded, ReadError},
    catalogue::Catalogue,
    rows, schema,
    writer::{Job, delete_block, insert_block},
};
use crate::model::Timestamp;

/// The stretches that blocks of samples are made for, in seconds; of one that was made before its stretch was over it is 0.
const SLOTS: [i64; 3] = [900, 3600, 14_400];
/// Samples that make a block out of the journal before its stretch is over: they are all in memory then.
const JOURNAL_SAMPLES: u64 = 1 << 19;
/// Samples of a block at most, where blocks are put together: what a replay unpacks before it gives out the first.
const MERGED_SAMPLES: u64 = 40 << 20;
/// Batches likewise: when each of them came is in memory while a block is read.
const MERGED_BATCHES: u64 = 1 << 20;
/// Compressed bytes likewise: they are in memory until they are written. Also no more than this share of what may be kept, since blocks go as
/// a whole.
const MERGED_BYTES: u64 = 16 << 20;
const MERGED_SHARE: u64 = 32;
/// The tiers: seconds of a row, and of the stretch that is rolled up at once.
const TIERS: [(i64, i64); 2] = [(60, 14_400), (3600, 8 * 86_400)];
/// Blocks that are rolled up at once, at most: each takes memory for what is where in it.
const ROLLED_BLOCKS: usize = 64;

/// What the compactor is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Poke {
    /// The journal has so many more samples, received up to then.
    Written { samples: u64, received: Timestamp },
    /// What it made is in, or was not taken: there may be more to do.
    Installed,
    /// Likewise, and something has to go of which no coarser rows were made yet: they are to be made now.
    Crowded,
}

/// A block that was made, and what it was made of.
#[derive(Debug)]
pub(super) struct Work {
    meta: Meta,
    block: Encoded,
    /// The series in it.
    series: Vec<u32>,
    made_of: MadeOf,
}

#[derive(Debug)]
enum MadeOf {
    /// Rows of the journal, from this id to that; they go.
    Journal(i64, i64),
    /// Blocks; they go.
    Blocks(Vec<i64>),
    /// Blocks of a finer tier; they stay.
    Finer(Vec<i64>),
}

impl Work {
    /// Takes it in.
    pub fn install(
        &self,
        transaction: &Transaction<'_>,
        catalogue: &Catalogue,
    ) -> rusqlite::Result<()> {
        match &self.made_of {
            MadeOf::Journal(from, to) => {
                let mut delete = transaction
                    .prepare_cached("DELETE FROM journal WHERE id >= ?1 AND id <= ?2")?;
                delete.execute([from, to])?;
                catalogue.save_seen(transaction, &self.series)?;
            }
            MadeOf::Blocks(ids) => {
                for id in ids {
                    delete_block(transaction, *id)?;
                }
            }
            MadeOf::Finer(ids) => {
                let mut mark =
                    transaction.prepare_cached("UPDATE blocks SET rolled = 1 WHERE id = ?1")?;
                for id in ids {
                    mark.execute([id])?;
                }
            }
        }
        // A stretch without samples is recorded too: that nothing was there is not that it is not known.
        if self.meta.samples > 0 || self.meta.tier == 0 {
            insert_block(transaction, &self.meta, &self.block)?;
        }
        Ok(())
    }
}

/// The compactor. See the module.
pub struct Compactor {
    pub(super) file: PathBuf,
    /// This life; what was left by others waits for nothing.
    pub(super) boot: u32,
    pub(super) inlet: Receiver<Poke>,
    pub(super) writer: SyncSender<Job>,
    pub(super) counts: Arc<Counts>,
    /// Bytes that may be kept.
    pub(super) max_bytes: u64,
    /// Dropped when its connection is closed.
    pub(super) _is_open: Sender<Infallible>,
}

impl Compactor {
    /// Works until the store is closed. Blocks; for a thread of its own.
    pub fn run(self) {
        let database = match open(&self.file) {
            Ok(database) => database,
            Err(error) => {
                tracing::error!(%error, "nothing is compacted: the store cannot be opened once more");
                return;
            }
        };
        let mut waiting = 0;
        let mut slot = None;
        let mut crowded = false;
        self.counts.compacting.store(true, Ordering::Relaxed);
        let mut busy = self.work(&database, crowded);
        self.counts.compacting.store(busy, Ordering::Relaxed);
        while let Ok(poke) = self.inlet.recv() {
            match poke {
                Poke::Installed | Poke::Crowded => {
                    busy = false;
                    crowded = matches!(poke, Poke::Crowded);
                }
                Poke::Written { samples, received } => {
                    waiting += samples;
                    let now = slot_of(received, SLOTS[0]);
                    let over = slot.replace(now).is_some_and(|before| before != now);
                    if !over && waiting < JOURNAL_SAMPLES {
                        continue;
                    }
                    waiting = 0;
                }
            }
            busy = busy || self.work(&database, crowded);
            self.counts.compacting.store(busy, Ordering::Relaxed);
        }
    }

    /// Does the next thing there is to do; whether there was one.
    fn work(&self, database: &Connection, crowded: bool) -> bool {
        match self.next(database, crowded) {
            Ok(Some(work)) => {
                self.counts.blocks_made.fetch_add(1, Ordering::Relaxed);
                // Waits if the writer is behind. It is gone only when everything ends.
                self.writer.send(Job::Compacted(work)).is_ok()
            }
            Ok(None) => false,
            Err(error) => {
                self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a stretch of the past cannot be compacted, and stays as it is");
                false
            }
        }
    }

    /// The next thing there is to do, done but for taking it in. Where it is crowded, coarser rows are made of stretches that
    /// are not over.
    pub(super) fn next(
        &self,
        database: &Connection,
        crowded: bool,
    ) -> Result<Option<Work>, ReadError> {
        if let Some(work) = journal::next(database, self.boot)? {
            return Ok(Some(work));
        }
        let most_bytes = MERGED_BYTES.min(self.max_bytes / MERGED_SHARE);
        for slot in SLOTS {
            if let Some(work) = merge::next(database, self.boot, slot, most_bytes)? {
                return Ok(Some(work));
            }
        }
        for (i, (tier, span)) in TIERS.into_iter().enumerate() {
            let finer = i.checked_sub(1).map_or(0, |finer| TIERS[finer].0);
            if let Some(work) = roll::next(database, finer, (tier, span), crowded)? {
                return Ok(Some(work));
            }
        }
        Ok(None)
    }
}

/// A connection that only reads.
pub(super) fn open(file: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let database = Connection::open_with_flags(file, flags)?;
    schema::configure_reader(&database)?;
    Ok(database)
}

/// Which stretch of so many seconds a time is in.
fn slot_of(time: Timestamp, seconds: i64) -> i64 {
    time.as_millis().div_euclid(seconds * 1000)
}

/// When the newest thing in the database was received.
fn newest(database: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let of_journal = rows::journal(database, "TRUE ORDER BY id DESC LIMIT 1", [])?;
    let newest = match of_journal.first() {
        Some(row) => Some(row.to),
        None => rows::blocks(
            database,
            "tier = 0 ORDER BY boot DESC, first_seq DESC LIMIT 1",
            [],
        )?
        .first()
        .map(|block| block.to),
    };
    Ok(newest)
}
