//! Samples that follow each other, added up.

use super::recent::Sample;
use crate::model::Timestamp;

/// See the module. Nothing can be taken out of one: what has been added to a sum stays in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pane {
    /// The time of the oldest.
    pub(super) start: Timestamp,
    /// Milliseconds that its samples cover.
    pub(super) covered: u32,
    pub(super) samples: u32,
    /// The oldest.
    pub(super) first: f64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Pane {
    pub(super) fn of(sample: &Sample, covered: u32) -> Self {
        Self {
            start: sample.timestamp,
            covered,
            samples: 1,
            first: sample.value,
            sum: sample.value,
            min: sample.value,
            max: sample.value,
        }
    }

    /// This one and the one that follows it.
    pub(super) fn then(self, later: &Self) -> Self {
        Self {
            start: self.start,
            covered: self.covered.saturating_add(later.covered),
            samples: self.samples + later.samples,
            first: self.first,
            sum: self.sum + later.sum,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
        }
    }
}
