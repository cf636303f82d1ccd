//! The newest samples of a series, as they came. They can still be corrected, and tell how far apart samples are; what is
//! older is gathered by the windows.

use std::time::Duration;

use super::pane::Pane;
use crate::model::Timestamp;

/// How many; the distances between them make the spacing.
const MOST: usize = 5;
/// A longer distance than this many spacings is a gap.
const GAP: u32 = 3;

/// A sample, and how far it is from the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) timestamp: Timestamp,
    pub(super) value: f64,
    /// In milliseconds; `None` for the first of a series.
    distance: Option<u32>,
}

impl Sample {
    /// A sample covers the distance to the one before it; across a gap, and for the first of a series, one spacing.
    fn covered(&self, spacing: u32) -> u32 {
        match self.distance {
            Some(distance) if distance <= spacing.saturating_mul(GAP) => distance,
            _ => spacing,
        }
    }
}

/// What became of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    /// It is older than the newest: nothing.
    Late,
    /// It took the place of the newest, which had the same time.
    Corrected,
    /// It is the newest. What had to make room for it, with the milliseconds that it covers, if anything had to.
    Newest(Option<(Sample, u32)>),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    samples: [Sample; MOST],
    known: usize,
}

impl Recent {
    pub(super) fn push(&mut self, timestamp: Timestamp, value: f64) -> Taken {
        let mut distance = None;
        if let Some(newest) = self.newest() {
            let before = newest.timestamp;
            if timestamp < before {
                return Taken::Late;
            }
            if timestamp == before {
                self.samples[self.known - 1].value = value;
                return Taken::Corrected;
            }
            distance = Some(millis(timestamp.since(before)));
        }
        let sample = Sample {
            timestamp,
            value,
            distance,
        };
        let mut gone = None;
        if self.known < MOST {
            self.samples[self.known] = sample;
            self.known += 1;
        } else {
            gone = Some(self.samples[0]);
            self.samples.copy_within(1.., 0);
            self.samples[MOST - 1] = sample;
        }
        Taken::Newest(gone.map(|sample| (sample, sample.covered(self.spacing()))))
    }

    /// Takes a sample of which only the newest is wanted.
    pub(super) fn replace(&mut self, timestamp: Timestamp, value: f64) -> Taken {
        if self
            .newest()
            .is_some_and(|newest| timestamp < newest.timestamp)
        {
            return Taken::Late;
        }
        self.samples[0] = Sample {
            timestamp,
            value,
            distance: None,
        };
        self.known = 1;
        Taken::Newest(None)
    }

    /// The newest.
    pub(super) fn newest(&self) -> Option<&Sample> {
        self.samples().last()
    }

    /// All of them, oldest first.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples[..self.known]
    }

    /// Those later than `start`, added up but for what they cover.
    pub(super) fn after(&self, start: Timestamp) -> Option<Pane> {
        let samples = self.samples();
        let earlier = samples.iter().take_while(|s| s.timestamp <= start).count();
        let (first, others) = samples[earlier..].split_first()?;
        let mut all = Pane::of(first, 0);
        for sample in others {
            all.samples += 1;
            all.sum += sample.value;
            all.min = all.min.min(sample.value);
            all.max = all.max.max(sample.value);
        }
        Some(all)
    }

    /// The milliseconds that those later than `start` cover.
    pub(super) fn covered_after(&self, start: Timestamp) -> u32 {
        let spacing = self.spacing();
        let later = self.samples().iter().filter(|s| s.timestamp > start);
        later.map(|sample| sample.covered(spacing)).sum()
    }

    /// How many are later than `start`.
    pub(super) fn count_after(&self, start: Timestamp) -> usize {
        let later = self.samples().iter().filter(|s| s.timestamp > start);
        later.count()
    }

    /// The milliseconds that one of them covers.
    pub(super) fn covered(&self, sample: &Sample) -> u32 {
        sample.covered(self.spacing())
    }

    /// The median of the distances between them, in milliseconds; zero while there is none.
    fn spacing(&self) -> u32 {
        let mut distances = [0; MOST];
        let mut known = 0;
        for distance in self.samples().iter().filter_map(|s| s.distance) {
            distances[known] = distance;
            known += 1;
        }
        let distances = &mut distances[..known];
        if !distances.windows(2).all(|pair| pair[0] == pair[1]) {
            distances.sort_unstable();
        }
        // The lower one of two in the middle: rather too little coverage than too much.
        distances
            .get(known.saturating_sub(1) / 2)
            .copied()
            .unwrap_or_default()
    }
}

/// In whole milliseconds, of which windows have fewer than 2³².
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
