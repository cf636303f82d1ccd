//! The 95th percentile of a window.
//!
//! Values that differ by less than a thousandth are counted together, in buckets whose bounds grow by that (the idea of
//! DDSketch, Masson et al. 2019); of each bucket the newest value stands for all. So the answer is a value that was
//! measured, within a thousandth of the exact one, and exact as long as no two different values are that close. Memory is
//! bounded by the different values of the window, at most some 12,000 for each power of ten thousand that they span.
//!
//! It slides as the other windows do, in steps of a sixtieth; counts are whole numbers, so taking out is exact.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::window::pane_length;
use crate::model::Timestamp;

/// The logarithm of the ratio between the bounds of a bucket: values in one differ by less than a thousandth.
const LOG_RATIO: f64 = 0.000_999_5;
/// Buckets of values beside zero begin this far from it, so that those of either sign do not meet.
const OFFSET: i32 = 1 << 21;

#[derive(Debug)]
struct Pane {
    start: Timestamp,
    counts: Vec<(i32, u32)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Quantiles {
    length: Duration,
    panes: VecDeque<Pane>,
    /// By bucket: how many, and the newest value of it.
    all: BTreeMap<i32, (u32, f64)>,
    samples: usize,
    newest: Option<(Timestamp, f64)>,
}

impl Quantiles {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            panes: VecDeque::new(),
            all: BTreeMap::new(),
            samples: 0,
            newest: None,
        }
    }

    /// Takes a sample; one at the timestamp of the newest takes the place of that.
    pub(super) fn push(&mut self, timestamp: Timestamp, value: f64) {
        if let Some((newest, before)) = self.newest {
            if timestamp < newest {
                return;
            }
            if timestamp == newest {
                self.replace(before, value);
                self.newest = Some((timestamp, value));
                return;
            }
        }
        self.newest = Some((timestamp, value));
        let bucket = bucket(value);
        let length = pane_length(self.length);
        match self.panes.back_mut() {
            Some(pane) if timestamp.since(pane.start) < length => pane.add(bucket),
            _ => self.panes.push_back(Pane {
                start: timestamp,
                counts: vec![(bucket, 1)],
            }),
        }
        self.add(bucket, value);
        let start = timestamp.minus(self.length);
        while let Some(pane) = self.panes.front().filter(|pane| pane.start <= start) {
            let counts = pane.counts.clone();
            self.panes.pop_front();
            for (bucket, count) in counts {
                self.take(bucket, count);
            }
        }
    }

    /// The smallest value that is not below 95 % of all; `None` before the first sample.
    pub(super) fn p95(&self) -> Option<f64> {
        // Whole numbers: 95 % of 20 is 19, which 0.95 × 20 is not to be trusted with.
        let rank = (self.samples * 95).div_ceil(100);
        let above = self.samples - rank;
        let mut passed = 0;
        for (count, value) in self.all.values().rev() {
            passed += *count as usize;
            if passed > above {
                return Some(*value);
            }
        }
        None
    }

    fn replace(&mut self, before: f64, value: f64) {
        let (old, new) = (bucket(before), bucket(value));
        if let Some(pane) = self.panes.back_mut() {
            if let Some((_, count)) = pane.counts.iter_mut().find(|(b, _)| *b == old) {
                *count -= 1;
            }
            pane.counts.retain(|(_, count)| *count > 0);
            pane.add(new);
        }
        self.take(old, 1);
        self.add(new, value);
    }

    fn add(&mut self, bucket: i32, value: f64) {
        self.samples += 1;
        let (count, newest) = self.all.entry(bucket).or_default();
        (*count, *newest) = (*count + 1, value);
    }

    fn take(&mut self, bucket: i32, count: u32) {
        self.samples -= count as usize;
        if let Some((left, _)) = self.all.get_mut(&bucket) {
            *left -= count;
            if *left == 0 {
                self.all.remove(&bucket);
            }
        }
    }
}

impl Pane {
    fn add(&mut self, bucket: i32) {
        match self.counts.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.counts[at].1 += 1,
            Err(at) => self.counts.insert(at, (bucket, 1)),
        }
    }
}

/// The bucket of a value; buckets are in the order of their values.
fn bucket(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    let size = (value.abs().ln() / LOG_RATIO).floor() as i32 + OFFSET;
    if value < 0.0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn exact(values: &[f64]) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * 95).div_ceil(100) - 1]
    }

    #[test]
    fn of_a_hundred_the_ninety_fifth() {
        let mut quantiles = Quantiles::new(Duration::from_secs(3600));
        for n in 1..=100 {
            quantiles.push(Timestamp::from_millis(n * 1000), n as f64);
        }
        assert_eq!(quantiles.p95(), Some(95.0));
    }

    #[test]
    fn every_finite_value_has_a_bucket_in_order() {
        let values = [
            f64::MIN,
            -1.0,
            -1e-300,
            -f64::MIN_POSITIVE,
            0.0,
            f64::MIN_POSITIVE,
            1e-300,
            1.0,
            f64::MAX,
        ];
        let buckets: Vec<_> = values.into_iter().map(bucket).collect();
        assert!(buckets.is_sorted_by(|a, b| a < b), "{buckets:?}");
    }

    proptest! {
        #[test]
        fn it_is_the_exact_one_to_a_thousandth(
            values in vec(prop_oneof![-1e6..1e6, Just(0.0), -1.0..1.0], 1..200),
            length in 1..120_i64,
        ) {
            let mut quantiles = Quantiles::new(Duration::from_secs(length as u64));
            for (at, value) in values.iter().enumerate() {
                // A correction first: it must leave nothing behind.
                quantiles.push(Timestamp::from_millis(at as i64 * 1000), 1e9);
                quantiles.push(Timestamp::from_millis(at as i64 * 1000), *value);
            }
            // Up to sixty samples it is exact to the sample, beyond it may lack the oldest pane.
            let found = quantiles.p95().unwrap();
            let pane = pane_length(quantiles.length).as_secs_f64().ceil() as usize;
            let longest = (length as usize).min(values.len());
            let fits = (longest.saturating_sub(pane).max(1)..=longest).any(|window| {
                let expected = exact(&values[values.len() - window..]);
                (found - expected).abs() <= expected.abs() * 1e-3
            });
            prop_assert!(fits, "{found}");
        }
    }
}
