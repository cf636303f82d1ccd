//! What survives a restart: every sample, alerts, the feed, epochs, and the state of the alert engine, in one SQLite file in
//! the data folder.
//!
//! - `open`: how it begins
//! - [`writer`]: the one thread that writes. Handing something over never waits; what is more than `store.queue` is
//!   dropped and counted. Who sends samples from outside asks for room before ([`Store::room`])
//! - [`journal`]: what was received last, durable at once
//! - [`compactor`]: makes [`block`]s of it, in which a sample takes a fraction of a byte, and coarser tiers ([`aggregate`])
//! - [`retention`]: what is kept how long
//! - [`catalogue`]: the series, by number; `rules`: those that people made
//! - [`care`]: copies and checks, from outside
//! - [`notifications`]: messages to people, and the ledger of them
//! - [`readers`]: threads on which the past is read; [`past`] as it was streamed, [`history`] series by series,
//!   [`alerts`] and [`feed`] as they stood
//! - [`rows`]: what all of them find in the database; [`points`]: samples of one series; [`mod@column`], [`bytes`]: how it is written

pub mod aggregate;
pub mod alerts;
pub mod block;
pub mod bytes;
pub mod care;
pub mod catalogue;
pub mod column;
pub mod compactor;
pub mod feed;
pub mod history;
pub mod journal;
pub mod notifications;
mod open;
pub mod past;
pub mod points;
pub mod readers;
pub mod retention;
pub mod rows;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
pub mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

pub use self::open::{FILE, OpenError, Options, Past, Threads};
use self::{catalogue::Catalogue, readers::Readers, rules::Change, writer::Job};
use crate::{
    entry::Entry,
    model::{Epoch, Timestamp},
    rules::Edit,
};

/// How long whoever sends samples waits for the store, at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was read is not what was written: which piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored data is damaged: {0} is not as it was written")]
pub struct Damaged(pub &'static str);

/// The store; a cheap handle.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: SyncSender<Job>,
    counts: Arc<Counts>,
    catalogue: Catalogue,
    readers: Readers,
    queue_bytes: usize,
    epoch: Epoch,
    is_kept: bool,
}

/// What the store counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Jobs waiting.
    pub waiting: AtomicU64,
    /// Bytes in them, nearly.
    pub waiting_bytes: AtomicUsize,
    /// Jobs written.
    pub written: AtomicU64,
    /// Samples written.
    pub samples: AtomicU64,
    /// How often SQLite refused.
    pub failed: AtomicU64,
    /// Whether it did so last.
    pub failing: AtomicBool,
    /// Jobs dropped because too much was waiting.
    pub dropped: AtomicU64,
    /// Samples in them.
    pub dropped_samples: AtomicU64,
    /// Whether blocks are being made.
    pub compacting: AtomicBool,
    /// Blocks that were made.
    pub blocks_made: AtomicU64,
    /// Blocks that were taken out by age or size.
    pub blocks_removed: AtomicU64,
    /// How often something stored could not be read.
    pub unreadable: AtomicU64,
    /// Pages in the write-ahead log.
    pub wal_pages: AtomicU64,
    /// Bytes that are promised to those who are sending.
    promised_bytes: AtomicUsize,
    /// Who waits for room is told that there may be some, or that waiting is of no use.
    eased: Notify,
}

/// A promise of room in the queue; good until it is dropped, by when what it was for has been handed over.
#[derive(Debug)]
pub struct Room<'a> {
    counts: &'a Counts,
    weight: usize,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let promised = &self.counts.promised_bytes;
        promised.fetch_sub(self.weight, Ordering::Relaxed);
        self.counts.eased.notify_waiters();
    }
}

impl Store {
    /// Records what happened, in the order of its numbers, and the engine's state after it, in one transaction.
    pub fn entries(&self, entries: Vec<Arc<Entry>>, engine: Option<(Timestamp, String)>) {
        self.hand_over(Job::Entries { entries, engine });
    }

    /// Waits until less than half of the queue is taken or promised, and promises this many bytes of it: whoever
    /// could send more than is written is slowed down, and all of it is kept.
    ///
    /// Nobody waits longer than 5 s, or for a store that cannot be written to: then what is sent streams all the same,
    /// and what finds no room is counted.
    pub async fn room(&self, weight: usize) -> Room<'_> {
        let counts = &self.0.counts;
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let eased = counts.eased.notified();
            let waiting = counts.waiting_bytes.load(Ordering::Relaxed);
            let is_long = counts.waiting.load(Ordering::Relaxed) > open::QUEUE as u64 / 2;
            let is_over = counts.failing.load(Ordering::Relaxed);
            let promise = |promised: usize| {
                let has_room = waiting + promised < self.0.queue_bytes / 2 && !is_long;
                (has_room || is_over).then_some(promised + weight)
            };
            let promised = &counts.promised_bytes;
            let order = Ordering::Relaxed;
            if promised.fetch_update(order, order, promise).is_ok() {
                break;
            }
            if tokio::time::timeout_at(until, eased).await.is_err() {
                promised.fetch_add(weight, Ordering::Relaxed);
                break;
            }
        }
        Room { counts, weight }
    }

    /// Records what happened to messages; when what is returned is ready, it is safe against the end of the process. It is
    /// an error when it was dropped because too much was waiting.
    pub fn notifications(&self, changes: Vec<notifications::Change>) -> oneshot::Receiver<()> {
        let (done, written) = oneshot::channel();
        self.hand_over(Job::Notifications(changes, Mutex::new(Some(done))));
        written
    }

    /// Records a rule that somebody made or changed.
    pub fn put_rule(&self, edit: Edit) {
        self.hand_over(Job::Rule(Change::Put(edit)));
    }

    /// Records that what was made or changed of this name is gone.
    pub fn remove_rule(&self, name: String) {
        self.hand_over(Job::Rule(Change::Removed(name)));
    }

    /// Takes resolved alerts out of what the next start brings back.
    pub fn dismiss(&self, ids: Vec<Uuid>) {
        self.hand_over(Job::Dismiss(ids));
    }

    /// Lets the threads end when all that waits is written, and records that this life ended in order.
    pub fn close(&self, now: Timestamp) {
        // The writer is gone already: then there is nothing to end.
        let _ = self.0.jobs.send(Job::Close(now));
        self.0.readers.close();
    }

    /// What is counted.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The series that are stored.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// Where the past is read.
    pub fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// The epoch of this life.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// Whether what happens is kept; not without a folder.
    pub fn is_kept(&self) -> bool {
        self.0.is_kept
    }

    fn hand_over(&self, job: Job) {
        let counts = &self.0.counts;
        let weight = job.weight();
        let before = counts.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        let dropped = match before >= self.0.queue_bytes {
            true => Some(job),
            false => self
                .0
                .jobs
                .try_send(job)
                .err()
                .map(|refused| match refused {
                    std::sync::mpsc::TrySendError::Full(job)
                    | std::sync::mpsc::TrySendError::Disconnected(job) => job,
                }),
        };
        if let Some(job) = dropped {
            counts.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            counts.waiting.fetch_sub(1, Ordering::Relaxed);
            let samples = job.samples();
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            counts.dropped_samples.fetch_add(samples, Ordering::Relaxed);
        }
    }
}
