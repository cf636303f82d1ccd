//! What survives a restart: every sample, alerts, the feed, epochs, and the state of the alert engine, in one SQLite file in
//! the data folder.
//!
//! - [`writer`]: the one thread that writes. Handing something over never waits; what is more than `store.queue` is
//!   dropped and counted
//! - [`journal`]: what was received last, durable at once
//! - [`compactor`]: makes [`block`]s of it, in which a sample takes a fraction of a byte, and coarser tiers ([`aggregate`])
//! - [`retention`]: what is kept how long
//! - [`catalogue`]: the series, by number
//! - [`care`]: copies and checks, from outside
//! - [`readers`]: threads on which the past is read; [`past`] as it was streamed, [`history`] series by series,
//!   [`alerts`]
//! - [`rows`]: what all of them find in the database; [`mod@column`], [`bytes`]: how it is written

pub mod aggregate;
pub mod alerts;
pub mod block;
pub mod bytes;
pub mod care;
pub mod catalogue;
pub mod column;
pub mod compactor;
pub mod history;
pub mod journal;
pub mod past;
pub mod readers;
pub mod retention;
pub mod rows;
mod schema;
#[cfg(test)]
mod tests;
pub mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{SyncSender, channel, sync_channel},
    },
    time::Instant,
};

use rusqlite::{Connection, ErrorCode};
use uuid::Uuid;

use self::{
    catalogue::Catalogue,
    compactor::Compactor,
    readers::Readers,
    retention::Retention,
    writer::{Job, Writer},
};
use crate::{
    entry::Entry,
    model::{AlertEvent, Epoch, Timestamp},
};

/// Jobs that may wait for the writer.
const QUEUE: usize = 1024;
/// The database's file name in the data folder.
pub const FILE: &str = "tickwire.db";
/// The lock's file name.
const LOCK: &str = "tickwire.lock";

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, or not written to, and that will not pass.
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

impl OpenError {
    fn newer(file: &Path, found: i64) -> Self {
        Self::Newer {
            file: file.to_owned(),
            found,
            known: schema::VERSION,
        }
    }
}

/// What was read is not what was written: which piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored data is damaged: {0} is not as it was written")]
pub struct Damaged(pub &'static str);

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Now.
    pub now: Timestamp,
    /// The random part of the new epoch.
    pub suffix: u32,
    /// Resolved alerts that are kept.
    pub history: usize,
    /// Bytes that may wait for the writer.
    pub queue_bytes: usize,
    /// What is kept how long.
    pub retention: Retention,
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
    /// What people have to be told: the store is not what they think it is.
    pub notice: Option<String>,
}

/// The threads of a store, to be run by who opened it; they end when it is closed.
pub struct Threads {
    /// Writes.
    pub writer: Writer,
    /// Makes blocks. None where nothing is kept.
    pub compactor: Option<Compactor>,
    /// Read.
    pub readers: Vec<readers::Reader>,
}

/// A life that has begun, before there are threads.
struct Begun {
    database: Connection,
    past: Past,
    catalogue: Catalogue,
}

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
}

impl Store {
    /// Opens the store in `folder`, makes it if there is none, and begins a new epoch. A damaged database is set aside and
    /// a new one begun; while the folder cannot be written to (a full or read-only disk, missing rights), nothing is kept. Both are said in [`Past::notice`].
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Threads, Past), OpenError> {
        let file = folder.join(FILE);
        let lock = match lock(folder) {
            Err(OpenError::Folder { source, .. }) if may_pass(&source) => {
                return Self::unkept(folder, &source, options);
            }
            lock => lock?,
        };
        let mut notice = None;
        let begun = match Self::begin(&file, &options) {
            Err(OpenError::Database { source, .. }) if is_damaged(&source) => {
                let aside = set_aside(&file, options.now)?;
                let text = format!(
                    "the database was damaged ({source}) and is now {}; a new one was begun, without what was in it",
                    aside.display()
                );
                tracing::error!("{text}");
                notice = Some(text);
                Self::begin(&file, &options)?
            }
            Err(OpenError::Database { source, .. }) if is_unwritable(&source) => {
                return Self::unkept(folder, &source, options);
            }
            begun => begun?,
        };
        Self::on(begun, Some(file), Some(lock), notice, options)
    }

    /// One that keeps nothing, because the folder cannot be written to for now.
    fn unkept(
        folder: &Path,
        reason: &dyn std::error::Error,
        options: Options,
    ) -> Result<(Self, Threads, Past), OpenError> {
        let shown = folder.display();
        let notice = format!(
            "nothing is kept: cannot write to the data folder {shown} ({reason}); what is streamed is not in the history, and gone with a restart"
        );
        tracing::error!("{notice}");
        let file = Path::new(":memory:");
        let begun = Self::begin(file, &options)?;
        Self::on(begun, None, None, notice.into(), options)
    }

    /// Begins a life in a database; what it knows of those before.
    fn begin(file: &Path, options: &Options) -> Result<Begun, OpenError> {
        let broken = |source| OpenError::Database {
            file: file.to_owned(),
            source,
        };
        let mut database = Connection::open(file).map_err(broken)?;
        if let Some(found) = schema::prepare(&mut database).map_err(broken)? {
            return Err(OpenError::newer(file, found));
        }
        let past = schema::begin(&mut database, options.now, options.suffix, options.history);
        Ok(Begun {
            past: past.map_err(broken)?,
            catalogue: Catalogue::load(&database).map_err(broken)?,
            database,
        })
    }

    fn on(
        begun: Begun,
        file: Option<PathBuf>,
        lock: Option<File>,
        notice: Option<String>,
        options: Options,
    ) -> Result<(Self, Threads, Past), OpenError> {
        let broken = |source| OpenError::Database {
            file: file.clone().unwrap_or_default(),
            source,
        };
        let Begun {
            mut database,
            mut past,
            catalogue,
        } = begun;
        past.notice = notice;
        let counts = Arc::new(Counts::default());
        let pages = counts.clone();
        database
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
                let count = u64::try_from(count).unwrap_or(0);
                pages.wal_pages.store(count, Ordering::Relaxed);
                Ok(())
            }))
            .map_err(broken)?;
        let (jobs, inlet) = sync_channel(QUEUE);
        let (poke, pokes) = channel();
        let compactor = file.clone().map(|file| Compactor {
            file,
            boot: past.epoch.boot,
            inlet: pokes,
            writer: jobs.clone(),
            counts: counts.clone(),
        });
        let (reads, readers) = Readers::new(file, &catalogue, &counts);
        let volatile = lock.is_none();
        let writer = Writer {
            database,
            volatile,
            _lock: lock,
            inlet,
            compactor: poke,
            counts: counts.clone(),
            catalogue: catalogue.clone(),
            retention: options.retention,
            epoch: past.epoch,
            written: 0,
            checkpoint_at: Instant::now(),
        };
        let store = Self(Arc::new(Inner {
            jobs,
            counts,
            catalogue,
            readers: reads,
            queue_bytes: options.queue_bytes,
            epoch: past.epoch,
            is_kept: !volatile,
        }));
        let threads = Threads {
            writer,
            compactor,
            readers,
        };
        Ok((store, threads, past))
    }

    /// Records what happened, in the order of its numbers, and the engine's state after it, in one transaction.
    pub fn entries(&self, entries: Vec<Arc<Entry>>, engine: Option<(Timestamp, String)>) {
        self.hand_over(Job::Entries { entries, engine });
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
        let dropped = match before + weight > self.0.queue_bytes && before > 0 {
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

/// Whether a folder that cannot be written to now may be written to another day: then the server runs without it. Anything
/// else (a file in its place) is a mistake in the configuration, better said at once.
fn may_pass(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
    )
}

/// Takes the folder for this process.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Folder {
        folder: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let lock = File::create(folder.join(LOCK)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Whether a database cannot be written to for now: its disk is full, fails, or is read-only.
fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly)
    )
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Renames a database and its write-ahead log, so that somebody may look at them; what it is called now.
fn set_aside(file: &Path, now: Timestamp) -> Result<PathBuf, OpenError> {
    let name = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    let aside = format!(".damaged-{}", now.as_millis());
    for of in ["", "-wal", "-shm"] {
        let from = name(of);
        if of.is_empty() || from.exists() {
            let to = name(&format!("{aside}{of}"));
            std::fs::rename(&from, to).map_err(|source| OpenError::Folder {
                folder: file.to_owned(),
                source,
            })?;
        }
    }
    Ok(name(&aside))
}
