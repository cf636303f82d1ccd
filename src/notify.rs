//! Telling people: who is told of what, how, and what became of it.
//!
//! It follows the transitions of alerts in the log, as any reader does, and remembers in the store up to where it has taken
//! them, in one transaction with the messages it made of them. So a transition that is kept is told even if the server ends in
//! between, and a message is written down before it is sent: sent at least once, each time under the same id.
//!
//! - [`plan`]: who is to be told of a transition. Pure
//! - [`message`]: what a message says
//! - [`channel`]: sending it, one file a kind of channel
//! - [`retry`]: when it is tried again. Pure
//! - `run`: the task that does all of it, one message of a channel at a time
//!
//! Bounds: `notify.queue` messages wait for a channel; one more drops the oldest reminder, or else the oldest message, which the
//! ledger then calls dropped.

pub mod channel;
pub mod message;
pub mod plan;
pub mod retry;
mod run;
pub mod said;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub use self::run::{Parts, Runner};
use crate::{
    config,
    model::{Attempt, Timestamp},
};

/// The most tests of channels at once; each may take as long as its channel's `timeout`.
const TESTS: usize = 4;

/// What is configured, and what links begin with.
#[derive(Debug)]
pub struct Settings {
    /// `[notify]`, `[[channels]]`, `[[routes]]`
    pub notify: config::Notify,
    /// The beginning of links.
    pub base: String,
    /// What that is where nothing is configured: the address that is listened on.
    pub own_base: String,
}

impl Settings {
    /// What is configured, on a server that listens there.
    pub fn new(notify: config::Notify, own_base: String) -> Self {
        Self {
            base: notify.url.clone().unwrap_or_else(|| own_base.clone()),
            notify,
            own_base,
        }
    }
}

/// How a channel does.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ChannelStatus {
    /// Messages that wait.
    pub waiting: usize,
    /// Messages it took since the start of the server.
    pub sent: u64,
    /// Messages it did not take and never will.
    pub failed: u64,
    /// The newest attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Attempt>,
    /// When it is tried again, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<Timestamp>,
}

/// Why a channel was not tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untested {
    /// There is none of this name.
    #[error("there is no channel {0:?}")]
    Unknown(String),
    /// As many are being tried as may.
    #[error(
        "{TESTS} tests of channels are under way, which is the most at once; try again when one of them is over"
    )]
    TooMany,
    /// There is nobody to try it any more.
    #[error("the channel has just been taken out, or the server is stopping")]
    Gone,
}

/// The notifier; a cheap handle.
#[derive(Debug, Clone)]
pub struct Notifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: ArcSwap<Settings>,
    /// The settings have changed since the runner looked at them.
    configured: Notify,
    tests: mpsc::Sender<Test>,
    /// One permit for each test that may be under way.
    places: Arc<Semaphore>,
    status: Mutex<BTreeMap<Arc<str>, ChannelStatus>>,
    /// Messages that were sent without having been written down, because the store could not.
    unrecorded: AtomicU64,
}

/// Somebody tries a channel.
#[derive(Debug)]
struct Test {
    channel: Arc<str>,
    reply: oneshot::Sender<Attempt>,
    /// Given back when it is over, whether or not anybody still waits for that.
    place: OwnedSemaphorePermit,
}

impl Test {
    /// It is over.
    fn end(self, attempt: Attempt) {
        // Whoever has the answer may try the next.
        drop(self.place);
        // Whoever tried it may have gone.
        let _ = self.reply.send(attempt);
    }
}

impl Notifier {
    /// A notifier, and what runs it.
    pub fn new(settings: Settings, parts: Parts) -> (Self, Runner) {
        // There is room for all that have a place.
        let (tests, inlet) = mpsc::channel(TESTS);
        let notifier = Self(Arc::new(Shared {
            settings: ArcSwap::from_pointee(settings),
            configured: Notify::new(),
            tests,
            places: Arc::new(Semaphore::new(TESTS)),
            status: Mutex::default(),
            unrecorded: AtomicU64::new(0),
        }));
        let runner = Runner::new(notifier.clone(), inlet, parts);
        (notifier, runner)
    }

    /// What is configured now.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    /// From here on this is configured. What waits for a channel that is gone is dropped, and the ledger says so.
    pub fn configure(&self, notify: config::Notify) {
        let own_base = self.settings().own_base.clone();
        let settings = Settings::new(notify, own_base);
        self.0.settings.store(Arc::new(settings));
        self.0.configured.notify_one();
    }

    /// Tries a channel, past whatever waits for it; at most four at once.
    pub async fn test(&self, name: &str) -> Result<Attempt, Untested> {
        let settings = self.settings();
        let channel = settings.notify.channels.iter().find(|c| &*c.name == name);
        let channel = channel.ok_or_else(|| Untested::Unknown(name.chars().take(80).collect()))?;
        let place = self.0.places.clone().try_acquire_owned();
        let (reply, attempt) = oneshot::channel();
        let test = Test {
            channel: channel.name.clone(),
            reply,
            place: place.map_err(|_| Untested::TooMany)?,
        };
        let sent = self.0.tests.try_send(test);
        sent.map_err(|_| Untested::Gone)?;
        attempt.await.map_err(|_| Untested::Gone)
    }

    /// How each channel does, by name.
    pub fn status(&self) -> BTreeMap<Arc<str>, ChannelStatus> {
        self.0.status.lock().clone()
    }

    /// Messages that were sent without having been written down.
    pub fn unrecorded(&self) -> u64 {
        self.0.unrecorded.load(Ordering::Relaxed)
    }
}
