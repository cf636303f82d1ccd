//! The one ordered path that every batch, alert and line of the feed takes.
//!
//! One task reads the inlet and does whole turns: names become series, samples enter the windows and the alert engine,
//! everything gets its numbers, and the turn is published: one append, one wake for each worker. Readers see the state
//! of a turn whole or not at all, so a snapshot and the position it carries always belong together. Nothing is encoded
//! here and nothing waits here: the store has an inlet of its own.

mod commands;
pub mod inlet;
pub mod live;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{inlet::Message, live::Counts};
pub use self::{
    inlet::{AlertCommand, Busy, Inlet, Outcome, Unknown},
    live::{Live, LiveState},
};
use crate::{
    alerts::Engine,
    model::{Activity, AlertEvent, Batch, Clock, SeriesSpec, SourceId, Timestamp},
    series::{Refused, Series, Writer},
    store::Store,
    stream::{
        Stream,
        log::{Entry, Layout, What},
    },
    windows::Update,
};

/// Messages taken in one turn, at most.
const TURN: usize = 256;
/// Layouts of steady sources remembered, at most; past that all are forgotten and learnt again.
const LAYOUTS: usize = 256;
/// How often idle series are looked for.
const EXPIRY: Duration = Duration::from_secs(60);
/// The state of the engine is saved this often while it changes; a transition saves it at once.
const SAVE: Duration = Duration::from_secs(5);

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
    parts: Parts,
    inlet: mpsc::Receiver<Message>,
    layouts: HashMap<usize, Known>,
    expired_at: Timestamp,
    saved_at: Timestamp,
    saved_revision: u64,
}

/// The layout of a steady source, resolved. Holds the source's own layout, so that its address stays its own.
struct Known {
    _specs: Arc<[SeriesSpec]>,
    layout: Layout,
}

/// One turn in the making.
struct Turn<'a> {
    now: Timestamp,
    head: u64,
    entries: Vec<Entry>,
    alerts: Vec<(u64, Arc<AlertEvent>)>,
    state: &'a mut LiveState,
}

impl Turn<'_> {
    fn push(&mut self, count: u64, what: What) {
        let first = self.head + 1;
        self.head += count;
        self.entries.push(Entry {
            first,
            last: self.head,
            received: self.now,
            what,
        });
    }

    fn activity(&mut self, activity: Activity) {
        let activity = Arc::new(activity);
        self.push(
            1,
            What::Activity {
                json: activity_fields(&activity).into(),
                activity: activity.clone(),
            },
        );
        self.state.add_activity(activity);
    }

    fn alert(&mut self, event: AlertEvent) {
        let event = Arc::new(event);
        self.push(
            1,
            What::Alert {
                json: alert_fields(&event).into(),
                event: event.clone(),
            },
        );
        self.alerts.push((self.head, event.clone()));
        self.state.add_alert(event);
    }
}

impl Pipeline {
    /// A pipeline and the inlet to it, which holds at most `queue` messages and refuses more.
    pub fn new(parts: Parts, queue: usize) -> (Self, Inlet) {
        let (sender, inlet) = mpsc::channel(queue);
        let now = parts.clock.now();
        let saved_revision = parts.engine.revision();
        let pipeline = Self {
            parts,
            inlet,
            layouts: HashMap::new(),
            expired_at: now,
            saved_at: now,
            saved_revision,
        };
        (pipeline, Inlet::new(sender))
    }

    /// Runs until `stop`, then takes what is still in the inlet, saves the engine's state and ends.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut messages = Vec::with_capacity(TURN);
        loop {
            tokio::select! {
                taken = self.inlet.recv_many(&mut messages, TURN) => {
                    if taken == 0 {
                        break;
                    }
                    self.turn(&mut messages);
                }
                _ = second.tick() => self.second(),
                () = stop.cancelled() => break,
            }
        }
        self.inlet.close();
        while let Ok(message) = self.inlet.try_recv() {
            messages.push(message);
        }
        self.turn(&mut messages);
        self.save(self.parts.clock.now());
    }

    /// Publishes the transitions with which a restart begins: alerts whose rule is gone.
    pub fn restored(&mut self, events: Vec<AlertEvent>) {
        self.publish(|_, turn| events.into_iter().for_each(|event| turn.alert(event)));
    }

    fn turn(&mut self, messages: &mut Vec<Message>) {
        let mut replies: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        self.publish(|pipeline, turn| {
            for message in messages.drain(..) {
                pipeline.take(message, turn, &mut replies);
            }
        });
        for reply in replies {
            reply();
        }
    }

    fn second(&mut self) {
        let now = self.parts.clock.now();
        self.publish(|pipeline, turn| {
            for event in pipeline.parts.engine.tick(turn.now) {
                turn.alert(event);
            }
            if turn.now.since(pipeline.expired_at) >= EXPIRY {
                pipeline.expired_at = turn.now;
                pipeline.expire(turn);
            }
        });
        if now.since(self.saved_at) >= SAVE && self.parts.engine.revision() != self.saved_revision {
            self.save(now);
        }
    }

    /// Does something in a turn of its own and publishes what came of it, if anything did.
    fn publish(&mut self, work: impl FnOnce(&mut Self, &mut Turn<'_>)) {
        let live = self.parts.live.clone();
        let mut state = live.write();
        let mut turn = Turn {
            now: self.parts.clock.now(),
            head: self.parts.stream.log().head(),
            entries: Vec::new(),
            alerts: Vec::new(),
            state: &mut state,
        };
        work(self, &mut turn);
        let Turn {
            now,
            entries,
            alerts,
            ..
        } = turn;
        if entries.is_empty() {
            return;
        }
        self.parts.stream.publish(entries);
        drop(state);
        if !alerts.is_empty() {
            self.saved_at = now;
            self.saved_revision = self.parts.engine.revision();
            let log = self.parts.stream.log();
            let events = alerts
                .into_iter()
                .map(|(seq, event)| (log.at(seq), event))
                .collect();
            self.parts.store.alerts(now, events, self.engine_state());
        }
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
            Message::Alerts { command, reply } => {
                let outcome = self.command(command, turn);
                replies.push(Box::new(move || _ = reply.send(outcome)));
            }
        }
    }

    fn batch(&mut self, batch: Batch, turn: &mut Turn<'_>) -> Outcome {
        let mut refused = Vec::new();
        let (layout, values) = match self.known(&batch) {
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
            },
        );
        for event in transitions {
            turn.alert(event);
        }
        Outcome { accepted, refused }
    }

    fn known(&self, batch: &Batch) -> Option<Layout> {
        let known = self.layouts.get(&address(&batch.layout))?;
        Some(known.layout.clone())
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
        if batch.interval.is_some() && refused.is_empty() {
            if self.layouts.len() >= LAYOUTS {
                self.layouts.clear();
            }
            let known = Known {
                _specs: batch.layout.clone(),
                layout: layout.clone(),
            };
            self.layouts.insert(address(&batch.layout), known);
        }
        (layout, values)
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
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
        self.layouts.clear();
    }

    fn engine_state(&self) -> String {
        serde_json::to_string(&self.parts.engine.export()).unwrap_or_default()
    }

    fn save(&mut self, now: Timestamp) {
        self.saved_at = now;
        self.saved_revision = self.parts.engine.revision();
        self.parts.store.engine(now, self.engine_state());
    }
}

fn address(layout: &Arc<[SeriesSpec]>) -> usize {
    Arc::as_ptr(layout).cast::<SeriesSpec>() as usize
}

/// The JSON fields of an alert event after its type: `,"id":…`.
pub fn alert_fields(event: &AlertEvent) -> String {
    fields(event)
}

/// The JSON fields of a line of the feed after its type: `,"kind":…`.
pub fn activity_fields(activity: &Activity) -> String {
    fields(activity)
}

fn fields(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    match json
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(fields) => format!(",{fields}"),
        None => String::new(),
    }
}

/// The name of the source that pushed samples belong to.
pub fn push_source() -> SourceId {
    SourceId::new("push")
}
