//! The samples of one series over one length of time, and whether there are enough of them for a verdict.
//!
//! Bounded whatever the length and the rate: the newest samples are kept as they came, for all windows of a series
//! together (`recent`), older ones are gathered in at most [`PANES`] panes. The window therefore slides in steps of a
//! sixtieth of its length: up to sixty samples a window it is exact to the sample, beyond that it may leave out the oldest
//! sixtieth (a 10 min window covers 590 to 600 s). Nothing is ever subtracted from a sum, so there is no float drift.
//!
//! What it holds is known at any time without going through it. Its panes are two stacks in one ring: those in front
//! have been added up from the back, so each also holds all panes after it up to the last of the front; those behind are
//! as they came, with one running total. When the front is used up, the ones behind are added up in turn, which is one
//! addition a pane in its life.

use std::{collections::VecDeque, time::Duration};

use super::{
    pane::Pane,
    recent::{Recent, Sample},
};
use crate::model::Timestamp;

const PANES: u64 = 60;
/// How much of a window must be covered for a verdict.
const COVERAGE: f64 = 0.8;

/// What a window holds, as numbers for a verdict and its explanation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) last: f64,
    pub(super) avg: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) sum: f64,
    pub(super) samples: usize,
    /// The newest less the oldest.
    pub(super) delta: f64,
    /// The seconds between them.
    pub(super) seconds: f64,
}

impl Summary {
    /// Of one sample.
    pub(super) fn of(value: f64) -> Self {
        Self {
            last: value,
            avg: value,
            min: value,
            max: value,
            sum: value,
            samples: 1,
            delta: 0.0,
            seconds: 0.0,
        }
    }
}

/// A sliding window of fixed length, which is not zero.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    panes: VecDeque<Pane>,
    /// How many panes in front are added up.
    added_up: usize,
    /// All panes behind those.
    behind: Option<Pane>,
    /// The oldest sample it was ever given.
    began: Option<Timestamp>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            panes: VecDeque::new(),
            added_up: 0,
            behind: None,
            began: None,
        }
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Takes a sample that is not among the recent ones any more; it covers so many milliseconds.
    pub(super) fn gather(&mut self, sample: &Sample, covered: u32) {
        self.began.get_or_insert(sample.timestamp);
        let pane = Pane::of(sample, covered);
        let length = pane_length(self.length);
        match self.panes.back_mut() {
            Some(last) if sample.timestamp.since(last.start) < length => *last = last.then(&pane),
            _ => self.panes.push_back(pane),
        }
        self.behind = Some(match self.behind {
            Some(behind) => behind.then(&pane),
            None => pane,
        });
    }

    /// From here on is all that is known of the series: nobody watched it before.
    pub(super) fn begin_anew(&mut self, at: Timestamp) {
        self.began = Some(at);
    }

    /// Lets go of what is too old for a window that ends at `end`.
    pub(super) fn slide(&mut self, end: Timestamp) {
        let start = end.minus(self.length);
        while self.panes.front().is_some_and(|pane| pane.start <= start) {
            if self.added_up == 0 {
                self.add_up();
            }
            self.panes.pop_front();
            match self.added_up {
                // The last pane is never added up, because it grows; it was the only one.
                0 => self.behind = None,
                _ => self.added_up -= 1,
            }
        }
    }

    /// Adds up the panes behind those in front, but for the last.
    fn add_up(&mut self) {
        let Some(last) = self.panes.len().checked_sub(1) else {
            return;
        };
        for at in (0..last.saturating_sub(1)).rev() {
            self.panes[at] = self.panes[at].then(&self.panes[at + 1]);
        }
        self.added_up = last;
        self.behind = self.panes.back().copied();
    }

    /// Whether at least 80 % of the window, back from its newest sample, is covered by samples.
    pub(super) fn is_covered(&self, recent: &Recent) -> bool {
        let Some(newest) = recent.newest() else {
            return false;
        };
        let gathered = self.gathered().map_or(0, |pane| pane.covered);
        let inside = recent.covered_after(newest.timestamp.minus(self.length));
        let covered = gathered.saturating_add(inside);
        f64::from(covered) >= self.length.as_millis() as f64 * COVERAGE
    }

    /// Whether the series was known for at least 80 % of the window before `end`, whatever it said.
    pub(super) fn is_known(&self, recent: &Recent, end: Timestamp) -> bool {
        let oldest = recent.samples().first().map(|sample| sample.timestamp);
        let began = self.began.or(oldest);
        let age = began.map(|began| end.since(began)).unwrap_or_default();
        age.as_secs_f64() >= self.length.as_secs_f64() * COVERAGE
    }

    /// What the window holds now, with the recent samples; `None` before the first sample.
    pub(super) fn summary(&self, recent: &Recent) -> Option<Summary> {
        let newest = recent.newest()?;
        let inside = recent.after(newest.timestamp.minus(self.length))?;
        let all = match self.gathered() {
            Some(pane) => pane.then(&inside),
            None => inside,
        };
        Some(Summary {
            last: newest.value,
            avg: all.sum / f64::from(all.samples),
            min: all.min,
            max: all.max,
            sum: all.sum,
            samples: all.samples as usize,
            delta: newest.value - all.first,
            seconds: newest.timestamp.since(all.start).as_secs_f64(),
        })
    }

    /// How many samples there are in the window that ends at `end`, which is not before the newest one.
    pub(super) fn count_at(&mut self, recent: &Recent, end: Timestamp) -> usize {
        self.slide(end);
        let gathered = self.gathered().map_or(0, |pane| pane.samples as usize);
        gathered + recent.count_after(end.minus(self.length))
    }

    /// All panes.
    fn gathered(&self) -> Option<Pane> {
        let front = self.panes.front().filter(|_| self.added_up > 0);
        match (front, &self.behind) {
            (Some(front), Some(behind)) => Some(front.then(behind)),
            (front, behind) => front.or(behind.as_ref()).copied(),
        }
    }
}

/// How long a pane is, of a window of this length.
pub(super) fn pane_length(of_window: Duration) -> Duration {
    Duration::from_millis((of_window.as_millis() as u64).div_ceil(PANES))
}
