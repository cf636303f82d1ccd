//! A rule, tried on the past: what it would have fired, for how long, and how often it would have told people.
//!
//! It is the engine of production that is run ([`crate::alerts`]), over what was recorded, at the times at which it was
//! received, with a tick each second in between; what people would have been told is what [`crate::notify::plan`] says. What is
//! not recorded is how often a source measured: it is taken from the distances between its batches.
//!
//! [`mod@unit`] runs rules on samples that a user wrote down.
//!
//! Samples are read once and tried as often as is asked for: with the rule as it is saved beside it, and with other thresholds
//! until one tells people seldom enough ([`Trial::suggest`]).

pub mod unit;

use std::{
    collections::{HashMap, VecDeque},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use serde::Serialize;

use crate::{
    alerts::Engine,
    entry::{
        Entry, What,
        past::{Archive, From, Wanted},
        pending::Busy,
    },
    model::{
        AlertEvent, AlertState, Direction, Level, Levels, Rule, SeriesKey, Threshold, Timestamp,
        Transition,
    },
    notify::plan::Plan,
    replay::{self, Met, resolved::Resolved},
    series::{Registry, Series, Writer},
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
/// Thresholds that are tried to find one, at most.
const MOST_TRIALS: u32 = 40;

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
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// From when it was tried; later than asked for where there were too many samples.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Samples that it looked at.
    pub samples: usize,
    /// Series that the rule matches.
    pub series: usize,
    /// What the rule would have done.
    pub rule: Outcome,
    /// What the saved one would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<Outcome>,
    /// A threshold that tells people seldom enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested: Option<Suggestion>,
}

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// How often an alert opened.
    pub alerts: usize,
    /// How long some alert of this level fired, in seconds, by level; two at the same time count twice.
    pub firing_seconds: BySeverity,
    /// How often people would have been told, were there one channel that gathers nothing.
    pub notifications: usize,
    /// How many transitions there were.
    pub transitions: usize,
    /// The first of them.
    pub first: Vec<AlertEvent>,
    /// The alerts, in the order in which they opened; the newest.
    #[serde(skip)]
    pub episodes: VecDeque<Episode>,
}

/// An alert that would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Of which series.
    pub series: SeriesKey,
    /// When it opened.
    pub from: Timestamp,
    /// When it was over, if it was.
    pub to: Option<Timestamp>,
    /// Where it stood: open, or silent.
    pub state: AlertState,
    /// How bad it was at most.
    pub level: Level,
    /// What it said first.
    pub message: String,
}

impl Episode {
    fn opening(event: &AlertEvent) -> Self {
        Self {
            series: event.series.clone(),
            from: event.since,
            to: None,
            state: event.state,
            level: event.level,
            message: event.message.clone(),
        }
    }

    fn take(&mut self, event: &AlertEvent) {
        self.level = self.level.max(event.level);
        match event.state {
            AlertState::Resolved => self.to = Some(event.timestamp),
            state => self.state = state,
        }
    }
}

/// A figure for each level.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct BySeverity {
    /// Info.
    pub info: f64,
    /// Warning.
    pub warning: f64,
    /// Critical.
    pub critical: f64,
}

impl BySeverity {
    fn add(&mut self, level: Level, seconds: f64) {
        *match level {
            Level::Info => &mut self.info,
            Level::Warning => &mut self.warning,
            Level::Critical => &mut self.critical,
        } += seconds;
    }
}

/// Other thresholds for the same rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// How often a week people may be told.
    pub per_week: u32,
    /// The thresholds, by level.
    #[serde(flatten)]
    pub levels: SuggestedLevels,
    /// How often they would have been told with it, in the time that was tried.
    pub notifications: usize,
}

/// The thresholds of a [`Suggestion`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SuggestedLevels {
    /// Of info.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Band>,
    /// Of warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Band>,
    /// Of critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<Band>,
}

/// Where a level fires and clears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Fires beyond this.
    pub fire: f64,
    /// Is over once the value is not beyond this.
    pub clear: f64,
}

impl SuggestedLevels {
    /// Those of a rule.
    pub fn of(levels: &Levels) -> Self {
        let band = |level| {
            let Threshold { fire, clear } = levels.get(level)?;
            Some(Band { fire, clear })
        };
        Self {
            info: band(Level::Info),
            warning: band(Level::Warning),
            critical: band(Level::Critical),
        }
    }
}

/// One thing of the past, as an engine takes it.
#[derive(Debug)]
enum Step {
    Batch {
        received: Timestamp,
        timestamp: Timestamp,
        interval: Option<Duration>,
        /// Where its samples begin and end.
        samples: (usize, usize),
    },
    Down {
        from: Timestamp,
        to: Timestamp,
    },
}

/// The samples that rules are tried on.
#[derive(Debug)]
pub struct Trial {
    asked: Asked,
    /// From when on it reads: so that rules are then as they would have been.
    begin: Timestamp,
    steps: Vec<Step>,
    samples: Vec<(u32, f64)>,
    series: Vec<Arc<Series>>,
    writer: Writer,
    resolved: Resolved,
    numbers: HashMap<usize, u32>,
    paces: HashMap<usize, Pace>,
}

/// How often batches of one shape come.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    last: Option<Timestamp>,
    distances: [Option<Duration>; 2],
}

impl Pace {
    /// A batch has come; what distance to the next is to be expected. A gap is none.
    fn next(&mut self, received: Timestamp) -> Option<Duration> {
        if let Some(last) = self.last.replace(received) {
            self.distances = [Some(received.since(last)), self.distances[0]];
        }
        self.distances.into_iter().flatten().min()
    }
}

impl Trial {
    /// With nothing read yet.
    fn new(asked: Asked) -> Self {
        let (_, writer) = Registry::new(MOST_SERIES);
        let begin = asked.from.minus(
            asked
                .rules()
                .map(|rule| lead(rule))
                .max()
                .unwrap_or_default(),
        );
        Self {
            asked,
            begin,
            steps: Vec::new(),
            samples: Vec::new(),
            series: Vec::new(),
            writer,
            resolved: Resolved::default(),
            numbers: HashMap::new(),
            paces: HashMap::new(),
        }
    }

    /// Reads what the rules that are asked for look at. `progress` is told how far it is, from 0 to 1, and whether to go on
    /// is what it answers.
    pub async fn read(
        archive: &Archive,
        asked: Asked,
        mut progress: impl FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Self, Busy> {
        let mut trial = Self::new(asked);
        let wanted = trial.wanted();
        let mut told = 0.0;
        replay::walk_all(archive, wanted, |met| {
            trial.meet(met, &mut told, &mut progress)
        })
        .await?;
        trial.forget_the_oldest();
        Ok(trial)
    }

    /// As [`read`](Self::read), on the thread that reads.
    pub fn read_stored(stored: &Stored<'_>, present: u32, asked: Asked) -> Result<Self, ReadError> {
        let mut trial = Self::new(asked);
        let wanted = trial.wanted();
        let (mut told, mut on) = (0.0, |_| ControlFlow::Continue(()));
        replay::walk_stored(stored, present, wanted, |met| {
            trial.meet(met, &mut told, &mut on)
        })?;
        trial.forget_the_oldest();
        Ok(trial)
    }

    fn wanted(&self) -> Wanted {
        let rules: Vec<_> = self.asked.rules().cloned().collect();
        let only = self.asked.only.clone();
        let fits = move |series: &Series| match &only {
            Some(only) if series.key() == only => true,
            // What it looks at besides, to compare with.
            Some(_) => rules.iter().any(|rule| guards(rule, series)),
            None => rules.iter().any(|rule| looks_at(rule, series)),
        };
        Wanted {
            from: From::Time(self.begin),
            series: Some(Arc::new(fits)),
            alerts: false,
            activity: false,
            notifications: false,
        }
    }

    fn meet(
        &mut self,
        met: Met,
        told: &mut f64,
        progress: &mut impl FnMut(f64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let at = match &met {
            Met::Entry(entry) => entry.received,
            Met::Down { to, .. } => *to,
        };
        if at > self.asked.to {
            return ControlFlow::Break(());
        }
        let whole = self.asked.to.since(self.begin).as_secs_f64().max(1.0);
        let share = at.since(self.begin).as_secs_f64() / whole;
        if share - *told >= 0.01 {
            *told = share;
            progress(share.min(1.0))?;
        }
        match met {
            Met::Entry(entry) => self.take(&entry),
            Met::Down { from, to } => self.steps.push(Step::Down { from, to }),
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, entry: &Entry) {
        let What::Samples {
            timestamp,
            layout,
            values,
            ..
        } = &entry.what
        else {
            return;
        };
        let pace = self.paces.entry(layout.as_ptr().addr()).or_default();
        let interval = pace.next(entry.received);
        let begin = self.samples.len();
        let resolved = self.resolved.of(layout, &mut self.writer, |_| true);
        for (series, value) in resolved.iter().zip(values) {
            let Some(series) = series else { continue };
            let number = self.numbers.entry(series.id.index()).or_insert_with(|| {
                self.series.push(series.clone());
                self.series.len() as u32 - 1
            });
            self.samples.push((*number, *value));
        }
        self.steps.push(Step::Batch {
            received: entry.received,
            timestamp: *timestamp,
            interval,
            samples: (begin, self.samples.len()),
        });
        // Not one by one: what is kept is moved each time.
        if self.samples.len() >= MOST_SAMPLES * 2 {
            self.forget_the_oldest();
        }
    }

    /// Where there are too many samples, the newest are tried.
    fn forget_the_oldest(&mut self) {
        let over = self.samples.len().saturating_sub(MOST_SAMPLES);
        if over == 0 {
            return;
        }
        let first = self.steps.iter().position(|step| match step {
            Step::Batch { samples, .. } => samples.0 >= over,
            Step::Down { .. } => false,
        });
        self.steps.drain(..first.unwrap_or(self.steps.len()));
        let gone = self.steps.iter().find_map(|step| match step {
            Step::Batch { samples, .. } => Some(samples.0),
            Step::Down { .. } => None,
        });
        let gone = gone.unwrap_or(self.samples.len());
        self.samples.drain(..gone);
        for step in &mut self.steps {
            if let Step::Batch { samples, .. } = step {
                *samples = (samples.0 - gone, samples.1 - gone);
            }
        }
        if let Some(Step::Batch { received, .. }) = self.steps.first() {
            self.asked.from = self.asked.from.max(*received);
        }
    }

    /// Tries what is asked for.
    pub fn run(&self) -> Report {
        let asked = &self.asked;
        let rule = self.outcome(&asked.rule);
        let matching = self.series.iter();
        let matching = matching.filter(|series| asked.rule.matches(series.key()));
        Report {
            from: asked.from,
            to: asked.to,
            samples: self.samples.len(),
            series: matching.count(),
            saved: asked.saved.as_ref().map(|saved| self.outcome(saved)),
            suggested: asked
                .per_week
                .and_then(|per_week| self.suggest(per_week, &rule)),
            rule,
        }
    }

    /// The events of a rule, in order, from the time that is asked for on; and the alerts that were open before it.
    fn events(&self, rule: &Arc<Rule>, mut take: impl FnMut(AlertEvent)) {
        let rule = Arc::new(Rule {
            enabled: true,
            ..Rule::clone(rule)
        });
        let mut engine = Engine::new(vec![rule], 0, GRACE);
        let mut now: Option<Timestamp> = None;
        for step in &self.steps {
            match step {
                Step::Batch {
                    received,
                    timestamp,
                    interval,
                    samples: (begin, end),
                } => {
                    pass(&mut engine, &mut now, *received, &mut take);
                    let samples = self.samples[*begin..*end].iter();
                    let samples =
                        samples.map(|(number, value)| (&self.series[*number as usize], *value));
                    let events = engine.observe(*received, *timestamp, *interval, samples);
                    events.into_iter().for_each(&mut take);
                }
                Step::Down { from, to } => {
                    pass(&mut engine, &mut now, *from, &mut take);
                    engine.slept(*from, *to);
                    now = Some(*to);
                }
            }
        }
        pass(&mut engine, &mut now, self.asked.to, &mut take);
    }

    fn outcome(&self, rule: &Arc<Rule>) -> Outcome {
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
                return;
            }
            // A rule that names channels is told to one all the same.
            outcome.notifications += notices.len();
            outcome.transitions += 1;
            let opened = event.since == event.timestamp && event.transition != Transition::Resolved;
            outcome.alerts += usize::from(opened);
            if outcome.first.len() < MOST_TRANSITIONS {
                outcome.first.push(AlertEvent::clone(&event));
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

    /// Thresholds at which people are told at most so often a week; see [`farther`](Self::farther).
    fn suggest(&self, per_week: u32, as_it_is: &Outcome) -> Option<Suggestion> {
        let weeks = self.asked.to.since(self.asked.from).as_secs_f64() / (7.0 * 86_400.0);
        let most = (f64::from(per_week) * weeks).floor() as usize;
        let found = self.farther(as_it_is, |outcome| outcome.notifications <= most)?;
        Some(Suggestion {
            per_week,
            levels: SuggestedLevels::of(&found.0),
            notifications: found.1.notifications,
        })
    }

    /// Thresholds at which no alert would have opened in the time that was asked for; see [`farther`](Self::farther).
    pub fn quiet(&self) -> Option<SuggestedLevels> {
        let as_it_is = self.outcome(&self.asked.rule);
        let found = self.farther(&as_it_is, |outcome| outcome.alerts == 0)?;
        Some(SuggestedLevels::of(&found.0))
    }

    /// The nearest thresholds that are good enough, all of them further out by the same distance, which is right to about a
    /// hundredth and has two digits. `None` where the rule has no thresholds, or none were found.
    fn farther(
        &self,
        as_it_is: &Outcome,
        is_enough: impl Fn(&Outcome) -> bool,
    ) -> Option<(Levels, Outcome)> {
        let rule = &self.asked.rule;
        let (_, first) = rule.levels.iter().next()?;
        if is_enough(as_it_is) {
            return Some((rule.levels, as_it_is.clone()));
        }
        let moved = |by: f64| {
            let levels = moved(&rule.levels, rule.compares(), by);
            let trial = Arc::new(Rule {
                levels,
                ..Rule::clone(rule)
            });
            (levels, self.outcome(&trial))
        };
        // Further and further out until it is enough, then back to where it just is.
        let mut near = 0.0;
        let mut far = (first.fire.abs() * 0.05)
            .max((first.fire - first.clear).abs())
            .max(1e-6);
        let mut trials = 0;
        let mut found = moved(far);
        while !is_enough(&found.1) {
            trials += 1;
            if trials >= MOST_TRIALS / 2 {
                return None;
            }
            near = far;
            far *= 2.0;
            found = moved(far);
        }
        while trials < MOST_TRIALS && far - near > (far.abs() * 0.01).max(1e-9) {
            trials += 1;
            let middle = near + (far - near) / 2.0;
            let tried = moved(middle);
            match is_enough(&tried.1) {
                true => (far, found) = (middle, tried),
                false => near = middle,
            }
        }
        let short = moved(two_digits_up(far));
        Some(match is_enough(&short.1) {
            true => short,
            false => found,
        })
    }
}

/// The least number of two digits that is not below this positive one.
fn two_digits_up(value: f64) -> f64 {
    let two_digits = |value: f64| format!("{value:.1e}").parse().unwrap_or(value);
    let nearest: f64 = two_digits(value);
    match nearest >= value {
        true => nearest,
        false => two_digits(nearest + 10f64.powi(value.log10().floor() as i32 - 1)),
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

/// Time passes up to `to`, with a tick in each second.
fn pass(
    engine: &mut Engine,
    now: &mut Option<Timestamp>,
    to: Timestamp,
    take: &mut impl FnMut(AlertEvent),
) {
    let mut at = now.unwrap_or(to);
    while at.plus(SECOND) <= to {
        at = at.plus(SECOND);
        engine.tick(at).into_iter().for_each(&mut *take);
    }
    *now = Some(at);
}

/// All thresholds this much further out.
fn moved(levels: &Levels, when: Direction, by: f64) -> Levels {
    let by = match when {
        Direction::Above => by,
        Direction::Below => -by,
    };
    let band = |level| {
        let Threshold { fire, clear } = levels.get(level)?;
        Some(Threshold {
            fire: fire + by,
            clear: clear + by,
        })
    };
    Levels {
        info: band(Level::Info),
        warning: band(Level::Warning),
        critical: band(Level::Critical),
    }
}
