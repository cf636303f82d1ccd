//! The streaming core: one ordered log, and however many clients read it.
//!
//! - [`log`]: the ordered, bounded log of samples, alerts and activity
//! - [`filter`], [`view`]: what a client asks for; clients that ask for the same share every byte
//! - [`encode`]: stretches of the log as bytes
//! - [`cursor`]: all that is held for one client
//! - [`replays`]: who may have the past encoded now, and who waits
//! - [`shard`]: the clients of one worker thread, woken together
//!
//! A tick is published by [`Stream::publish`] after it was appended to the log: one wake for each shard. The first
//! worker that needs a stretch for a view encodes it, for all.

pub mod counters;
pub mod cursor;
pub mod encode;
pub mod filter;
pub mod log;
pub mod replays;
pub mod shard;
pub mod view;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::{counters::Counters, log::Log, replays::Replays, view::Views};
use crate::{
    config,
    entry::{Entry, past::Archive},
    model::{Epoch, Seq},
};

/// The newest state of the server, as `status` events carry it.
#[derive(Debug, Default)]
pub struct Status {
    /// Counts the changes; 0 before there is one.
    pub version: u64,
    /// Its JSON fields after the type.
    pub fields: String,
}

/// The streaming core; a cheap handle.
#[derive(Debug, Clone)]
pub struct Stream(Arc<Inner>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

struct Inner {
    log: Log,
    views: Views,
    replays: Replays,
    shards: Mutex<Vec<Arc<Notify>>>,
    counters: Counters,
    status: ArcSwap<Status>,
    /// The head before the newest tick: whoever is past it keeps up.
    previous_head: AtomicU64,
    begun: Instant,
    /// When the newest tick was published, in nanoseconds from `begun`.
    published: AtomicU64,
    /// Woken when a tick has transitions of alerts.
    alerted: Notify,
    slow_after: Duration,
    draining: CancellationToken,
    archive: Option<Box<Archive>>,
}

impl Stream {
    /// An empty stream of this life of the server; `earlier` are the epochs the store knows, and `archive` reads what the
    /// log does not have, if anything is kept. When `draining` is cancelled its clients are told and ended.
    pub fn new(
        config: &config::Stream,
        epoch: Epoch,
        earlier: Vec<Epoch>,
        archive: Option<Box<Archive>>,
        draining: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            log: Log::new(epoch, earlier, config.log_bytes, config.alerts_kept),
            views: Views::new(config.max_views),
            replays: Replays::new(config.max_replays),
            shards: Mutex::default(),
            counters: Counters::default(),
            status: ArcSwap::default(),
            previous_head: AtomicU64::new(0),
            begun: Instant::now(),
            published: AtomicU64::new(0),
            alerted: Notify::new(),
            slow_after: config.slow_after,
            draining,
            archive,
        }))
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The views in use.
    pub fn views(&self) -> &Views {
        &self.0.views
    }

    /// Who may have the past encoded now.
    pub fn replays(&self) -> &Replays {
        &self.0.replays
    }

    /// What is counted.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// What reads the past that the log does not have; none where nothing is kept.
    pub fn archive(&self) -> Option<&Archive> {
        self.0.archive.as_deref()
    }

    /// Appends a tick and wakes every shard once. For the pipeline alone.
    pub fn publish(&self, entries: Vec<Arc<Entry>>) {
        let before = self.0.log.head();
        self.0.previous_head.store(before, Ordering::Release);
        let published = self.0.begun.elapsed().as_nanos() as u64;
        self.0.published.store(published, Ordering::Release);
        let alert = self.0.log.last_alert();
        self.0.log.append(entries);
        self.wake();
        if alert != self.0.log.last_alert() {
            self.0.alerted.notify_one();
        }
    }

    /// Woken after each tick that has transitions of alerts; for one who follows them.
    pub fn alerted(&self) -> &Notify {
        &self.0.alerted
    }

    /// The head before the newest tick.
    pub fn previous_head(&self) -> Seq {
        self.0.previous_head.load(Ordering::Acquire)
    }

    /// When the newest tick was published.
    pub fn published(&self) -> Instant {
        let published = self.0.published.load(Ordering::Acquire);
        self.0.begun + Duration::from_nanos(published)
    }

    /// A live reader whose oldest unsent sample is older than this gets conflated samples.
    pub fn slow_after(&self) -> Duration {
        self.0.slow_after
    }

    /// Sets the state of the server, and tells those who follow it.
    pub fn set_status(&self, fields: String) {
        let version = self.0.status.load().version + 1;
        self.0.status.store(Arc::new(Status { version, fields }));
        self.wake();
    }

    /// The state of the server as it was set last.
    pub fn status(&self) -> Arc<Status> {
        self.0.status.load_full()
    }

    /// Cancelled when the server is going away.
    pub fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    fn add_shard(&self, wake: Arc<Notify>) {
        self.0.shards.lock().push(wake);
    }

    fn wake(&self) {
        for shard in self.0.shards.lock().iter() {
            shard.notify_one();
        }
    }
}
