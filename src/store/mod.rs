//! What survives a restart: epochs, alerts, and the state of the alert engine, in one SQLite file in the data folder.
//!
//! One thread writes ([`writer`]); handing something over never waits. Its inlet holds 1,024 jobs; past that a job
//! is dropped and counted, and the next save of the engine's state makes up for all but the history.

mod schema;
pub mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
};

use rusqlite::Connection;
use uuid::Uuid;

use self::writer::{Job, Writer};
use crate::model::{AlertEvent, Epoch, Position, Timestamp};

/// Jobs that may wait for the writer.
const QUEUE: usize = 1024;
/// The database's file name in the data folder.
pub const FILE: &str = "tickwire.db";
/// The lock's file name.
const LOCK: &str = "tickwire.lock";

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, or not written to.
    #[error("cannot write to the data folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Another server works on it.
    #[error("another tickwire is using the data folder {}; give this one its own with --data", .0.display())]
    InUse(PathBuf),
    /// The database cannot be opened or read.
    #[error("cannot open {}", file.display())]
    Database {
        /// The database.
        file: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// It was written by a newer tickwire.
    #[error("{} was written by a newer tickwire (schema {found}, this one knows {known})", file.display())]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
}

/// What was there when the store was opened.
#[derive(Debug)]
pub struct Past {
    /// The epoch of this life, stored already.
    pub epoch: Epoch,
    /// The epochs of earlier lives.
    pub earlier: Vec<Epoch>,
    /// Alerts that were open, or resolved and not dismissed, by their newest event; oldest first.
    pub alerts: Vec<AlertEvent>,
    /// The engine's state as JSON, and when it was saved.
    pub engine: Option<(Timestamp, String)>,
}

/// The store; a cheap handle.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: SyncSender<Job>,
    counts: Arc<Counts>,
}

/// What the store counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Jobs waiting.
    pub waiting: AtomicU64,
    /// Jobs written.
    pub written: AtomicU64,
    /// Jobs that SQLite refused.
    pub failed: AtomicU64,
    /// Jobs dropped because too many were waiting.
    pub dropped: AtomicU64,
}

impl Store {
    /// Opens the store in `folder`, makes it if there is none, and begins a new epoch. Keeps at most `history` resolved
    /// alerts. Returns the handle, the writer (to be run on a thread of its own), and the past.
    pub fn open(
        folder: &Path,
        now: Timestamp,
        suffix: u32,
        history: usize,
    ) -> Result<(Self, Writer, Past), OpenError> {
        let unusable = |source| OpenError::Folder {
            folder: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let file = folder.join(FILE);
        let broken = |source| OpenError::Database {
            file: file.clone(),
            source,
        };
        let mut database = Connection::open(&file).map_err(broken)?;
        if let Some(found) = schema::prepare(&mut database).map_err(broken)? {
            return Err(OpenError::Newer {
                file,
                found,
                known: schema::VERSION,
            });
        }
        let past = schema::begin(&mut database, now, suffix, history).map_err(broken)?;
        let (jobs, inlet) = sync_channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let writer = Writer::new(database, lock, inlet, counts.clone(), past.epoch);
        Ok((Self(Arc::new(Inner { jobs, counts })), writer, past))
    }

    /// Records transitions and the engine's state after them, in one transaction.
    pub fn alerts(&self, now: Timestamp, events: Vec<(Position, Arc<AlertEvent>)>, engine: String) {
        self.hand_over(Job::Alerts {
            now,
            events,
            engine,
        });
    }

    /// Records the engine's state.
    pub fn engine(&self, now: Timestamp, engine: String) {
        self.hand_over(Job::Engine { now, engine });
    }

    /// Takes resolved alerts out of what the next start brings back.
    pub fn dismiss(&self, ids: Vec<Uuid>) {
        self.hand_over(Job::Dismiss(ids));
    }

    /// Lets the writer end when all that waits is written.
    pub fn close(&self) {
        // The writer is gone already: then there is nothing to end.
        let _ = self.0.jobs.send(Job::Close);
    }

    /// What is counted.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    fn hand_over(&self, job: Job) {
        let counts = &self.0.counts;
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        if self.0.jobs.try_send(job).is_err() {
            counts.waiting.fetch_sub(1, Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
