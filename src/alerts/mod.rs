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
//! - **People are told of what they can do something about**: an event says whether it is silenced, and by what.
//!
//! | file | concept |
//! |---|---|
//! | `trigger` | hysteresis and holds of one level |
//! | `recent`, `pane`, `window`, `quantiles`, `trend` | samples over time, and whether they suffice |
//! | `lens` | the value that rules compare, and when they need not be asked |
//! | `watch` | one rule on one series: verdicts and levels |
//! | `no_data` | its silence |
//! | `event` | the events of its alert |
//! | `watched` | one series: order of its samples, when it was seen last |
//! | `slots` | all series that are known |
//! | `guard` | the second condition |
//! | `mute` | silences, maintenance windows, rules that mute others |
//! | `message` | the sentence for people |
//! | `saved` | what survives a restart; `rules`: what survives other rules |
//!
//! Cost: a series without rules costs one array index a sample, one in order a comparison for each value that its rules
//! compare, however many rules; a window two additions or so. A second costs one comparison for each series. `cargo bench
//! --bench alerts` measures it. Memory: at most 61 panes of 48 bytes for each length of time that is looked at of a series,
//! whatever the rate.

mod context;
mod event;
mod guard;
mod lens;
mod message;
mod mute;
mod no_data;
mod pane;
mod quantiles;
mod recent;
mod rules;
mod saved;
mod slots;
mod time;
mod trend;
mod trigger;
mod watch;
mod watched;
mod window;

#[cfg(test)]
mod tests;

use std::{collections::HashSet, sync::Arc, time::Duration};

use uuid::Uuid;

pub use saved::{Saved, State};
pub use time::MAX_STEP;
pub use trigger::Trigger;

use self::{
    context::{Context, Ids},
    guard::Guards,
    mute::Mutes,
    slots::Slots,
    time::Time,
    watched::Watched,
};
use crate::{
    model::{AlertEvent, Person, Reason, Rule, SeriesId, SourceId, Timestamp},
    series::Series,
};

/// No open alert has this id: there never was one, or it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no alert {0} is open")]
pub struct NotOpen(pub Uuid);

/// The threshold engine. See the [module](self).
///
/// Its caller calls [`tick`](Self::tick) at least every [`MAX_STEP`], in practice every second.
#[derive(Debug)]
pub struct Engine {
    /// Those that are enabled.
    rules: Vec<Arc<Rule>>,
    restart_grace: Duration,
    context: Context,
    slots: Slots,
    mutes: Mutes,
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
                #[cfg(test)]
                thorough: false,
            },
            rules,
            restart_grace,
            slots: Slots::default(),
            mutes: Mutes::default(),
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
        let when = (timestamp, interval);
        for (series, value) in samples {
            let cx = &mut self.context;
            self.slots.sample(series.id, when, value, cx, &mut events);
        }
        match events.is_empty() {
            true => events,
            false => self.finish(events),
        }
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

    /// The passing of time: finds series that have become silent, silences that begin and end, and who is to be told again.
    pub fn tick(&mut self, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        let mut events = Vec::new();
        self.slots.look_for_silence(&mut self.context, &mut events);
        let mut events = self.finish(events);
        let open: Vec<Uuid> = self.slots.opened().collect();
        for id in open {
            let watch = self.slots.find_open(id);
            events.extend(watch.and_then(|(watch, _)| watch.remind(&mut self.context)));
        }
        events
    }

    /// The user stopped a source: its silence is not missing data. Its alerts stay as they are.
    pub fn source_stopped(&mut self, source: &SourceId, now: Timestamp) {
        self.context.time.advance(now);
        self.stopped.insert(source.clone());
        let cx = &mut self.context;
        self.slots.of_source(source, |watched| watched.stop(cx));
    }

    /// The user started it again: from now on it is expected to speak.
    pub fn source_started(&mut self, source: &SourceId, now: Timestamp) {
        self.context.time.advance(now);
        self.stopped.remove(source);
        let now = self.context.time.now();
        self.slots.of_source(source, |watched| watched.start(now));
    }

    /// These series have ended: what is open on them is resolved, and they are forgotten.
    pub fn series_gone(&mut self, ids: &[SeriesId], now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        self.context.guards.forget(ids);
        let gone = self.slots.remove(ids);
        self.end(gone)
    }

    /// As [`series_gone`](Self::series_gone) for restored series that have no id in this life, because they did not
    /// come back within `idle`. Without it, the alert of a host that went away during a restart would stay open.
    pub fn unseen_gone(&mut self, idle: Duration, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        let gone = self.slots.remove_unseen(idle, self.context.time.now());
        self.end(gone)
    }

    /// Resolves what is open on series that have ended.
    fn end(&mut self, gone: Vec<Watched>) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        for watched in gone {
            self.context.revision += 1;
            watched.end(Reason::SeriesGone, &mut self.context, &mut events);
        }
        self.slots.close(&events);
        self.finish(events)
    }

    /// Somebody has seen an open alert; `None` when that was known already.
    pub fn acknowledge(
        &mut self,
        id: Uuid,
        by: Person,
        now: Timestamp,
    ) -> Result<Option<AlertEvent>, NotOpen> {
        self.context.time.advance(now);
        let (watch, _) = self.slots.find_open(id).ok_or(NotOpen(id))?;
        Ok(watch.acknowledge(by, &mut self.context))
    }

    /// The newest event of each open alert, which is its present state; oldest alert first.
    pub fn open(&self) -> impl Iterator<Item = &AlertEvent> {
        self.slots.open()
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
            self.admit_one(series, now);
            self.context.guards.record(series.id, timestamp, value, now);
        }
    }

    /// Takes note of a series, if it is new. `now` is engine time.
    fn admit_one(&mut self, series: &Arc<Series>, now: Timestamp) {
        if self.slots.is_new(series.id) {
            let stopped = self.stopped.contains(&series.owner);
            let is_watched = self.slots.admit(series, &self.rules, stopped, now);
            self.context.guards.admit(series);
            self.context.revision += u64::from(is_watched);
        }
    }
}
