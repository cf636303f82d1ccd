//! A rule, tried on the past: what it would have fired, for how long, and how often it would have told people.
//!
//! It is the engine of production that is run ([`crate::alerts`]), over what was recorded, at the times at which it was
//! received, with a tick each second in between; what people would have been told is what [`crate::notify::plan`] says. What is
//! not recorded is how often a source measured: it is taken from the distances between its batches.
//!
//! [`mod@unit`] runs rules on samples that a user wrote down.
//!
//! Samples are read once and tried as often as is asked for: with the rule as it is saved beside it, and with other thresholds
//! until one tells people seldom enough ([`Trial::run`], [`Trial::quiet`]).

mod look;
mod recorded;
mod report;
mod suggest;
pub mod unit;

use std::{
    collections::{HashMap, VecDeque},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use recorded::{Recorded, Sought, Step};
pub use report::{Band, BySeverity, Episode, Outcome, Report, SuggestedLevels, Suggestion};

use crate::{
    alerts::Engine,
    entry::{past::Archive, pending::Busy},
    model::{AlertEvent, AlertState, Level, Rule, SeriesKey, Timestamp, Transition},
    notify::plan::Plan,
    series::Series,
    store::{block::ReadError, readers::Stored},
};

/// Samples that are looked at, at most; what would be more begins later.
pub const MOST_SAMPLES: usize = 4_000_000;
/// Series, at most.
const MOST_SERIES: usize = 100_000;
/// Alerts in a report, at most; all of them are counted.
const MOST_EPISODES: usize = 10_000;
/// Transitions in a report, at most; all of them are counted.
const MOST_TRANSITIONS: usize = 1_000;
/// What a hold survives, as by default in production.
const GRACE: Duration = Duration::from_secs(300);
const SECOND: Duration = Duration::from_secs(1);

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The rule, which is run whether it is enabled or not.
    pub rule: Arc<Rule>,
    /// Another one on the same samples: as it is saved.
    pub saved: Option<Arc<Rule>>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Find a threshold that tells people at most so often a week.
    pub per_week: Option<u32>,
    /// Of this series alone.
    pub only: Option<SeriesKey>,
}

impl Asked {
    fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        [Some(&self.rule), self.saved.as_ref()]
            .into_iter()
            .flatten()
    }

    /// From long enough before the time that is asked for on, so that rules are then as they would have been.
    fn sought(&self) -> Sought {
        let rules: Vec<_> = self.rules().cloned().collect();
        let lead = rules.iter().map(|rule| lead(rule)).max();
        let only = self.only.clone();
        let fits = move |series: &Series| match &only {
            Some(only) if series.key() == only => true,
            // What it looks at besides, to compare with.
            Some(only) => rules.iter().any(|rule| {
                let SeriesKey { host, labels, .. } = series.key();
                guards(rule, series) && *host == only.host && *labels == only.labels
            }),
            None => rules.iter().any(|rule| looks_at(rule, series)),
        };
        Sought {
            from: self.from.minus(lead.unwrap_or_default()),
            to: self.to,
            fits: Arc::new(fits),
        }
    }
}

/// What is asked for, and the samples that rules are tried on.
#[derive(Debug)]
pub struct Trial {
    asked: Asked,
    recorded: Recorded,
    stopped: Arc<AtomicBool>,
}

/// Has a trial come to an end when it is dropped, because nobody waits for it any more.
#[derive(Debug)]
pub struct Stopper(Arc<AtomicBool>);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Trial {
    /// Reads what the rules that are asked for look at. `progress` is told how far it is, from 0 to 1, and whether to go on
    /// is what it answers.
    pub async fn read(
        archive: &Archive,
        asked: Asked,
        progress: impl FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Self, Busy> {
        let recorded = Recorded::read(archive, &asked.sought(), progress).await?;
        Ok(Self::of(asked, recorded))
    }

    /// As [`read`](Self::read), on the thread that reads.
    pub fn read_stored(stored: &Stored<'_>, present: u32, asked: Asked) -> Result<Self, ReadError> {
        let recorded = Recorded::read_stored(stored, present, &asked.sought())?;
        Ok(Self::of(asked, recorded))
    }

    fn of(mut asked: Asked, recorded: Recorded) -> Self {
        asked.from = asked.from.max(recorded.from);
        Self {
            asked,
            recorded,
            stopped: Arc::default(),
        }
    }

    /// From when on it is tried; later than asked for where there were too many samples.
    pub fn from(&self) -> Timestamp {
        self.asked.from
    }

    /// What stops it: what comes of it then is worth nothing.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stopped.clone())
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Tries what is asked for.
    pub fn run(&self) -> Report {
        let asked = &self.asked;
        let rule = self.outcome(&asked.rule, |_| true);
        let matching = self.recorded.series.iter();
        let matching = matching.filter(|series| asked.rule.matches(series.key()));
        let saved = asked.saved.as_ref();
        Report {
            from: asked.from,
            to: asked.to,
            samples: self.recorded.samples(),
            series: matching.count(),
            saved: saved.map(|saved| self.outcome(saved, |_| true)),
            suggested: asked
                .per_week
                .and_then(|per_week| self.suggest(per_week, &rule)),
            rule,
        }
    }

    /// The events of a rule, in order; also those before the time that is asked for.
    fn events(&self, rule: &Arc<Rule>, mut take: impl FnMut(AlertEvent) -> ControlFlow<()>) {
        let rule = Arc::new(Rule {
            enabled: true,
            ..Rule::clone(rule)
        });
        let mut engine = Engine::new(vec![rule], 0, GRACE);
        let mut now: Option<Timestamp> = None;
        // In a function of its own for `?`.
        let mut all = || {
            for step in self.recorded.steps() {
                match step {
                    Step::Batch(batch, samples) => {
                        let received = batch.received;
                        self.pass(&mut engine, &mut now, received, &mut take)?;
                        let samples = self.recorded.of(samples);
                        let interval = batch.interval();
                        let events = engine.observe(received, batch.timestamp, interval, samples);
                        events.into_iter().try_for_each(&mut take)?;
                    }
                    Step::Down(from, to) => {
                        self.pass(&mut engine, &mut now, from, &mut take)?;
                        engine.slept(from, to);
                        now = Some(to);
                    }
                }
            }
            self.pass(&mut engine, &mut now, self.asked.to, &mut take)
        };
        // That it was cut short is known to whoever did.
        let _: ControlFlow<()> = all();
    }

    /// Time passes up to `to`, with a tick in each second.
    fn pass(
        &self,
        engine: &mut Engine,
        now: &mut Option<Timestamp>,
        to: Timestamp,
        take: &mut impl FnMut(AlertEvent) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = now.unwrap_or(to);
        while at.plus(SECOND) <= to {
            if self.is_stopped() {
                return ControlFlow::Break(());
            }
            at = at.plus(SECOND);
            engine.tick(at).into_iter().try_for_each(&mut *take)?;
        }
        *now = Some(at);
        ControlFlow::Continue(())
    }

    /// What a rule would have done; up to where it is not worth going on.
    fn outcome(&self, rule: &Arc<Rule>, is_worth_it: impl Fn(&Outcome) -> bool) -> Outcome {
        let mut outcome = Outcome {
            alerts: 0,
            firing_seconds: BySeverity::default(),
            notifications: 0,
            transitions: 0,
            first: Vec::new(),
            episodes: VecDeque::new(),
        };
        // Where an open alert is among the episodes, had none been left out.
        let mut places: HashMap<uuid::Uuid, usize> = HashMap::new();
        let mut left_out = 0;
        let mut told = Plan::default();
        let channel: [Arc<str>; 1] = ["channel".into()];
        // What fires, and since when it counts.
        let mut firing: HashMap<uuid::Uuid, (Level, Timestamp)> = HashMap::new();
        let from = self.asked.from;
        self.events(rule, |event| {
            if let Some((level, since)) = firing.remove(&event.id) {
                let seconds = event.timestamp.since(since.max(from)).as_secs_f64();
                outcome.firing_seconds.add(level, seconds);
            }
            if event.state.is_open() {
                firing.insert(event.id, (event.level, event.timestamp));
            }
            let event = Arc::new(event);
            let notices = told.take(&event, None, (&[], &channel));
            let place = *places.entry(event.id).or_insert_with(|| {
                if outcome.episodes.len() >= MOST_EPISODES {
                    outcome.episodes.pop_front();
                    left_out += 1;
                }
                outcome.episodes.push_back(Episode::opening(&event));
                left_out + outcome.episodes.len() - 1
            });
            let episode = place.checked_sub(left_out);
            if let Some(episode) = episode.and_then(|place| outcome.episodes.get_mut(place)) {
                episode.take(&event);
            }
            if event.state == AlertState::Resolved {
                places.remove(&event.id);
            }
            if event.timestamp < from {
                return ControlFlow::Continue(());
            }
            // A rule that names channels is told to one all the same.
            outcome.notifications += notices.len();
            outcome.transitions += 1;
            let opened = event.since == event.timestamp && event.transition != Transition::Resolved;
            outcome.alerts += usize::from(opened);
            if outcome.first.len() < MOST_TRANSITIONS {
                outcome.first.push(AlertEvent::clone(&event));
            }
            match is_worth_it(&outcome) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        for (level, since) in firing.into_values() {
            let seconds = self.asked.to.since(since.max(from)).as_secs_f64();
            outcome.firing_seconds.add(level, seconds);
        }
        // What was over before is not of this time.
        let is_of_it = |episode: &Episode| episode.to.is_none_or(|to| to >= from);
        outcome.episodes.retain(is_of_it);
        outcome
    }
}

/// How long before the time that is asked for a rule has to look, to be as it would have been: its window, twice, and its holds.
fn lead(rule: &Rule) -> Duration {
    rule.window * 2 + rule.hold + rule.keep_firing_for + Duration::from_secs(600)
}

/// Whether a rule looks at a series, itself or as its second condition.
fn looks_at(rule: &Rule, series: &Series) -> bool {
    rule.matches(series.key()) || guards(rule, series)
}

fn guards(rule: &Rule, series: &Series) -> bool {
    let guard = rule.guard.as_ref();
    guard.is_some_and(|guard| *guard.metric == *series.key().name.as_str())
}
