//! Samples of one series as two columns, when each was measured and its value: who looks at many of them looks at one column at
//! a time, several values at once.

use super::aggregate::Aggregate;
use crate::model::decimal;

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    /// In unix milliseconds.
    times: Vec<i64>,
    /// As many.
    values: Vec<f64>,
}

impl Points {
    /// As many times as values.
    pub fn new(times: Vec<i64>, values: Vec<f64>) -> Self {
        debug_assert_eq!(times.len(), values.len());
        Self { times, values }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// When each was measured, in unix milliseconds.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Time and value of each.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (i64, f64)> + '_ {
        self.times.iter().copied().zip(self.values.iter().copied())
    }

    /// With those of `more` that were measured from `from` on and before `to`.
    pub fn append(&mut self, more: Self, from: i64, to: i64) {
        let is_wanted = |time: &i64| (from..to).contains(time);
        if !more.times.is_sorted() {
            self.extend(more.iter().filter(|(time, _)| is_wanted(time)));
            return;
        }
        let first = more.times.partition_point(|time| *time < from);
        let end = more.times.partition_point(|time| *time < to).max(first);
        if self.is_empty() && (first, end) == (0, more.len()) {
            *self = more;
        } else {
            self.times.extend_from_slice(&more.times[first..end]);
            self.values.extend_from_slice(&more.values[first..end]);
        }
    }

    /// Takes out those that were measured before a time; they are sorted.
    pub fn take_before(&mut self, time: i64) -> Self {
        let first = self.times.partition_point(|of| *of < time);
        let after = Self {
            times: self.times.split_off(first),
            values: self.values.split_off(first),
        };
        std::mem::replace(self, after)
    }

    /// In the order of time; of one time the one that was received last stays.
    pub fn sort(&mut self) {
        if self.times.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut pairs: Vec<(i64, f64)> = self.iter().collect();
        // Stable: what was received last comes last.
        pairs.sort_by_key(|(time, _)| *time);
        pairs.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = next.1;
            }
            same
        });
        *self = pairs.into_iter().collect();
    }

    /// By stretches of so many milliseconds, each with its sum if that is wanted; they are sorted.
    pub fn steps(&self, millis: i64, sum: bool) -> Vec<Aggregate> {
        let mut steps = Vec::new();
        let (mut times, mut values) = (&self.times[..], &self.values[..]);
        while let Some(first) = times.first() {
            let bucket = first.div_euclid(millis);
            let end = (bucket + 1).saturating_mul(millis);
            let length = times.partition_point(|time| *time < end);
            let of_step;
            (of_step, times) = times.split_at(length);
            let values_of;
            (values_of, values) = values.split_at(length);
            steps.push(step(bucket, of_step, values_of, sum));
        }
        steps
    }
}

/// What is in one stretch; at least one sample.
fn step(bucket: i64, times: &[i64], values: &[f64], sum: bool) -> Aggregate {
    const AT_ONCE: usize = 4;
    let none = Aggregate::none(bucket);
    let (mut min, mut max) = ([none.min; AT_ONCE], [none.max; AT_ONCE]);
    let least = |min: f64, value: f64| if value < min { value } else { min };
    let most = |max: f64, value: f64| if value > max { value } else { max };
    let (several, rest) = values.as_chunks::<AT_ONCE>();
    for values in several {
        for (i, value) in values.iter().enumerate() {
            min[i] = least(min[i], *value);
            max[i] = most(max[i], *value);
        }
    }
    let all = || rest.iter().copied();
    Aggregate {
        min: all().chain(min).fold(none.min, least),
        max: all().chain(max).fold(none.max, most),
        sum: if sum { decimal::sum(values) } else { 0.0 },
        count: values.len() as f64,
        last: values.last().copied().unwrap_or_default(),
        last_at: times.last().copied().unwrap_or(none.last_at),
        bucket,
    }
}

impl Extend<(i64, f64)> for Points {
    fn extend<T: IntoIterator<Item = (i64, f64)>>(&mut self, pairs: T) {
        for (time, value) in pairs {
            self.times.push(time);
            self.values.push(value);
        }
    }
}

impl FromIterator<(i64, f64)> for Points {
    fn from_iter<T: IntoIterator<Item = (i64, f64)>>(pairs: T) -> Self {
        let mut points = Self::default();
        points.extend(pairs);
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aggregate::roll_rows;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn an_hour_of_minutes_is_an_hour_of_samples(
            samples in vec((0i64..20_000_000, -10_000i64..10_000), 1..400),
        ) {
            let mut points: Points = samples.iter().map(|(t, v)| (*t, *v as f64 / 100.0)).collect();
            points.sort();
            let mut minutes = points.steps(60_000, true);
            prop_assert_eq!(roll_rows(&mut minutes, 60), points.steps(3_600_000, true));
        }

        #[test]
        fn a_step_is_what_its_samples_are_one_by_one(
            samples in vec((0i64..5_000, any::<f64>().prop_filter("finite", |v| v.is_finite())), 1..100),
        ) {
            let mut points: Points = samples.into_iter().collect();
            points.sort();
            let mut steps = points.steps(1_000, false).into_iter();
            for (bucket, samples) in (0..5).filter_map(|bucket| {
                let of: Vec<_> = points.iter().filter(|(t, _)| t / 1_000 == bucket).collect();
                (!of.is_empty()).then_some((bucket, of))
            }) {
                let mut one_by_one = Aggregate::none(bucket);
                samples.iter().for_each(|(time, value)| one_by_one.add(*time, *value));
                let step = steps.next();
                prop_assert_eq!(step, Some(Aggregate { sum: 0.0, ..one_by_one }));
            }
            prop_assert_eq!(steps.next(), None);
        }

        #[test]
        fn what_is_appended_is_of_its_time(
            parts in vec(vec(0i64..100, 0..30), 0..4),
            (from, to) in (0i64..100, 0i64..100),
            sorted in any::<bool>(),
        ) {
            let mut points = Points::default();
            let mut expected = Vec::new();
            for (n, mut times) in parts.into_iter().enumerate() {
                if sorted {
                    times.sort();
                }
                let more: Points = times.iter().map(|t| (*t, n as f64)).collect();
                expected.extend(more.iter().filter(|(t, _)| (from..to).contains(t)));
                points.append(more, from, to);
            }
            prop_assert_eq!(points.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn of_one_time_the_last_counts_and_late_ones_find_their_place() {
        let samples = [(1000, 5.0), (61_000, 1.0), (1000, 7.0), (2000, 9.0)];
        let mut points: Points = samples.into_iter().collect();
        points.sort();
        let rows = points.steps(60_000, true);
        let read: Vec<_> = rows
            .iter()
            .map(|r| (r.bucket, r.columns(), r.last_at))
            .collect();
        assert_eq!(
            read,
            [
                (0, [7.0, 9.0, 16.0, 2.0, 9.0], 2000),
                (1, [1.0, 1.0, 1.0, 1.0, 1.0], 61_000)
            ]
        );
    }
}
