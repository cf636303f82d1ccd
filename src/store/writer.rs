//! The one thread that writes: takes what waits, a transaction for each group of jobs.
//!
//! What cannot be written (a full disk) is kept and tried again after a growing delay, together with what comes meanwhile,
//! until that is more than may wait; from then on what is new is dropped and counted (`Store::hand_over`).

mod blocks;
mod record;

use std::{
    convert::Infallible,
    fs::File,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;
use uuid::Uuid;

pub(super) use self::blocks::{delete_block, insert_block, part_id};
use self::record::{Rows, write_engine};
use super::{
    Counts,
    catalogue::Catalogue,
    compactor::{Poke, Work},
    notifications,
    retention::{self, Retention},
    rules::Change,
    schema::PAGE_BYTES,
};
use crate::{
    entry::{Entry, What},
    model::{Epoch, Seq, Timestamp},
};

/// The write-ahead log is copied into the database proper, and made safe against a loss of power, when it has this many pages
/// (half a MiB) or a block has come in, but not more often than each second; and at the latest after a minute.
const CHECKPOINT_PAGES: u64 = (512 << 10) / PAGE_BYTES;
const CHECKPOINT_LEAST: Duration = Duration::from_secs(1);
const CHECKPOINT_MOST: Duration = Duration::from_secs(60);
/// Jobs written in one transaction, at most.
const GROUP: usize = 256;
/// The first wait after a failure; each further one is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How long it waits for the others to close theirs when everything ends.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Job {
    /// What happened, in the order of its numbers; and the engine's state after it, if it changed.
    Entries {
        entries: Vec<Arc<Entry>>,
        engine: Option<(Timestamp, String)>,
    },
    Dismiss(Vec<Uuid>),
    Rule(Change),
    /// And who wants to know when it is written.
    Notifications(
        Vec<notifications::Change>,
        Mutex<Option<oneshot::Sender<()>>>,
    ),
    /// Work that the compactor has done.
    Compacted(Work),
    Close(Timestamp),
}

impl Job {
    /// Resident bytes, nearly.
    pub fn weight(&self) -> usize {
        match self {
            Self::Entries { entries, engine } => {
                let entries: usize = entries.iter().map(|e| e.weight()).sum();
                entries + engine.as_ref().map_or(0, |(_, state)| state.len())
            }
            Self::Dismiss(ids) => ids.len() * 16,
            Self::Rule(change) => change.weight(),
            Self::Notifications(changes, _) => changes.iter().map(|c| c.weight()).sum(),
            // Bounded by the compactor, which does one thing at a time.
            Self::Compacted(_) | Self::Close(_) => 0,
        }
    }

    /// How many samples it has.
    pub fn samples(&self) -> u64 {
        let Self::Entries { entries, .. } = self else {
            return 0;
        };
        let samples = entries.iter().map(|entry| match &entry.what {
            What::Samples { values, .. } => values.len() as u64,
            _ => 0,
        });
        samples.sum()
    }
}

/// The writer; owns the database and the lock on its folder.
#[derive(Debug)]
pub struct Writer {
    pub(super) database: Connection,
    /// None where nothing is kept.
    pub(super) _lock: Option<File>,
    pub(super) inlet: Receiver<Job>,
    pub(super) compactor: Sender<Poke>,
    /// Nothing comes here: it is cut off when all who read have closed their connections.
    pub(super) others: Receiver<Infallible>,
    pub(super) counts: Arc<Counts>,
    pub(super) catalogue: Catalogue,
    pub(super) retention: Retention,
    pub(super) epoch: Epoch,
    /// The last number that was written.
    pub(super) written: Seq,
    pub(super) checkpoint_at: Instant,
    /// A block has come in since.
    pub(super) has_block: bool,
    /// There is no folder to keep things in: samples are not written.
    pub(super) volatile: bool,
}

impl Writer {
    /// Writes until the store is closed. Blocks; for a thread of its own.
    pub fn run(mut self) {
        let mut jobs: Vec<Job> = Vec::new();
        let mut failing: Option<Duration> = None;
        let mut open = true;
        while open {
            match failing {
                None => match self.wait() {
                    Ok(job) => jobs.push(job),
                    Err(RecvTimeoutError::Timeout) => {
                        self.checkpoint();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                },
                Some(wait) => self.gather(&mut jobs, wait),
            }
            let room = GROUP.saturating_sub(jobs.len());
            jobs.extend(self.inlet.try_iter().take(room));
            open = !jobs.iter().any(|job| matches!(job, Job::Close(_)));
            match self.write(&jobs) {
                Ok(()) => {
                    if failing.take().is_some() {
                        tracing::info!("the store can be written again");
                        // What it made meanwhile was not taken.
                        let _ = self.compactor.send(Poke::Installed);
                    }
                    self.counts.failing.store(false, Ordering::Relaxed);
                    self.done(&jobs, &self.counts.written);
                    for job in jobs.drain(..) {
                        if let Job::Notifications(_, done) = job
                            && let Some(done) = done.into_inner()
                        {
                            // Whoever asked may have gone on without it.
                            let _ = done.send(());
                        }
                    }
                    self.checkpoint();
                }
                Err(error) => {
                    self.counts.failed.fetch_add(1, Ordering::Relaxed);
                    self.counts.failing.store(true, Ordering::Relaxed);
                    self.counts.eased.notify_waiters();
                    if failing.is_none() {
                        tracing::error!(%error, "the store cannot be written; streams and alerts go on, and it is tried again");
                    }
                    // What the compactor did is not gone: it finds it to do again.
                    jobs.retain(|job| !matches!(job, Job::Compacted(_)));
                    failing = Some(failing.map_or(FIRST_WAIT, |wait| (wait * 2).min(LONGEST_WAIT)));
                    if !open {
                        tracing::error!(
                            jobs = jobs.len(),
                            "the store is closed without what waited"
                        );
                        self.done(&jobs, &self.counts.dropped);
                    }
                }
            }
        }
        self.copy_log();
        // SQLite takes its log and the index of it out of the folder with the last connection, if that is one that writes.
        drop((self.inlet, self.compactor));
        let _ = self.others.recv_timeout(FAREWELL);
        if let Err((_, error)) = self.database.close() {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }

    /// The next job, or the time of the next checkpoint.
    fn wait(&self) -> Result<Job, RecvTimeoutError> {
        match self.checkpoint_due() {
            None => self
                .inlet
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                self.inlet.recv_timeout(left)
            }
        }
    }

    /// When there is something to copy out of the write-ahead log.
    fn checkpoint_due(&self) -> Option<Instant> {
        match self.counts.wal_pages.load(Ordering::Relaxed) {
            0 => None,
            1..CHECKPOINT_PAGES if !self.has_block => Some(self.checkpoint_at + CHECKPOINT_MOST),
            _ => Some(self.checkpoint_at + CHECKPOINT_LEAST),
        }
    }

    fn checkpoint(&mut self) {
        if self
            .checkpoint_due()
            .is_some_and(|due| due <= Instant::now())
        {
            self.checkpoint_at = Instant::now();
            self.copy_log();
        }
    }

    /// Copies the write-ahead log into the database proper and empties it. A reader at work may hold that up: then it is
    /// done the next time.
    fn copy_log(&mut self) {
        let done = self
            .database
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match done {
            Ok(true) => {}
            Ok(false) => {
                self.counts.wal_pages.store(0, Ordering::Relaxed);
                self.has_block = false;
            }
            Err(error) => {
                tracing::warn!(%error, "the store's log could not be copied into it, and grows until it can");
            }
        }
    }

    /// Takes in what comes until it is time to try again.
    fn gather(&self, jobs: &mut Vec<Job>, wait: Duration) {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.inlet.recv_timeout(left) {
                Ok(Job::Compacted(_)) => {}
                Ok(job) => {
                    let last = matches!(job, Job::Close(_));
                    jobs.push(job);
                    if last {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn done(&self, jobs: &[Job], counter: &std::sync::atomic::AtomicU64) {
        let counted = |job: &&Job| !matches!(job, Job::Compacted(_) | Job::Close(_));
        let count = jobs.iter().filter(counted).count() as u64;
        let weight: usize = jobs.iter().map(Job::weight).sum();
        counter.fetch_add(count, Ordering::Relaxed);
        self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
        self.counts
            .waiting_bytes
            .fetch_sub(weight, Ordering::Relaxed);
        self.counts.eased.notify_waiters();
    }

    pub(super) fn write(&mut self, jobs: &[Job]) -> rusqlite::Result<()> {
        let first_new = self.catalogue.next_number();
        let (boot, catalogue) = (self.epoch.boot, &self.catalogue);
        // It will write: so it waits for whoever else does, and does not fail because somebody began in between.
        let transaction = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut rows = Rows::new(boot, catalogue, self.volatile);
        let mut poke = None;
        let mut write = || {
            for job in jobs {
                match job {
                    Job::Entries { entries, engine } => {
                        for entry in entries {
                            rows.entry(&transaction, entry)?;
                        }
                        if let Some((now, state)) = engine {
                            write_engine(&transaction, *now, state)?;
                        }
                    }
                    Job::Dismiss(ids) => {
                        let mut delete = transaction
                            .prepare_cached("DELETE FROM alerts WHERE id = ?1 AND is_open = 0")?;
                        for id in ids {
                            delete.execute([id.to_string()])?;
                        }
                    }
                    Job::Rule(change) => change.write(&transaction)?,
                    Job::Notifications(changes, _) => {
                        for change in changes {
                            change.write(&transaction)?;
                        }
                    }
                    Job::Compacted(work) => {
                        work.install(&transaction, catalogue)?;
                        poke = Some(Poke::Installed);
                    }
                    Job::Close(now) => {
                        rows.finish(&transaction)?;
                        let last = i64::try_from(rows.last.max(self.written)).unwrap_or(i64::MAX);
                        transaction.execute(
                            "UPDATE epochs SET last_seq = ?2, ended_ms = ?3 WHERE boot = ?1",
                            params![boot, last, now.as_millis()],
                        )?;
                    }
                }
            }
            rows.finish(&transaction)
        };
        let written = write().and_then(|()| transaction.commit());
        if let Err(error) = written {
            self.catalogue.forget_from(first_new);
            return Err(error);
        }
        self.written = self.written.max(rows.last);
        self.counts
            .samples
            .fetch_add(rows.samples, Ordering::Relaxed);
        let of_rows = rows.poke();
        self.has_block |= poke.is_some();
        if poke.is_some() && self.enforce_retention() {
            poke = Some(Poke::Crowded);
        }
        if let Some(poke) = poke.or(of_rows) {
            // It is gone only when everything ends.
            let _ = self.compactor.send(poke);
        }
        Ok(())
    }

    /// What was written is written, whatever comes of this: if it cannot be done now, it is with the next block.
    fn enforce_retention(&mut self) -> bool {
        let done = retention::enforce(
            &mut self.database,
            &self.catalogue,
            &self.retention,
            &self.counts,
        );
        done.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is too old or too much could not be taken out of the store");
            false
        })
    }
}

/// A number as SQLite has them.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
