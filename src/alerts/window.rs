//! The samples of one series over one rule's window, and whether there are enough of them for a verdict.
//!
//! Bounded whatever the window and the rate: the newest [`RECENT`] samples are kept as they came, older ones are
//! gathered in at most [`PANES`] panes. The window therefore slides in steps of a sixtieth of its length: up to sixty
//! samples a window it is exact to the sample, beyond that it may leave out the oldest sixtieth (a 10 min window
//! covers 590 to 600 s). Nothing is ever subtracted from a sum, so there is no float drift.

use std::{collections::VecDeque, time::Duration};

use crate::model::{Aggregate, Timestamp};

const PANES: u64 = 60;
/// How many distances between samples make the spacing.
const RECENT: usize = 5;
/// How much of a window must be covered for a verdict.
const COVERAGE: f64 = 0.8;
/// A longer distance than this many spacings is a gap.
const GAP: u32 = 3;

/// What a window holds, as numbers for a verdict and its explanation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) last: f64,
    pub(super) avg: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) samples: usize,
}

impl Summary {
    /// The value that is compared.
    pub(super) fn value(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            Aggregate::Last => self.last,
            Aggregate::Avg => self.avg,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
        }
    }
}

#[derive(Debug)]
struct Sample {
    timestamp: Timestamp,
    value: f64,
    /// Since the sample before it; `None` for the first of a series.
    distance: Option<Duration>,
}

#[derive(Debug)]
struct Pane {
    start: Timestamp,
    covered: Duration,
    samples: u32,
    sum: f64,
    min: f64,
    max: f64,
}

/// A sliding window of fixed length. Of length zero, it holds the newest sample alone and is always covered.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    panes: VecDeque<Pane>,
    recent: VecDeque<Sample>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            panes: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// Takes a sample. At the timestamp of the newest one it replaces that one; an older one is not for the caller to
    /// bring, and is dropped.
    pub(super) fn push(&mut self, timestamp: Timestamp, value: f64) {
        let mut distance = None;
        if let Some(newest) = self.recent.back_mut() {
            if timestamp <= newest.timestamp {
                if timestamp == newest.timestamp {
                    newest.value = value;
                }
                return;
            }
            distance = Some(timestamp.since(newest.timestamp));
        }
        if self.length.is_zero() {
            self.recent.clear();
        }
        self.recent.push_back(Sample {
            timestamp,
            value,
            distance,
        });
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.gather(&oldest);
        }
        let start = timestamp.minus(self.length);
        while self.panes.front().is_some_and(|p| p.start <= start) {
            self.panes.pop_front();
        }
    }

    /// Adds to the newest pane, or opens one.
    fn gather(&mut self, sample: &Sample) {
        let covered = covered(sample, self.spacing());
        let pane_length = Duration::from_millis((self.length.as_millis() as u64).div_ceil(PANES));
        match self.panes.back_mut() {
            Some(pane) if sample.timestamp.since(pane.start) < pane_length => {
                pane.covered += covered;
                pane.samples += 1;
                pane.sum += sample.value;
                pane.min = pane.min.min(sample.value);
                pane.max = pane.max.max(sample.value);
            }
            _ => self.panes.push_back(Pane {
                start: sample.timestamp,
                covered,
                samples: 1,
                sum: sample.value,
                min: sample.value,
                max: sample.value,
            }),
        }
    }

    /// The median of the last five distances between samples; zero while there is none.
    fn spacing(&self) -> Duration {
        let mut distances = [Duration::ZERO; RECENT];
        let mut known = 0;
        for distance in self.recent.iter().rev().filter_map(|s| s.distance) {
            distances[known] = distance;
            known += 1;
        }
        let distances = &mut distances[..known];
        distances.sort_unstable();
        // The lower one of two in the middle: rather too little coverage than too much.
        distances
            .get(known.saturating_sub(1) / 2)
            .copied()
            .unwrap_or_default()
    }

    /// Whether at least 80 % of the window, back from its newest sample, is covered by samples. A sample covers the
    /// distance to the one before it; across a gap, and for the first of a series, one spacing.
    pub(super) fn is_covered(&self) -> bool {
        let spacing = self.spacing();
        let covered: Duration = self.panes.iter().map(|p| p.covered).sum::<Duration>()
            + self.inside().map(|s| covered(s, spacing)).sum::<Duration>();
        covered.as_secs_f64() >= self.length.as_secs_f64() * COVERAGE
    }

    /// What the window holds now; `None` before the first sample.
    pub(super) fn summary(&self) -> Option<Summary> {
        let last = self.recent.back()?.value;
        let (mut samples, mut sum, mut min, mut max) = (0, 0.0, last, last);
        for pane in &self.panes {
            samples += pane.samples as usize;
            sum += pane.sum;
            min = min.min(pane.min);
            max = max.max(pane.max);
        }
        for sample in self.inside() {
            samples += 1;
            sum += sample.value;
            min = min.min(sample.value);
            max = max.max(sample.value);
        }
        Some(Summary {
            last,
            avg: sum / samples as f64,
            min,
            max,
            samples,
        })
    }

    /// The recent samples that lie in the window; the newest one always does.
    fn inside(&self) -> impl Iterator<Item = &Sample> {
        let newest = self.recent.back().map(|s| s.timestamp).unwrap_or_default();
        let start = newest.minus(self.length);
        self.recent
            .iter()
            .filter(move |s| s.timestamp > start || s.timestamp == newest)
    }
}

fn covered(sample: &Sample, spacing: Duration) -> Duration {
    match sample.distance {
        Some(distance) if distance <= spacing * GAP => distance,
        _ => spacing,
    }
}
