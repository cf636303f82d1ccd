//! The way into the pipeline: bounded, and never waited for by those who may not wait.
//!
//! When it is full a push is refused with [`Busy`] (503 and `Retry-After` to its sender); a source's own thread waits.
//! A small push that finds it empty and nobody at work does not go through it: it does its own turn, which saves the
//! way to the pipeline's thread and back.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::turns::Turns;
use crate::{
    model::{Activity, Batch, HostName, ProcessRow, SourceId},
    series::Refused,
};

/// Samples of a push that may do its own turn, at most: its thread has streams to serve.
const SMALL: usize = 256;

/// What became of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// Samples taken.
    pub accepted: usize,
    /// Samples not taken: their index in the batch, and why.
    pub refused: Vec<(usize, Refused)>,
}

/// What people do with alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertCommand {
    /// "I have seen it."
    Acknowledge(Uuid),
    /// Out of the list; an open one is acknowledged instead.
    Dismiss(Uuid),
    /// All resolved ones dismissed, all open ones acknowledged.
    Clear,
}

/// There is no alert of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no alert {0}")]
pub struct Unknown(pub Uuid);

/// The inlet is full, or the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many batches are waiting (key {}); try again", Self::KEY)]
pub struct Busy;

impl Busy {
    /// The key that says how many may wait.
    pub const KEY: &str = "ingest.queue";
}

#[derive(Debug)]
pub(super) enum Message {
    Batches {
        batches: Vec<Batch>,
        reply: oneshot::Sender<Vec<Outcome>>,
    },
    Activity(Activity),
    /// Transitions of a turn that was done elsewhere have to be saved.
    Save,
    Processes {
        host: HostName,
        rows: Vec<ProcessRow>,
    },
    SourceActs {
        source: SourceId,
        runs: bool,
    },
    Alerts {
        command: AlertCommand,
        reply: oneshot::Sender<Result<usize, Unknown>>,
    },
}

/// How many messages were sent and did not have their turn yet; more than are in the queue while some are taken out.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn more(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// So many had their turn.
    pub(super) fn less(&self, messages: usize) {
        self.0.fetch_sub(messages, Ordering::AcqRel);
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// The inlet; a cheap handle.
#[derive(Clone)]
pub struct Inlet {
    sender: mpsc::Sender<Message>,
    turns: Arc<Mutex<Turns>>,
    waiting: Waiting,
    refused: Arc<AtomicU64>,
}

impl Inlet {
    pub(super) fn new(
        sender: mpsc::Sender<Message>,
        turns: Arc<Mutex<Turns>>,
        waiting: Waiting,
    ) -> Self {
        Self {
            sender,
            turns,
            waiting,
            refused: Arc::default(),
        }
    }

    /// Hands over what was pushed in one request, which is taken in one turn, and tells what became of each batch.
    pub async fn push(&self, batches: Vec<Batch>) -> Result<Vec<Outcome>, Busy> {
        let batches = match self.push_now(batches) {
            Ok(outcomes) => return Ok(outcomes),
            Err(batches) => batches,
        };
        let (reply, outcomes) = oneshot::channel();
        let message = Message::Batches { batches, reply };
        self.try_send(message)?;
        outcomes.await.map_err(|_| Busy)
    }

    /// Does the turn of a push here and now, if it is small and nothing is before it; gives it back otherwise.
    fn push_now(&self, batches: Vec<Batch>) -> Result<Vec<Outcome>, Vec<Batch>> {
        let samples: usize = batches.iter().map(|batch| batch.values.len()).sum();
        if samples > SMALL {
            return Err(batches);
        }
        match self.turns.try_lock() {
            // The pipeline closes its end before its last turn.
            Ok(mut turns) if !self.waiting.any() && !self.sender.is_closed() => {
                let outcomes = turns.batches(batches)?;
                if turns.has_unsaved() {
                    // If there is no room, the turn of what is there saves it.
                    let _ = self.try_send(Message::Save);
                }
                Ok(outcomes)
            }
            _ => Err(batches),
        }
    }

    /// Hands over a line of the feed.
    pub fn activity(&self, activity: Activity) -> Result<(), Busy> {
        self.try_send(Message::Activity(activity))
    }

    /// From a source's own thread: hands over a batch, waiting for room, and tells what became of it.
    pub fn batch_blocking(&self, batch: Batch) -> Result<Outcome, Busy> {
        let (reply, outcomes) = oneshot::channel();
        let batches = vec![batch];
        let message = Message::Batches { batches, reply };
        self.send_blocking(message)?;
        let outcomes = outcomes.blocking_recv().map_err(|_| Busy)?;
        outcomes.into_iter().next().ok_or(Busy)
    }

    /// From a source's own thread: what a host is busy with.
    pub fn processes_blocking(&self, host: HostName, rows: Vec<ProcessRow>) {
        // A list that is lost is replaced by the next one.
        let _ = self.send_blocking(Message::Processes { host, rows });
    }

    /// From a source's own thread: a line of the feed.
    pub fn activity_blocking(&self, activity: Activity) {
        // The pipeline is gone only when the server stops, and then nobody reads the feed.
        let _ = self.send_blocking(Message::Activity(activity));
    }

    /// A source was started or stopped: the silence of a stopped one is not missing data. Not from an async thread.
    pub fn source_acts_blocking(&self, source: SourceId, runs: bool) {
        // The pipeline is gone only when the server stops, and its rules with it.
        let _ = self.send_blocking(Message::SourceActs { source, runs });
    }

    /// Does something to alerts; tells how many changed.
    pub async fn alerts(&self, command: AlertCommand) -> Result<Result<usize, Unknown>, Busy> {
        let (reply, outcome) = oneshot::channel();
        self.try_send(Message::Alerts { command, reply })?;
        outcome.await.map_err(|_| Busy)
    }

    fn try_send(&self, message: Message) -> Result<(), Busy> {
        self.waiting.more();
        self.sender.try_send(message).map_err(|_| {
            self.waiting.less(1);
            self.refused.fetch_add(1, Ordering::Relaxed);
            Busy
        })
    }

    fn send_blocking(&self, message: Message) -> Result<(), Busy> {
        self.waiting.more();
        self.sender.blocking_send(message).map_err(|_| {
            self.waiting.less(1);
            Busy
        })
    }

    /// How often there was no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Messages waiting, and how many may wait.
    pub fn depth(&self) -> (usize, usize) {
        let capacity = self.sender.max_capacity();
        (capacity - self.sender.capacity(), capacity)
    }
}
