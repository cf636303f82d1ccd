//! The threshold engine: samples and time in, alert events out.
//!
//! Pure: it reads no clock, waits for nothing and knows nobody, so that a live run, a restored one and a backtest are
//! the same function of the same input. What it promises:
//!
//! - **One alert for each rule and series**, with one id from opening to resolution; its level is the highest one that
//!   fires. An event is a change of that, never a repetition.
//! - **Missing data is never recovery.** A window less than 80 % covered gives no verdict, a hold ripens only on a
//!   sample, silence marks or opens an alert but does not clear it (unless the rule says that silence is the end).
//! - **A stepped clock decides nothing.** Holds and silence are measured on the engine's own time, which stands
//!   still when the clock goes back and leaves out steps of more than [`MAX_STEP`].
//! - **A restart decides nothing** either: [`Engine::export`] and [`Engine::restore`] carry open alerts and holds over.
//!
//! | file | concept |
//! |---|---|
//! | `trigger` | hysteresis and holds of one level |
//! | `window` | samples over time, and whether they suffice |
//! | `watch` | one rule on one series: verdicts and levels |
//! | `no_data` | its silence |
//! | `event` | the events of its alert |
//! | `watched` | one series: order of its samples, when it was seen last |
//! | `slots` | all series that are known |
//! | `guard` | the second condition |
//! | `message` | the sentence for people |
//! | `saved` | what survives a restart |
//!
//! Cost: a series without rules costs one array index a sample; a windowed rule at most 65 additions a sample; a tick
//! visits each watched series once. Memory: at most 61 panes of 40 bytes for each windowed rule and series, whatever
//! the rate.

mod context;
mod event;
mod guard;
mod message;
mod no_data;
mod saved;
mod slots;
mod time;
mod trigger;
mod watch;
mod watched;
mod window;

#[cfg(test)]
mod tests;

use std::{collections::HashSet, sync::Arc, time::Duration};

use uuid::Uuid;

pub use saved::Saved;
pub use time::MAX_STEP;
pub use trigger::Trigger;

use self::{
    context::{Context, Ids},
    guard::Guards,
    slots::Slots,
    time::Time,
    watched::Watched,
};
use crate::{
    model::{AlertEvent, Reason, Rule, SeriesId, SourceId, Timestamp},
    series::Series,
};

/// No open alert has this id: there never was one, or it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no alert {0} is open")]
pub struct NotOpen(pub Uuid);

/// The threshold engine. See the [module](self).
///
/// Its caller calls [`tick`](Self::tick) at least every [`MAX_STEP`], in practice every second, and reloads rules by
/// making a new engine that restores what the old one exported.
#[derive(Debug)]
pub struct Engine {
    /// Those that are enabled.
    rules: Vec<Arc<Rule>>,
    restart_grace: Duration,
    context: Context,
    slots: Slots,
    stopped: HashSet<SourceId>,
}

impl Engine {
    /// An engine for the enabled ones of `rules`. `seed` is for the ids of alerts: the same seed and the same input
    /// make the same events. A hold survives a restart not longer than `restart_grace`.
    pub fn new(rules: Vec<Arc<Rule>>, seed: u64, restart_grace: Duration) -> Self {
        let rules: Vec<_> = rules.into_iter().filter(|rule| rule.enabled).collect();
        Self {
            context: Context {
                time: Time::default(),
                guards: Guards::new(&rules),
                ids: Ids::new(seed),
                revision: 0,
            },
            rules,
            restart_grace,
            slots: Slots::default(),
            stopped: HashSet::new(),
        }
    }

    /// A batch, received at `now`, measured at `timestamp` by a source that measures every `interval`. Values are
    /// finite. Guards see the whole batch before any rule does, so the order of samples does not matter. A sample older
    /// than its series' newest is ignored; one at the same timestamp replaces it.
    pub fn observe<'a>(
        &mut self,
        now: Timestamp,
        timestamp: Timestamp,
        interval: Option<Duration>,
        samples: impl Iterator<Item = (&'a Arc<Series>, f64)> + Clone,
    ) -> Vec<AlertEvent> {
        self.admit(now, timestamp, samples.clone());
        let mut events = Vec::new();
        for (series, value) in samples {
            if let Some(watched) = self.slots.get_mut(series.id) {
                watched.sample(timestamp, interval, value, &mut self.context, &mut events);
            }
        }
        events
    }

    /// Stored samples, oldest first, to fill windows after a start (and after [`restore`](Self::restore)) without a
    /// verdict on any. Bring those of series that are still alive: from here on their silence counts.
    pub fn refill<'a>(
        &mut self,
        now: Timestamp,
        timestamp: Timestamp,
        samples: impl Iterator<Item = (&'a Arc<Series>, f64)> + Clone,
    ) {
        self.admit(now, timestamp, samples.clone());
        for (series, value) in samples {
            if let Some(watched) = self.slots.get_mut(series.id) {
                watched.refill(timestamp, value);
            }
        }
    }

    /// The passing of time: finds series that have become silent.
    pub fn tick(&mut self, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        let mut events = Vec::new();
        for watched in self.slots.iter_mut() {
            watched.look_for_silence(&mut self.context, &mut events);
        }
        events
    }

    /// The user stopped a source: its silence is not missing data. Its alerts stay as they are.
    pub fn source_stopped(&mut self, source: &SourceId, now: Timestamp) {
        self.context.time.advance(now);
        self.stopped.insert(source.clone());
        for watched in self.slots.of_source(source) {
            watched.stop(&mut self.context);
        }
    }

    /// The user started it again: from now on it is expected to speak.
    pub fn source_started(&mut self, source: &SourceId, now: Timestamp) {
        self.context.time.advance(now);
        self.stopped.remove(source);
        for watched in self.slots.of_source(source) {
            watched.start(self.context.time.now());
        }
    }

    /// These series have ended: what is open on them is resolved, and they are forgotten.
    pub fn series_gone(&mut self, ids: &[SeriesId], now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        self.context.guards.forget(ids);
        end(self.slots.remove(ids), &mut self.context)
    }

    /// As [`series_gone`](Self::series_gone) for restored series that have no id in this life, because they did not
    /// come back within `idle`. Without it, the alert of a host that went away during a restart would stay open.
    pub fn unseen_gone(&mut self, idle: Duration, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        let now = self.context.time.now();
        end(self.slots.remove_unseen(idle, now), &mut self.context)
    }

    /// Somebody has seen an open alert; `None` when that was known already.
    pub fn acknowledge(&mut self, id: Uuid, now: Timestamp) -> Result<Option<AlertEvent>, NotOpen> {
        self.context.time.advance(now);
        self.slots
            .iter_mut()
            .find_map(|watched| watched.find_open(id))
            .map(|watch| watch.acknowledge(&mut self.context))
            .ok_or(NotOpen(id))
    }

    /// The newest event of each open alert, which is its present state.
    pub fn open(&self) -> impl Iterator<Item = &AlertEvent> {
        self.slots
            .iter()
            .flat_map(|watched| &watched.watches)
            .filter_map(|watch| watch.open.as_deref())
    }

    /// Changes whenever what [`export`](Self::export) returns does.
    pub fn revision(&self) -> u64 {
        self.context.revision
    }

    /// Takes note of the time, of series that are new, and of what guards measure.
    fn admit<'a>(
        &mut self,
        now: Timestamp,
        timestamp: Timestamp,
        samples: impl Iterator<Item = (&'a Arc<Series>, f64)>,
    ) {
        self.context.time.advance(now);
        let now = self.context.time.now();
        for (series, value) in samples {
            if self.slots.is_new(series.id) {
                let stopped = self.stopped.contains(&series.owner);
                let is_watched = self.slots.admit(series, &self.rules, stopped, now);
                self.context.guards.admit(series);
                self.context.revision += u64::from(is_watched);
            }
            self.context.guards.record(series.id, timestamp, value, now);
        }
    }
}

/// Resolves what is open on series that have ended.
fn end(gone: Vec<Watched>, context: &mut Context) -> Vec<AlertEvent> {
    let mut events = Vec::new();
    for mut watched in gone {
        context.revision += 1;
        for watch in &mut watched.watches {
            events.extend(watch.end(&watched.subject, Reason::SeriesGone, context));
        }
    }
    events
}
