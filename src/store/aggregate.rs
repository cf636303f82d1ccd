//! What many samples are in one row of a coarser tier: the smallest, the largest, their sum, how many, the last.
//!
//! Rows of the same time can be put together, so that a minute whose samples are in two blocks is still one minute.

use crate::model::decimal;

/// So many columns make a row.
pub const COLUMNS: usize = 5;

/// Samples of one series within one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aggregate {
    /// Which stretch: the time divided by its length, rounded down.
    pub bucket: i64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their sum.
    pub sum: f64,
    /// How many.
    pub count: f64,
    /// The one that was measured last.
    pub last: f64,
    /// When that was, in unix milliseconds.
    pub last_at: i64,
}

impl Aggregate {
    /// Of nothing yet.
    pub fn none(bucket: i64) -> Self {
        Self {
            bucket,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            count: 0.0,
            last: 0.0,
            last_at: i64::MIN,
        }
    }

    /// With one more sample, the newest.
    pub fn add(&mut self, time: i64, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        self.count += 1.0;
        self.take_last(time, value);
    }

    /// Of one moment the one that comes later.
    fn take_last(&mut self, time: i64, value: f64) {
        if time >= self.last_at {
            (self.last, self.last_at) = (value, time);
        }
    }

    /// With a finer row.
    pub fn add_row(&mut self, row: &Self) {
        self.min = self.min.min(row.min);
        self.max = self.max.max(row.max);
        self.sum += row.sum;
        self.count += row.count;
        self.take_last(row.last_at, row.last);
    }

    /// The arithmetic mean.
    pub fn avg(&self) -> f64 {
        // The sum may be off by a last digit; a mean outside of what it is the mean of may not.
        decimal::mean(self.sum, self.count).clamp(self.min, self.max)
    }

    /// Of one sample.
    pub fn of_sample(bucket: i64, time: i64, value: f64) -> Self {
        let mut of = Self::none(bucket);
        of.add(time, value);
        of
    }

    /// Of finer rows; at least one.
    pub fn of_rows(bucket: i64, rows: &[Self]) -> Self {
        let mut of = Self::none(bucket);
        rows.iter().for_each(|row| of.add_row(row));
        let sums: Vec<f64> = rows.iter().map(|row| row.sum).collect();
        of.sum = decimal::sum(&sums);
        of
    }

    /// Its columns.
    pub fn columns(&self) -> [f64; COLUMNS] {
        [self.min, self.max, self.sum, self.count, self.last]
    }

    /// From its columns.
    pub fn from_columns(
        (bucket, last_at): (i64, i64),
        [min, max, sum, count, last]: [f64; COLUMNS],
    ) -> Self {
        Self {
            bucket,
            min,
            max,
            sum,
            count,
            last,
            last_at,
        }
    }
}

/// Rows by stretches that are `by` times as long; those of the same stretch are put together.
pub fn roll_rows(rows: &mut [Aggregate], by: i64) -> Vec<Aggregate> {
    rows.sort_by_key(|row| row.bucket);
    let same = |a: &Aggregate, b: &Aggregate| a.bucket.div_euclid(by) == b.bucket.div_euclid(by);
    let rolled = rows.chunk_by(same);
    rolled
        .map(|of_one| Aggregate::of_rows(of_one[0].bucket.div_euclid(by), of_one))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::decimal::{POWERS, Sum},
        store::points::Points,
    };
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn the_mean_of_decimals_is_the_nearest_number_to_it(
            whole in vec(-100_000i64..100_000, 1..200),
            power in 0usize..6,
        ) {
            let value = |n: &i64| *n as f64 / POWERS[power];
            let points: Points = (0..).zip(whole.iter().map(value)).collect();
            let (sum, count): (i64, i64) = (whole.iter().sum(), whole.len() as i64);
            let nearest = sum as f64 / (count * 10i64.pow(power as u32)) as f64;
            prop_assert_eq!(points.steps(1_000, true)[0].avg(), nearest);
        }

        #[test]
        fn a_sum_is_the_same_one_by_one(
            whole in vec((-100_000i64..100_000, 0usize..6), 1..200),
        ) {
            let values: Vec<f64> = whole.iter().map(|(n, power)| *n as f64 / POWERS[*power]).collect();
            let mut sum = Sum::default();
            values.iter().for_each(|value| sum.add(*value));
            prop_assert_eq!(sum.total(), decimal::sum(&values));
        }
    }

    #[test]
    fn the_mean_of_decimals_has_no_noise() {
        for (values, mean) in [
            (&[0.1, 0.2, 0.3][..], 0.2),
            (&[0.19, 0.19, 0.196], 0.192),
            (&[0.1; 10], 0.1),
            (&[1.0, 2.0, 2.0], 5.0 / 3.0),
            (&[1e300, 3e300], 2e300),
        ] {
            let points: Points = (0..).zip(values.iter().copied()).collect();
            assert_eq!(points.steps(1_000, true)[0].avg(), mean, "{values:?}");
        }
        // As it comes from sixty samples whose sum is 11.52, which divided by 60 is one digit off.
        let minute = Aggregate::from_columns((0, 0), [0.1, 0.3, 11.52, 60.0, 0.2]);
        assert_eq!(minute.avg(), 0.192);
    }
}
