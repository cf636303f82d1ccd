//! The way into the pipeline: bounded, and never waited for by those who may not wait.
//!
//! When it is full a push is refused with [`Busy`] (503 and `Retry-After` to its sender); a source's own thread waits.
//! A small push that finds it empty and nobody at work does not go through it: it does its own turn, which saves the
//! way to the pipeline's thread and back.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    mpsc::SyncSender,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{annotations::UnknownAnnotation, turns::Turns};
use crate::{
    model::{
        Activity, Batch, DeliveryEvent, HostName, Maintenance, Person, ProcessRow, Rule, Seq,
        Silence, SourceId,
    },
    rules::{MOST_EDITS, Unremovable},
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
#[derive(Debug, Clone, PartialEq)]
pub enum AlertCommand {
    /// "I have seen it."
    Acknowledge(Uuid),
    /// Out of the list; an open one is acknowledged instead.
    Dismiss(Uuid),
    /// All resolved ones dismissed, all open ones acknowledged.
    Clear,
    /// Nobody is told of some for a while.
    Silence(Box<Silence>),
    /// That silence ends now.
    Unsilence(Uuid),
    /// A rule is made, or takes the place of the one of its name.
    PutRule(Arc<Rule>),
    /// What was made or changed under this name goes.
    RemoveRule(String),
}

/// What the configuration says of alerts, when it is read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// The rules.
    pub rules: Vec<Arc<Rule>>,
    /// They are those that come with tickwire.
    pub is_shipped: bool,
    /// When people are not told, week after week.
    pub maintenance: Vec<Arc<Maintenance>>,
}

/// Why something was not done to alerts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such alert.
    #[error("there is no alert {0}")]
    Alert(Uuid),
    /// There is no such silence.
    #[error("there is no silence {0}; it may have ended")]
    Silence(Uuid),
    /// There are as many silences as there may be.
    #[error("there are {MOST_SILENCES} silences already, which is the most")]
    TooManySilences,
    /// A rule that cannot be taken out.
    #[error(transparent)]
    Rule(#[from] Unremovable),
    /// There are as many rules as there may be.
    #[error("there are {MOST_EDITS} rules already that people made or changed, which is the most")]
    TooManyRules,
}

/// Silences at once, at most.
pub const MOST_SILENCES: usize = 1000;

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
    Delivery(DeliveryEvent),
    Annotate {
        annotation: Activity,
        reply: oneshot::Sender<Seq>,
    },
    Withdraw {
        id: Uuid,
        reply: oneshot::Sender<Result<(), UnknownAnnotation>>,
    },
    /// Something was done elsewhere that is to be looked at after the turn: transitions have to be saved, or the inlet was
    /// closed.
    Look,
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
        by: Person,
        reply: oneshot::Sender<Result<usize, Refusal>>,
    },
    Configured(Box<Configured>),
}

/// What both ends of the inlet know of it: how many messages are in it, and whether it is closed; a cheap handle.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    /// Messages that were sent, or are about to be, and did not have their turn yet.
    waiting: AtomicUsize,
    /// How many may wait.
    room: usize,
    closed: AtomicBool,
}

impl Gate {
    pub(super) fn new(room: usize) -> Self {
        Self(Arc::new(State {
            waiting: AtomicUsize::new(0),
            room,
            closed: AtomicBool::new(false),
        }))
    }

    /// One more is about to be sent.
    fn enter(&self) -> Result<(), Busy> {
        if self.is_closed() {
            return Err(Busy);
        }
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// So many had their turn, or were not sent after all.
    pub(super) fn leave(&self, messages: usize) {
        self.0.waiting.fetch_sub(messages, Ordering::AcqRel);
    }

    fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

/// The inlet; a cheap handle.
#[derive(Clone)]
pub struct Inlet {
    sender: SyncSender<Message>,
    turns: Arc<Mutex<Turns>>,
    gate: Gate,
    refused: Arc<AtomicU64>,
}

impl Inlet {
    pub(super) fn new(sender: SyncSender<Message>, turns: Arc<Mutex<Turns>>, gate: Gate) -> Self {
        Self {
            sender,
            turns,
            gate,
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
            Ok(mut turns) if self.gate.waiting() == 0 && !self.gate.is_closed() => {
                let outcomes = turns.batches(batches)?;
                if turns.wants_look() {
                    // If there is no room, the turn of what is there saves it.
                    let _ = self.try_send(Message::Look);
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

    /// Hands over what became of a message to people.
    pub fn delivery(&self, event: DeliveryEvent) -> Result<(), Busy> {
        self.try_send(Message::Delivery(event))
    }

    /// Hands over an annotation; tells the number of its line.
    pub async fn annotate(&self, annotation: Activity) -> Result<Seq, Busy> {
        let (reply, number) = oneshot::channel();
        self.try_send(Message::Annotate { annotation, reply })?;
        number.await.map_err(|_| Busy)
    }

    /// Takes an annotation back.
    pub async fn withdraw(&self, id: Uuid) -> Result<Result<(), UnknownAnnotation>, Busy> {
        let (reply, outcome) = oneshot::channel();
        self.try_send(Message::Withdraw { id, reply })?;
        outcome.await.map_err(|_| Busy)
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
    pub async fn alerts(
        &self,
        command: AlertCommand,
        by: Person,
    ) -> Result<Result<usize, Refusal>, Busy> {
        let (reply, outcome) = oneshot::channel();
        self.try_send(Message::Alerts { command, by, reply })?;
        outcome.await.map_err(|_| Busy)
    }

    /// The configuration was read again. Not from an async thread.
    pub fn configured_blocking(&self, configured: Configured) {
        // The pipeline is gone only when the server stops, and its rules with it.
        let _ = self.send_blocking(Message::Configured(Box::new(configured)));
    }

    /// What closes it.
    pub fn closer(&self) -> Closer {
        Closer(self.clone())
    }

    fn try_send(&self, message: Message) -> Result<(), Busy> {
        self.gate.enter()?;
        self.sender.try_send(message).map_err(|_| {
            self.gate.leave(1);
            self.refused.fetch_add(1, Ordering::Relaxed);
            Busy
        })
    }

    fn send_blocking(&self, message: Message) -> Result<(), Busy> {
        self.gate.enter()?;
        self.sender.send(message).map_err(|_| {
            self.gate.leave(1);
            Busy
        })
    }

    /// How often there was no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Messages that wait for their turn or have it, and how many may wait.
    pub fn depth(&self) -> (usize, usize) {
        let room = self.gate.0.room;
        (self.gate.waiting().min(room), room)
    }
}

/// Lets nothing more in when it is dropped. What is in then has its turn, and the pipeline ends.
pub struct Closer(Inlet);

impl Drop for Closer {
    fn drop(&mut self) {
        let Inlet { gate, sender, .. } = &self.0;
        if gate.enter().is_ok() {
            gate.close();
            if sender.try_send(Message::Look).is_err() {
                // There is no room: then it is awake anyway. Or it has ended.
                gate.leave(1);
            }
        }
    }
}
