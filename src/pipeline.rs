//! The one ordered path that every batch, alert and line of the feed takes.
//!
//! It goes in whole turns (`turns`): readers see the state of a turn whole or not at all, so a snapshot and the
//! position it carries always belong together. One task reads the inlet and does them; a small push that finds nobody
//! before it does its own, in the thread that read it ([`Inlet::push`]). Nothing is encoded here and nothing waits
//! here: the store has an inlet of its own.

mod commands;
pub mod inlet;
mod layouts;
pub mod live;
mod turn;
mod turns;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::mpsc, time::Interval};
use tokio_util::sync::CancellationToken;

pub use self::{
    inlet::{AlertCommand, Busy, Inlet, Outcome, Unknown},
    live::{Live, LiveState},
    turn::{activity_fields, alert_fields},
};
use self::{
    inlet::{Message, Waiting},
    turns::Turns,
};
use crate::{
    alerts::Engine,
    model::{AlertEvent, Clock, SourceId},
    series::Writer,
    store::Store,
    stream::Stream,
};

/// Messages taken in one turn, at most.
const TURN: usize = 256;

/// What the pipeline is made of.
pub struct Parts {
    /// The clock everybody uses.
    pub clock: Arc<Clock>,
    /// The registry's one writer.
    pub writer: Writer,
    /// The alert engine, restored.
    pub engine: Engine,
    /// Where readers look.
    pub live: Live,
    /// Where events go.
    pub stream: Stream,
    /// What remembers.
    pub store: Store,
    /// Series that received nothing for this long are forgotten.
    pub series_idle: Duration,
}

/// See the module.
pub struct Pipeline {
    /// A lock that a panic breaks: what a turn has left half done is not gone on with.
    turns: Arc<Mutex<Turns>>,
    inlet: mpsc::Receiver<Message>,
    waiting: Waiting,
}

impl Pipeline {
    /// A pipeline and the inlet to it, which holds at most `queue` messages and refuses more.
    pub fn new(parts: Parts, queue: usize) -> (Self, Inlet) {
        let (sender, inlet) = mpsc::channel(queue);
        let turns = Arc::new(Mutex::new(Turns::new(parts)));
        let waiting = Waiting::default();
        let pipeline = Self {
            turns: turns.clone(),
            inlet,
            waiting: waiting.clone(),
        };
        (pipeline, Inlet::new(sender, turns, waiting))
    }

    /// Publishes the transitions with which a restart begins: alerts whose rule is gone.
    pub fn restored(&self, events: Vec<AlertEvent>) {
        self.turn(|turns| turns.restored(events));
    }

    /// Runs until `stop`, then takes what is still in the inlet, saves the engine's state and ends.
    /// What is due by the clock is looked at with each `second`.
    pub async fn run(mut self, mut second: Interval, stop: CancellationToken) {
        let mut messages = Vec::with_capacity(TURN);
        loop {
            tokio::select! {
                taken = self.inlet.recv_many(&mut messages, TURN) => {
                    if taken == 0 {
                        break;
                    }
                    self.messages(&mut messages);
                }
                _ = second.tick() => self.turn(Turns::second),
                () = stop.cancelled() => break,
            }
        }
        self.inlet.close();
        while let Ok(message) = self.inlet.try_recv() {
            messages.push(message);
        }
        self.messages(&mut messages);
        self.turn(Turns::save);
    }

    fn messages(&self, messages: &mut Vec<Message>) {
        let taken = messages.len();
        self.turn(|turns| {
            turns.messages(messages);
            self.waiting.less(taken);
        });
    }

    /// Panics if a turn has panicked before, wherever that was: then the inlet closes, and everybody is refused.
    fn turn(&self, work: impl FnOnce(&mut Turns)) {
        match self.turns.lock() {
            Ok(mut turns) => work(&mut turns),
            Err(_) => panic!("a turn broke off"),
        }
    }
}

/// The name of the source that pushed samples belong to.
pub fn push_source() -> SourceId {
    SourceId::new("push")
}
