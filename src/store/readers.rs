//! The threads on which the past is read: two, with a connection each, so that no async thread ever waits for a disk.
//!
//! Whoever wants something hands over what to read and gets a [`Pending`]. At most 1,024 wait; one more is refused
//! ([`Busy`]), and so is everything when no thread is left that could read. Each piece of reading is meant to be short: who needs much asks again and again, so that all get their turn.

use std::{
    collections::VecDeque,
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc::Sender},
};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::{
    Counts,
    catalogue::Catalogue,
    compactor,
    past::unpacked::{self, Unpacked},
    schema,
};
use crate::entry::pending::{self, Busy, Pending};

/// How many threads read.
const THREADS: usize = 2;
/// How much may wait for them.
const QUEUE: usize = 1024;
/// Bytes that were allocated and freed once: twice as much glibc then keeps at hand for each thread. By itself it gives the
/// memory of each column back to the system, and fetches it again for the next.
const AT_HAND: usize = 1 << 20;

/// What a reader has at hand.
pub struct Stored<'a> {
    /// The database.
    pub database: &'a Connection,
    /// The series.
    pub catalogue: &'a Catalogue,
    /// What is counted.
    pub counts: &'a Counts,
    /// What replays unpacked; shared by all readers.
    pub unpacked: &'a Unpacked,
}

impl Stored<'_> {
    /// Counts something that could not be read, and says so.
    pub fn unreadable(&self, error: &dyn std::fmt::Display) {
        self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "a stretch of the past cannot be read and is passed over");
    }
}

type Read = Box<dyn FnOnce(&Stored<'_>) + Send>;

/// The way to the readers; a cheap handle.
#[derive(Clone)]
pub struct Readers(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    more: Condvar,
    unpacked: Unpacked,
}

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    closed: bool,
    /// Threads that read, or will.
    threads: usize,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// One of the threads, to be run.
pub struct Reader {
    shared: Arc<Shared>,
    file: Option<PathBuf>,
    catalogue: Catalogue,
    counts: Arc<Counts>,
    /// Dropped when its connection is closed.
    _is_open: Sender<Infallible>,
}

impl Readers {
    pub(super) fn new(
        file: Option<PathBuf>,
        catalogue: &Catalogue,
        counts: &Arc<Counts>,
        is_open: Sender<Infallible>,
    ) -> (Self, Vec<Reader>) {
        let waiting = Waiting {
            threads: THREADS,
            ..Waiting::default()
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            more: Condvar::new(),
            unpacked: Unpacked::default(),
        });
        let reader = || Reader {
            shared: shared.clone(),
            file: file.clone(),
            catalogue: catalogue.clone(),
            counts: counts.clone(),
            _is_open: is_open.clone(),
        };
        let readers = (0..THREADS).map(|_| reader()).collect();
        (Self(shared), readers)
    }

    /// Has something read.
    pub fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Stored<'_>) -> T + Send + 'static,
    ) -> Result<Pending<T>, Busy> {
        let (answer, pending) = pending::pending();
        let mut waiting = self.0.waiting.lock();
        if waiting.closed || waiting.threads == 0 || waiting.reads.len() >= QUEUE {
            return Err(Busy);
        }
        waiting
            .reads
            .push_back(Box::new(move |stored| answer.give(read(stored))));
        drop(waiting);
        self.0.more.notify_one();
        Ok(pending)
    }

    /// Lets the threads end; what waits is given up.
    pub(super) fn close(&self) {
        let mut waiting = self.0.waiting.lock();
        waiting.closed = true;
        let given_up = std::mem::take(&mut waiting.reads);
        drop(waiting);
        drop(given_up);
        self.0.more.notify_all();
    }

    /// Whether nothing can be read any more, though the store is open.
    pub fn are_gone(&self) -> bool {
        let waiting = self.0.waiting.lock();
        waiting.threads == 0 && !waiting.closed
    }
}

/// However a thread ends: when it was the last, nobody waits for it.
impl Drop for Reader {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting.lock();
        waiting.threads -= 1;
        if waiting.threads == 0 {
            let given_up = std::mem::take(&mut waiting.reads);
            drop(waiting);
            drop(given_up);
        }
    }
}

impl Reader {
    /// Reads until the store is closed. Blocks; for a thread of its own.
    pub fn run(self) {
        let opened = match &self.file {
            Some(file) => compactor::open(file),
            // Where nothing is kept there is nothing to be found.
            None => Connection::open_in_memory().and_then(|mut database| {
                schema::prepare(&mut database)?;
                Ok(database)
            }),
        };
        let database = match opened {
            Ok(database) => database,
            Err(error) => {
                tracing::error!(%error, "the past cannot be read: the store cannot be opened once more");
                return;
            }
        };
        let stored = Stored {
            database: &database,
            catalogue: &self.catalogue,
            counts: &self.counts,
            unpacked: &self.shared.unpacked,
        };
        drop(std::hint::black_box(Vec::<u8>::with_capacity(AT_HAND)));
        while let Some(read) = self.next() {
            let read = std::panic::AssertUnwindSafe(|| read(&stored));
            if std::panic::catch_unwind(read).is_err() {
                self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
                tracing::error!("reading the past broke off; who asked is told");
            }
        }
    }

    fn next(&self) -> Option<Read> {
        let mut waiting = self.shared.waiting.lock();
        loop {
            if let Some(read) = waiting.reads.pop_front() {
                return Some(read);
            }
            if waiting.closed {
                return None;
            }
            let unpacked = &self.shared.unpacked;
            if unpacked.is_empty() {
                self.shared.more.wait(&mut waiting);
            } else {
                self.shared.more.wait_for(&mut waiting, unpacked::IDLE);
                unpacked.forget_idle();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn nobody_waits_for_threads_that_cannot_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let nowhere = folder.path().join("nothing/tickwire.db");
        let known = (Catalogue::default(), Arc::default());
        let (readers, threads) = Readers::new(Some(nowhere), &known.0, &known.1, channel().0);
        let early = readers.read(|_| ()).unwrap();
        let mut threads = threads.into_iter();
        threads.next().unwrap().run();
        assert!(early.take().is_none(), "the other one may");
        threads.for_each(Reader::run);
        assert_eq!(early.take(), Some(Err(Busy)));
        assert_eq!(readers.read(|_| ()).unwrap_err(), Busy);
        assert!(readers.are_gone());
    }
}
