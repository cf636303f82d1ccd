//! Whole turns: names become series, samples enter the windows and the alert engine, everything gets its numbers, and
//! the turn is published: one append, one wake for each worker.

use std::{sync::Arc, time::Duration};

use parking_lot::RwLockWriteGuard;

use super::{
    Parts,
    annotations::{UnknownAnnotation, removal},
    inlet::{Message, Outcome},
    layouts::Layouts,
    live::{Counts, LiveState},
    turn::Turn,
};
use crate::{
    entry::{Entry, Layout, What},
    model::{AlertEvent, Batch, Timestamp},
    series::{Refused, Series},
    windows::Update,
};

/// How often idle series are looked for.
const EXPIRY: Duration = Duration::from_secs(60);
/// The state of the engine is saved this often while it changes; a transition saves it at once.
const SAVE: Duration = Duration::from_secs(5);
/// What happened is given to the store not more often than this, unless it is a transition or as much as this.
pub(super) const STORE: Duration = Duration::from_millis(500);
const STORE_BYTES: usize = 256 << 10;

/// Everything a turn works on. Who has it does a turn; nobody else does one meanwhile.
pub(super) struct Turns {
    pub(super) parts: Parts,
    layouts: Layouts,
    expired_at: Timestamp,
    saved_at: Timestamp,
    saved_revision: u64,
    /// The revision of those that readers see.
    silences: u64,
    /// What the store has not been given yet.
    unstored: Vec<Arc<Entry>>,
    unstored_bytes: usize,
    stored_at: Timestamp,
    /// There are transitions in it.
    has_transitions: bool,
    /// The pipeline's thread knows of it.
    is_known: bool,
}

impl Turns {
    /// Before the first turn.
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        Self {
            layouts: Layouts::default(),
            expired_at: now,
            saved_at: now,
            saved_revision: parts.engine.revision(),
            // Those of the life before are not shown yet.
            silences: u64::MAX,
            unstored: Vec::new(),
            unstored_bytes: 0,
            stored_at: now,
            has_transitions: false,
            is_known: false,
            parts,
        }
    }

    /// Publishes the transitions with which a restart begins: alerts whose rule is gone.
    pub fn restored(&mut self, events: Vec<AlertEvent>) {
        self.publish(|_, turn| events.into_iter().for_each(|event| turn.alert(event)));
        self.store();
    }

    /// A turn with these messages; who waits for an outcome is told after it.
    pub fn messages(&mut self, messages: Vec<Message>) {
        let mut replies: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        self.publish(|turns, turn| {
            for message in messages {
                turns.take(message, turn, &mut replies);
            }
        });
        self.store();
        for reply in replies {
            reply();
        }
    }

    /// A turn with what was pushed in one request, or the batches back if that would have to wait. Transitions are left
    /// to be saved: all of the engine goes with them, which is not for the thread of a request.
    pub fn batches(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, Vec<Batch>> {
        let live = self.parts.live.clone();
        let state = match live.try_write() {
            Some(state) => state,
            None => return Err(batches),
        };
        let mut outcomes = Vec::with_capacity(batches.len());
        self.publish_in(state, |turns, turn| {
            let each = batches.into_iter().map(|batch| turns.batch(batch, turn));
            outcomes.extend(each);
        });
        if !self.has_transitions {
            self.store();
        }
        Ok(outcomes)
    }

    /// What is due by the clock: silences of the engine, idle series, the engine's state.
    pub fn second(&mut self) {
        let now = self.parts.clock.now();
        self.publish(|turns, turn| {
            for event in turns.parts.engine.tick(turn.now) {
                turn.alert(event);
            }
            if turn.now.since(turns.expired_at) >= EXPIRY {
                turns.expired_at = turn.now;
                turns.expire(turn);
            }
        });
        if now.since(self.saved_at) >= SAVE && self.parts.engine.revision() != self.saved_revision {
            self.save();
        } else {
            self.store();
        }
    }

    /// Does something in a turn of its own and publishes what came of it, if anything did.
    fn publish(&mut self, work: impl FnOnce(&mut Self, &mut Turn<'_>)) {
        let live = self.parts.live.clone();
        self.publish_in(live.write(), work);
    }

    fn publish_in(
        &mut self,
        mut state: RwLockWriteGuard<'_, LiveState>,
        work: impl FnOnce(&mut Self, &mut Turn<'_>),
    ) {
        let mut turn = Turn {
            now: self.parts.clock.now(),
            head: self.parts.stream.log().head(),
            entries: Vec::new(),
            has_alerts: false,
            state: &mut state,
        };
        work(self, &mut turn);
        let silences = self.parts.engine.silences_revision();
        if silences != self.silences {
            self.silences = silences;
            turn.state.silences = self.parts.engine.silences().into();
        }
        let Turn {
            entries,
            has_alerts,
            ..
        } = turn;
        if entries.is_empty() {
            return;
        }
        self.has_transitions |= has_alerts;
        self.unstored_bytes += entries.iter().map(|e| e.weight()).sum::<usize>();
        self.unstored.extend(entries.iter().cloned());
        if has_alerts {
            // Before anybody hears of it: whoever tells people of it must find it stored before what he says.
            self.store();
        }
        self.parts.stream.publish(entries);
    }

    /// Whether the pipeline's thread has to be told of what waits for the store: of transitions, which go at once, and
    /// otherwise of the first thing that waits.
    pub fn wants_look(&mut self) -> bool {
        let is_new = !self.unstored.is_empty() && !std::mem::replace(&mut self.is_known, true);
        is_new || self.has_transitions
    }

    /// When what waits for the store is to be given to it, if something does.
    pub fn store_at(&self) -> Option<Timestamp> {
        (!self.unstored.is_empty()).then(|| self.stored_at.plus(STORE))
    }

    /// Gives the store what happened, if that is due: transitions at once, and the engine's state with them.
    pub fn store(&mut self) {
        let now = self.parts.clock.now();
        let due = self.has_transitions
            || self.unstored_bytes >= STORE_BYTES
            || now.since(self.stored_at) >= STORE;
        if due && !self.unstored.is_empty() {
            let engine = self.has_transitions.then(|| self.engine_state());
            self.give(now, engine);
        }
    }

    fn give(&mut self, now: Timestamp, engine: Option<(Timestamp, String)>) {
        self.stored_at = now;
        self.has_transitions = false;
        self.is_known = false;
        self.unstored_bytes = 0;
        let entries = std::mem::take(&mut self.unstored);
        self.parts.store.entries(entries, engine);
    }

    fn take(
        &mut self,
        message: Message,
        turn: &mut Turn<'_>,
        replies: &mut Vec<Box<dyn FnOnce() + Send>>,
    ) {
        match message {
            Message::Batches { batches, reply } => {
                let each = batches.into_iter().map(|batch| self.batch(batch, turn));
                let outcomes = each.collect();
                replies.push(Box::new(move || _ = reply.send(outcomes)));
            }
            Message::Activity(activity) => turn.activity(activity),
            Message::Delivery(event) => turn.delivery(event),
            Message::Annotate { annotation, reply } => {
                turn.activity(annotation);
                let number = turn.head;
                replies.push(Box::new(move || _ = reply.send(number)));
            }
            Message::Withdraw { id, reply } => {
                let known = turn.state.annotations.get(id).cloned();
                let outcome = known.ok_or(UnknownAnnotation(id));
                let outcome = outcome.map(|known| turn.activity(removal(&known, turn.now)));
                replies.push(Box::new(move || _ = reply.send(outcome)));
            }
            // What there is to look at is looked at after every turn.
            Message::Look => {}
            Message::Processes { host, rows } => turn.state.set_processes(host, rows),
            Message::SourceActs { source, runs: true } => {
                self.parts.engine.source_started(&source, turn.now);
            }
            Message::SourceActs {
                source,
                runs: false,
            } => {
                self.parts.engine.source_stopped(&source, turn.now);
            }
            Message::Configured(configured) => self.configured(*configured, turn),
            Message::Alerts { command, by, reply } => {
                let outcome = self.command(command, &by, turn);
                replies.push(Box::new(move || _ = reply.send(outcome)));
            }
        }
    }

    fn batch(&mut self, batch: Batch, turn: &mut Turn<'_>) -> Outcome {
        let mut refused = Vec::new();
        let (layout, values) = match self.layouts.get(&batch.layout) {
            Some(layout) => (layout, batch.values),
            None => self.resolve(&batch, &mut refused),
        };
        let accepted = layout.len();
        let mut counts = Counts {
            samples: accepted as u64,
            refused: refused.len() as u64,
            ..Counts::default()
        };
        if accepted == 0 {
            turn.state.count(&batch.source, counts);
            return Outcome { accepted, refused };
        }
        let mut current = Vec::with_capacity(accepted);
        for (series, value) in layout.iter().zip(&values) {
            match turn
                .state
                .windows
                .update(series, batch.timestamp, turn.now, *value)
            {
                Update::Late => counts.late += 1,
                Update::Replaced => {
                    counts.replaced += 1;
                    current.push((series, *value));
                }
                Update::Newest => current.push((series, *value)),
            }
        }
        let transitions = self.parts.engine.observe(
            turn.now,
            batch.timestamp,
            batch.interval,
            current.iter().copied(),
        );
        turn.state.count(&batch.source, counts);
        turn.push(
            accepted as u64,
            What::Samples {
                timestamp: batch.timestamp,
                layout,
                values: values.into(),
                offsets: None,
            },
        );
        for event in transitions {
            turn.alert(event);
        }
        Outcome { accepted, refused }
    }

    /// Looks every series up; what is refused is left out of the batch. The layout of a steady source that was taken
    /// whole is remembered.
    fn resolve(
        &mut self,
        batch: &Batch,
        refused: &mut Vec<(usize, Refused)>,
    ) -> (Layout, Vec<f64>) {
        let mut series: Vec<Arc<Series>> = Vec::with_capacity(batch.layout.len());
        let mut values = Vec::with_capacity(batch.layout.len());
        let resolved = self.parts.writer.resolve(&batch.source, &batch.layout);
        for (i, (result, value)) in resolved.into_iter().zip(&batch.values).enumerate() {
            match result {
                Ok(found) => {
                    series.push(found);
                    values.push(*value);
                }
                Err(error) => refused.push((i, error)),
            }
        }
        let layout: Layout = series.into();
        // Somebody else has it too, to hand it over again.
        if Arc::strong_count(&batch.layout) > 1 && refused.is_empty() {
            self.layouts.learn(&batch.layout, &layout);
        }
        (layout, values)
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        turn.state.annotations.expire(turn.now);
        let unseen = self
            .parts
            .engine
            .unseen_gone(self.parts.series_idle, turn.now);
        unseen.into_iter().for_each(|event| turn.alert(event));
        let before = turn.now.minus(self.parts.series_idle);
        let idle = turn.state.windows.idle_since(before);
        if idle.is_empty() {
            return;
        }
        for event in self.parts.engine.series_gone(&idle, turn.now) {
            turn.alert(event);
        }
        turn.state.windows.remove(&idle);
        self.parts.writer.expire(&idle);
        self.layouts.forget();
    }

    /// Gives the store all that it was not given yet, and the engine's state.
    pub fn save(&mut self) {
        let engine = self.engine_state();
        self.give(engine.0, Some(engine));
    }

    /// The engine's state, to be saved now.
    fn engine_state(&mut self) -> (Timestamp, String) {
        let now = self.parts.clock.now();
        self.saved_at = now;
        self.saved_revision = self.parts.engine.revision();
        let state = serde_json::to_string(&self.parts.engine.export()).unwrap_or_default();
        (now, state)
    }
}
