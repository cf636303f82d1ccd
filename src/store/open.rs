//! How a store is opened: the folder taken, the database made or brought up to date, the threads made ready, a new epoch begun.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{channel, sync_channel},
    },
    time::Instant,
};

use rusqlite::{Connection, ErrorCode};

use super::{
    Counts, Inner, Store,
    catalogue::Catalogue,
    compactor::Compactor,
    notifications::Left,
    readers::{Reader, Readers},
    retention::Retention,
    schema,
    writer::Writer,
};
use crate::{
    model::{Activity, AlertEvent, Epoch, Timestamp},
    rules::Edit,
};

/// Jobs that may wait for the writer.
pub(super) const QUEUE: usize = 1024;
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
    pub(super) fn newer(file: &Path, found: i64) -> Self {
        Self::Newer {
            file: file.to_owned(),
            found,
            known: schema::VERSION,
        }
    }
}

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
    /// The annotations that stood; those that came first before others.
    pub annotations: Vec<Activity>,
    /// The engine's state as JSON, and when it was saved.
    pub engine: Option<(Timestamp, String)>,
    /// The rules that people made or changed.
    pub rules: Vec<Edit>,
    /// What is still to be told to people.
    pub notifications: Left,
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
    pub readers: Vec<Reader>,
}

/// A life that has begun, before there are threads.
struct Begun {
    database: Connection,
    past: Past,
    catalogue: Catalogue,
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
        let (is_open, others) = channel();
        let compactor = file.clone().map(|file| Compactor {
            file,
            boot: past.epoch.boot,
            inlet: pokes,
            writer: jobs.clone(),
            counts: counts.clone(),
            max_bytes: options.retention.max_bytes,
            _is_open: is_open.clone(),
        });
        let (reads, readers) = Readers::new(file, &catalogue, &counts, is_open);
        let volatile = lock.is_none();
        let writer = Writer {
            database,
            volatile,
            _lock: lock,
            inlet,
            compactor: poke,
            others,
            counts: counts.clone(),
            catalogue: catalogue.clone(),
            retention: options.retention,
            epoch: past.epoch,
            written: 0,
            checkpoint_at: Instant::now(),
            has_block: false,
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
