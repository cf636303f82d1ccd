//! A series that at least one rule watches.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    context::Context,
    lens::{Kept, Lens, Look},
    recent::{Recent, Taken},
    time::MAX_STEP,
    watch::{Sight, Watch},
    window::Summary,
};
use crate::model::{AlertEvent, Reason, Rule, SeriesKey, SourceId, Timestamp};

/// Whose samples they are.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) key: SeriesKey,
    pub(super) unit: String,
    pub(super) source: SourceId,
    /// How often its source measures, where it has a rhythm.
    pub(super) interval: Option<Duration>,
}

/// How often it is counted what does not come.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Nothing is due, whatever the time.
pub(super) const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// A series with the state of each rule that watches it.
#[derive(Debug)]
pub(super) struct Watched {
    recent: Recent,
    /// Engine time of its newest sample, or of when watching began.
    last_seen: Timestamp,
    /// How long after a sample it is to be looked for silence.
    patience: Duration,
    /// The user stopped its source: silence is what was asked for.
    pub(super) stopped: bool,
    kept: Vec<Kept>,
    lenses: Vec<Lens>,
    pub(super) subject: Subject,
}

impl Watched {
    pub(super) fn new(subject: Subject, stopped: bool, now: Timestamp) -> Self {
        Self {
            recent: Recent::default(),
            last_seen: now,
            patience: Duration::ZERO,
            stopped,
            kept: Vec::new(),
            lenses: Vec::new(),
            subject,
        }
    }

    /// Has one watch for each of `rules` that matches; what it knows of those stays. Returns the watches of other rules.
    pub(super) fn complete(&mut self, rules: &[Arc<Rule>]) -> Vec<Watch> {
        let lenses = std::mem::take(&mut self.lenses);
        let mut known: Vec<Watch> = lenses.into_iter().flat_map(|lens| lens.watches).collect();
        for rule in rules {
            if !rule.matches(&self.subject.key) {
                continue;
            }
            let there = known.iter().position(|watch| watch.rule.name == rule.name);
            let watch = match there.map(|at| known.swap_remove(at)) {
                Some(mut watch) => {
                    watch.follow(rule.clone(), &self.subject.key);
                    watch
                }
                None => Watch::new(rule.clone(), &self.subject.key),
            };
            self.add(watch);
        }
        self.drop_unused();
        self.settle();
        known
    }

    /// Takes the state of a rule from before a restart.
    pub(super) fn add(&mut self, watch: Watch) {
        let look = Look::of(&watch.rule);
        match self.lenses.iter_mut().find(|lens| lens.look == look) {
            Some(lens) => lens.watches.push(watch),
            None => {
                let mut lens = Lens::new(look, &mut self.kept);
                lens.watches.push(watch);
                self.lenses.push(lens);
            }
        }
    }

    /// Lets go of windows that no rule looks at any more.
    fn drop_unused(&mut self) {
        let mut at = 0;
        while at < self.kept.len() {
            if self.lenses.iter().any(|lens| lens.kept == Some(at)) {
                at += 1;
                continue;
            }
            self.kept.remove(at);
            for kept in self.lenses.iter_mut().filter_map(|lens| lens.kept.as_mut()) {
                *kept -= usize::from(*kept > at);
            }
        }
    }

    /// To be called whenever rules or the interval have changed.
    fn settle(&mut self) {
        self.lenses.iter_mut().for_each(Lens::settle);
        let subject = &self.subject;
        let silences = self.lenses.iter().flat_map(|lens| {
            let counts = lens.counts_silence().then_some(COUNT_EVERY);
            let silences = lens.watches.iter().map(|watch| watch.silence(subject));
            silences.chain(counts)
        });
        self.patience = silences.min().unwrap_or(Duration::MAX);
    }

    /// A sample; one older than the newest changes nothing. When it is to be looked for silence.
    pub(super) fn sample(
        &mut self,
        timestamp: Timestamp,
        interval: Option<Duration>,
        value: f64,
        cx: &mut Context,
        events: &mut Vec<AlertEvent>,
    ) -> Option<Timestamp> {
        let before = self.recent.newest().map(|sample| sample.timestamp);
        let taken = match self.kept.is_empty() {
            true => self.recent.replace(timestamp, value),
            false => self.recent.push(timestamp, value),
        };
        if let Taken::Late = taken {
            return None;
        }
        if self.subject.interval != interval {
            self.subject.interval = interval;
            self.settle();
        }
        let watched = cx.time.now().since(self.last_seen);
        let unwatched = before.is_some_and(|before| timestamp.since(before) > watched + MAX_STEP);
        self.last_seen = cx.time.now();
        for kept in &mut self.kept {
            kept.begin();
            if unwatched {
                kept.window.begin_anew(timestamp);
            }
            kept.push(timestamp, value, taken);
        }
        let mut summed_up: Option<(usize, Summary)> = None;
        for lens in &mut self.lenses {
            let (value, summary) = match lens.kept {
                None => (value, Summary::of(value)),
                Some(at) => {
                    let kept = &self.kept[at];
                    let summary = match summed_up {
                        Some((of, summary)) if of == at => summary,
                        _ => match kept.window.summary(&self.recent) {
                            Some(summary) => summary,
                            None => continue,
                        },
                    };
                    summed_up = Some((at, summary));
                    (lens.look.value(kept, &summary), summary)
                }
            };
            if lens.is_quiet(value) && cx.may_skip() {
                continue;
            }
            let (kept, look) = (lens.kept.map(|at| &self.kept[at]), lens.look);
            let sight = Sight {
                summary: Some(summary),
                value: Some(value),
                suffices: kept.is_none_or(|kept| look.suffices(kept, &self.recent)),
            };
            for watch in &mut lens.watches {
                events.extend(watch.look(&self.subject, sight, cx));
            }
            lens.settle();
        }
        Some(self.due())
    }

    /// A sample from before a start, for the windows alone; one older than the newest changes nothing.
    pub(super) fn refill(&mut self, timestamp: Timestamp, value: f64) {
        let taken = self.recent.push(timestamp, value);
        if !matches!(taken, Taken::Late) {
            for kept in &mut self.kept {
                kept.push(timestamp, value, taken);
            }
        }
    }

    /// What it said before, oldest first, for windows that were made since its newest sample.
    pub(super) fn recall(&mut self, samples: impl Iterator<Item = (Timestamp, f64)>) {
        let newest = self.recent.newest().map(|sample| sample.timestamp);
        for (timestamp, value) in samples {
            if newest.is_none_or(|newest| timestamp > newest) {
                self.refill(timestamp, value);
                continue;
            }
            for kept in &mut self.kept {
                kept.recall(timestamp, value);
            }
        }
        for kept in &mut self.kept {
            kept.close_up(&self.recent);
        }
    }

    /// When it is to be looked for silence, unless there is a sample before.
    pub(super) fn due(&self) -> Timestamp {
        match self.stopped {
            true => NEVER,
            false => self.last_seen.plus(self.patience),
        }
    }

    /// Finds that it has become silent; when to look again.
    pub(super) fn look_for_silence(
        &mut self,
        cx: &mut Context,
        events: &mut Vec<AlertEvent>,
    ) -> Timestamp {
        if self.stopped {
            return NEVER;
        }
        let now = cx.time.now();
        let mut next = NEVER;
        for at in 0..self.lenses.len() {
            let sight = self.sight(at);
            let lens = &mut self.lenses[at];
            if lens.counts_silence() {
                next = next.min(now.plus(COUNT_EVERY));
                if let (Some(newest), Some(kept)) = (self.recent.newest(), lens.kept) {
                    // The time that has passed, as the series tells it.
                    let end = newest.timestamp.plus(now.since(self.last_seen));
                    let window = &mut self.kept[kept].window;
                    let sight = Sight {
                        value: Some(window.count_at(&self.recent, end) as f64),
                        suffices: window.is_known(&self.recent, end),
                        ..sight
                    };
                    for watch in &mut lens.watches {
                        events.extend(watch.miss(&self.subject, sight, cx));
                    }
                }
            }
            for watch in &mut lens.watches {
                let silent_at = self.last_seen.plus(watch.silence(&self.subject));
                if now < silent_at {
                    next = next.min(silent_at);
                } else {
                    events.extend(watch.fall_silent(&self.subject, sight, cx));
                }
            }
            lens.settle();
        }
        next
    }

    /// What is seen of it through a lens while nothing is compared.
    fn sight(&self, lens: usize) -> Sight {
        let summary = match self.lenses[lens].kept {
            Some(kept) => self.kept[kept].window.summary(&self.recent),
            None => self.recent.newest().map(|s| Summary::of(s.value)),
        };
        Sight {
            summary,
            value: None,
            suffices: false,
        }
    }

    /// Whether it has said nothing for so long.
    pub(super) fn is_idle(&self, idle: Duration, now: Timestamp) -> bool {
        now.since(self.last_seen) >= idle
    }

    /// Whether there are windows that no sample has come to since they were made.
    pub(super) fn has_new_windows(&self) -> bool {
        self.kept.iter().any(Kept::is_new)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lenses.is_empty()
    }

    pub(super) fn into_watches(self) -> impl Iterator<Item = Watch> {
        self.lenses.into_iter().flat_map(|lens| lens.watches)
    }

    pub(super) fn watches(&self) -> impl Iterator<Item = &Watch> {
        self.lenses.iter().flat_map(|lens| &lens.watches)
    }

    /// The watch whose open alert has this id, and whose series it is.
    pub(super) fn find_open(&mut self, id: Uuid) -> Option<(&mut Watch, &Subject)> {
        let is_open = |watch: &Watch| watch.open.as_ref().is_some_and(|alert| alert.id == id);
        let mut watches = self.lenses.iter_mut().flat_map(|lens| &mut lens.watches);
        let watch = watches.find(|watch| is_open(watch))?;
        Some((watch, &self.subject))
    }

    /// The user stops the source: what happens from here on is not watched, so no hold counts across it.
    pub(super) fn stop(&mut self, cx: &mut Context) {
        self.stopped = true;
        for lens in &mut self.lenses {
            for watch in &mut lens.watches {
                watch.break_holds(cx);
            }
            lens.settle();
        }
    }

    /// Somebody listens again.
    pub(super) fn wake(&mut self, holds_go_on: bool, cx: &mut Context) {
        self.last_seen = cx.time.now();
        for lens in &mut self.lenses {
            if !holds_go_on {
                lens.watches.iter_mut().for_each(|w| w.break_holds(cx));
            }
            lens.settle();
        }
    }

    /// The user starts the source: silence counts from now.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.stopped = false;
        self.last_seen = now;
    }

    /// It is over: resolves what is open.
    pub(super) fn end(mut self, reason: Reason, cx: &mut Context, events: &mut Vec<AlertEvent>) {
        for at in 0..self.lenses.len() {
            let sight = self.sight(at);
            for watch in &mut self.lenses[at].watches {
                events.extend(watch.end(&self.subject, reason, sight, cx));
            }
        }
    }
}
