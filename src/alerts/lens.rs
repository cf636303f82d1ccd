//! How the rules of one series look at it: what is kept of it, and the value that each of them compares.
//!
//! Rules that look at the same length of time share what is kept of it, and those that compare the same value share the
//! lens. Most of the time nothing is wrong and nothing is about to be: a lens knows the values at which none of its watches
//! would do anything, and while its value is one of those they are not asked.

use std::time::Duration;

use super::{
    quantiles::Quantiles,
    recent::{Recent, Taken},
    trend::Trend,
    trigger::Trigger,
    watch::Watch,
    window::{Summary, Window},
};
use crate::model::{Aggregate, AlertEvent, AlertState, Direction, Level, Rule, Timestamp};

/// What is kept of a series for one length of time.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) window: Window,
    more: More,
    /// No sample has come since it was made, so it may be given those before.
    is_new: bool,
    /// The last of those that it was given so.
    earlier: Option<Box<Recent>>,
}

/// What a summary does not tell.
#[derive(Debug)]
enum More {
    Nothing,
    Quantiles(Box<Quantiles>),
    Trend(Box<Trend>),
}

impl Kept {
    fn new(look: &Look) -> Self {
        let length = look.length;
        Self {
            window: Window::new(length),
            more: match look.aggregate {
                Aggregate::P95 => More::Quantiles(Box::new(Quantiles::new(length))),
                Aggregate::HoursUntil => More::Trend(Box::new(Trend::new(length))),
                _ => More::Nothing,
            },
            is_new: true,
            earlier: None,
        }
    }

    /// Whether this look can be had with it.
    fn serves(&self, look: &Look) -> bool {
        let has_it = match look.aggregate {
            Aggregate::P95 => matches!(self.more, More::Quantiles(_)),
            Aggregate::HoursUntil => matches!(self.more, More::Trend(_)),
            _ => matches!(self.more, More::Nothing),
        };
        has_it && self.window.length() == look.length
    }

    /// A sample, and what it made of the recent ones of its series.
    pub(super) fn push(&mut self, timestamp: Timestamp, value: f64, taken: Taken) {
        if let Taken::Newest(Some((sample, covered))) = taken {
            self.window.gather(&sample, covered);
        }
        self.window.slide(timestamp);
        self.more.push(timestamp, value);
    }

    /// Whether no sample has come since it was made.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// From here on samples from before would come too late.
    pub(super) fn begin(&mut self) {
        self.is_new = false;
    }

    /// A sample from before it was made, when the series has newer ones; of no use once it has been given those.
    pub(super) fn recall(&mut self, timestamp: Timestamp, value: f64) {
        if !self.is_new {
            return;
        }
        let earlier = self.earlier.get_or_insert_default();
        if let Taken::Newest(Some((sample, covered))) = earlier.push(timestamp, value) {
            self.window.gather(&sample, covered);
            self.window.slide(timestamp);
        }
        self.more.push(timestamp, value);
    }

    /// Gathers the last of what it was given from before, as far as it is not among the recent ones.
    pub(super) fn close_up(&mut self, recent: &Recent) {
        let Some(earlier) = self.earlier.take() else {
            return;
        };
        let oldest = recent.samples().first().map(|sample| sample.timestamp);
        for sample in earlier.samples() {
            if oldest.is_none_or(|oldest| sample.timestamp < oldest) {
                self.window.gather(sample, earlier.covered(sample));
            }
        }
    }
}

impl More {
    fn push(&mut self, timestamp: Timestamp, value: f64) {
        match self {
            Self::Nothing => {}
            Self::Quantiles(quantiles) => quantiles.push(timestamp, value),
            Self::Trend(trend) => trend.push(timestamp, value),
        }
    }
}

/// Which value of which length of time: rules that have this in common compare the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) aggregate: Aggregate,
    pub(super) length: Duration,
    /// With [`Aggregate::HoursUntil`]: until what, from which side.
    goal: Option<(f64, Direction)>,
}

impl Look {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            aggregate: rule.aggregate,
            length: rule.window,
            goal: rule.until.map(|goal| (goal, rule.when)),
        }
    }

    /// The value that is compared, given what the window holds.
    pub(super) fn value(&self, kept: &Kept, summary: &Summary) -> f64 {
        match (self.aggregate, &kept.more) {
            (Aggregate::Last, _) => summary.last,
            (Aggregate::Avg, _) => summary.avg,
            (Aggregate::Min, _) => summary.min,
            (Aggregate::Max, _) => summary.max,
            (Aggregate::Sum, _) => summary.sum,
            (Aggregate::Count, _) => summary.samples as f64,
            (Aggregate::Delta, _) => summary.delta,
            (Aggregate::Rate, _) => summary.delta / summary.seconds,
            (Aggregate::P95, More::Quantiles(quantiles)) => quantiles.p95().unwrap_or(f64::NAN),
            (Aggregate::HoursUntil, More::Trend(trend)) => self
                .goal
                .and_then(|(goal, when)| trend.hours_until(goal, when))
                .unwrap_or(f64::NAN),
            // No look is had with what does not serve it.
            (Aggregate::P95 | Aggregate::HoursUntil, _) => f64::NAN,
        }
    }

    /// Whether enough of the window is known for a verdict. Samples that are counted may be few: then it is enough that
    /// the series was known.
    pub(super) fn suffices(&self, kept: &Kept, recent: &Recent) -> bool {
        match (self.aggregate, recent.newest()) {
            (Aggregate::Count, Some(newest)) => kept.window.is_known(recent, newest.timestamp),
            _ => kept.window.is_covered(recent),
        }
    }
}

/// One value of a series, and the rules that compare it.
#[derive(Debug)]
pub(super) struct Lens {
    pub(super) look: Look,
    /// Which of what is kept; none for the newest value.
    pub(super) kept: Option<usize>,
    pub(super) watches: Vec<Watch>,
    /// While the value is from the one to the other, no watch does anything. Never true where the first is greater.
    quiet: (f64, f64),
}

impl Lens {
    /// A lens for this look, and what it needs kept, unless that is there.
    pub(super) fn new(look: Look, kept: &mut Vec<Kept>) -> Self {
        let at = (!look.length.is_zero()).then(|| {
            let there = kept.iter().position(|kept| kept.serves(&look));
            there.unwrap_or_else(|| {
                kept.push(Kept::new(&look));
                kept.len() - 1
            })
        });
        Self {
            look,
            kept: at,
            watches: Vec::new(),
            quiet: NEVER_QUIET,
        }
    }

    /// Whether this value would change nothing.
    pub(super) fn is_quiet(&self, value: f64) -> bool {
        self.quiet.0 <= value && value <= self.quiet.1
    }

    /// Whether silence is a value to it: fewer samples than there should be.
    pub(super) fn counts_silence(&self) -> bool {
        self.watches.iter().any(Watch::counts_silence)
    }

    /// To be called whenever a watch may have changed.
    pub(super) fn settle(&mut self) {
        let mut quiet = ALWAYS_QUIET;
        for watch in &self.watches {
            let (from, to) = quiet_of(watch);
            quiet = (quiet.0.max(from), quiet.1.min(to));
        }
        self.quiet = quiet;
    }
}

const ALWAYS_QUIET: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const NEVER_QUIET: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// The values at which a verdict would change nothing of a watch.
fn quiet_of(watch: &Watch) -> (f64, f64) {
    let silent = |alert: &AlertEvent| alert.state == AlertState::NoData;
    if watch.open.as_deref().is_some_and(silent) {
        return NEVER_QUIET;
    }
    let rule = &*watch.rule;
    let mut quiet = ALWAYS_QUIET;
    for level in Level::ALL {
        let of_level = match (watch.triggers[level as usize], rule.levels.get(level)) {
            (Trigger::Idle, None) => ALWAYS_QUIET,
            // Not beyond `fire` is no breach, whatever a guard says.
            (Trigger::Idle, Some(threshold)) => match rule.compares() {
                Direction::Above => (f64::NEG_INFINITY, threshold.fire),
                Direction::Below => (threshold.fire, f64::INFINITY),
            },
            // Beyond `clear` is no recovery, unless a guard says so.
            (Trigger::Firing, Some(threshold)) if rule.guard.is_none() => match rule.compares() {
                Direction::Above => (threshold.clear.next_up(), f64::INFINITY),
                Direction::Below => (f64::NEG_INFINITY, threshold.clear.next_down()),
            },
            // A hold goes on.
            _ => NEVER_QUIET,
        };
        quiet = (quiet.0.max(of_level.0), quiet.1.min(of_level.1));
    }
    quiet
}
