//! The one ordered path that every batch, alert and line of the feed takes.
//!
//! It goes in whole turns (`turns`): readers see the state of a turn whole or not at all, so a snapshot and the
//! position it carries always belong together. A thread of its own reads the inlet and does them; a small push that finds
//! nobody before it does its own, in the thread that read it ([`Inlet::push`]). Nothing is encoded here and nothing waits
//! here: the store has an inlet of its own.

pub mod annotations;
mod commands;
pub mod inlet;
mod layouts;
pub mod live;
mod turn;
mod turns;

use std::{
    iter,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

pub use self::{
    annotations::{Annotations, UnknownAnnotation},
    inlet::{AlertCommand, Busy, Closer, Configured, Inlet, Outcome, Refusal},
    live::{Live, LiveState},
    turn::{activity_fields, alert_fields},
};
use self::{
    inlet::{Gate, Message},
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
/// How often it is looked what is due by the clock.
const SECOND: Duration = Duration::from_secs(1);

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
    gate: Gate,
}

impl Pipeline {
    /// A pipeline and the inlet to it, which holds at most `queue` messages and refuses more.
    pub fn new(parts: Parts, queue: usize) -> (Self, Inlet) {
        let (sender, inlet) = mpsc::sync_channel(queue);
        let turns = Arc::new(Mutex::new(Turns::new(parts)));
        let gate = Gate::new(queue);
        let pipeline = Self {
            turns: turns.clone(),
            inlet,
            gate: gate.clone(),
        };
        (pipeline, Inlet::new(sender, turns, gate))
    }

    /// Publishes the transitions with which a restart begins: alerts whose rule is gone.
    pub fn restored(&self, events: Vec<AlertEvent>) {
        self.turn(|turns| turns.restored(events));
    }

    /// Runs until the inlet is closed, then takes what is still in it, saves the engine's state and ends. What is due by
    /// the clock is looked at each second, and then `each_second` has its turn on this thread: one wake-up for all.
    pub fn run(self, mut each_second: impl FnMut()) {
        let mut next = Instant::now();
        while !self.gate.is_closed() {
            let now = Instant::now();
            if now >= next {
                self.turn(Turns::second);
                each_second();
                // Seconds that were missed are left out.
                let regular = next + SECOND;
                next = if regular > now { regular } else { now + SECOND };
            }
            let left = next.saturating_duration_since(Instant::now());
            let left = left.min(self.store());
            match self.inlet.recv_timeout(left) {
                Ok(first) => self.messages(first),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        while let Ok(first) = self.inlet.try_recv() {
            self.messages(first);
        }
        self.turn(Turns::save);
    }

    /// Gives the store what is due; how long it is until something is again.
    fn store(&self) -> Duration {
        let mut left = SECOND;
        self.turn(|turns| {
            turns.store();
            if let Some(at) = turns.store_at() {
                left = at.since(turns.parts.clock.now()) + Duration::from_millis(1);
            }
        });
        left
    }

    fn messages(&self, first: Message) {
        let others = self.inlet.try_iter().take(TURN - 1);
        let messages: Vec<_> = iter::once(first).chain(others).collect();
        let taken = messages.len();
        self.turn(|turns| {
            turns.messages(messages);
            self.gate.leave(taken);
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

/// However it ends, nobody does a turn of his own after it.
impl Drop for Pipeline {
    fn drop(&mut self) {
        self.gate.close();
    }
}

/// The name of the source that pushed samples belong to.
pub fn push_source() -> SourceId {
    SourceId::new("push")
}
