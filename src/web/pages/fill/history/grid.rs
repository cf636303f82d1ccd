//! The past of a series on the grid of its chart.

use crate::{
    store::{aggregate::Aggregate, history::Past},
    web::pages::fill::charts::three_digits,
};

/// A gap is longer than so many of the usual distances between samples.
const GAP: usize = 3;

/// What a series has on the grid of its chart.
#[derive(Default)]
pub struct Drawn {
    /// Step by step.
    pub values: Vec<Option<f64>>,
    /// Samples in the last step.
    pub newest: u32,
    /// So many steps a value holds, where samples are rarer than steps; otherwise 0.
    pub holds: usize,
    /// The bounds of each step, where any has several samples.
    pub bounds: Option<Vec<Option<(f64, f64)>>>,
}

/// Stretches on a grid of so many steps from `first` on.
pub fn on_grid(past: &Past, first: i64, count: usize) -> Drawn {
    let mut values = vec![None; count];
    let mut bounds = vec![None; count];
    let Past::Steps(steps) = past else {
        return Drawn::default();
    };
    let slot = |step: &Aggregate| {
        let slot = usize::try_from(step.bucket - first).ok()?;
        (slot < count && step.count > 0.0).then_some(slot)
    };
    let (mut several, mut newest) = (false, 0);
    let (mut filled, mut crowded) = (0, 0);
    for (slot, step) in steps.iter().filter_map(|step| Some((slot(step)?, step))) {
        values[slot] = Some(three_digits(step.avg()));
        bounds[slot] = Some((three_digits(step.min), three_digits(step.max)));
        filled += 1;
        crowded += usize::from(step.count > 1.0);
        several |= step.count > 1.0 && step.min < step.max;
        if slot + 1 == count {
            newest = step.count as u32;
        }
    }
    // Where most steps have several samples, samples are not rarer than steps, however few of these there are.
    let holds = match crowded * 2 > filled {
        true => 0,
        false => bridge(&mut values),
    };
    Drawn {
        values,
        newest,
        holds,
        bounds: several.then_some(bounds),
    }
}

/// Fills what is empty only because samples are rarer than steps: a value holds until the next one, unless that is more
/// than [`GAP`] of the usual distances away. Says how many steps that is; 0 where samples are not rarer.
fn bridge(values: &mut [Option<f64>]) -> usize {
    let filled: Vec<usize> = (0..values.len()).filter(|i| values[*i].is_some()).collect();
    let mut distances: Vec<usize> = filled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if distances.is_empty() {
        return 0;
    }
    let middle = distances.len() / 2;
    let usual = *distances.select_nth_unstable(middle).1;
    if usual < 2 {
        return 0;
    }
    let holds = GAP * usual;
    for pair in filled.windows(2) {
        if pair[1] - pair[0] <= holds {
            let value = values[pair[0]];
            values[pair[0]..pair[1]].fill(value);
        }
    }
    holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rarer_than_steps_holds_and_a_gap_stays_one() {
        let mut values = vec![None; 40];
        for i in [0, 5, 10, 15, 34, 39] {
            values[i] = Some(i as f64);
        }
        assert_eq!(bridge(&mut values), 3 * 5);
        assert_eq!(values[4], Some(0.0));
        assert_eq!(values[14], Some(10.0));
        assert_eq!(values[16], None);
        assert_eq!(values[33], None);
        assert_eq!(values[38], Some(34.0));
        let mut dense = vec![Some(1.0), Some(2.0), None, Some(3.0), Some(4.0)];
        assert_eq!(bridge(&mut dense), 0);
        assert_eq!(dense[2], None);
    }

    #[test]
    fn steps_lie_on_their_grid_and_those_outside_are_left_out() {
        let step = |bucket: i64, value: f64, count: f64| Aggregate {
            min: value - 1.0,
            max: value + 1.0,
            sum: value * count,
            count,
            ..Aggregate::none(bucket)
        };
        let past = Past::Steps(vec![
            step(9, 1.0, 2.0),
            step(10, 5.0, 2.0),
            step(13, 7.0, 2.0),
        ]);
        let drawn = on_grid(&past, 10, 3);
        assert_eq!(drawn.values, [Some(5.0), None, None]);
        assert_eq!(drawn.bounds.unwrap()[0], Some((4.0, 6.0)));
        assert_eq!(drawn.newest, 0);
        assert_eq!(on_grid(&past, 9, 2).newest, 2);
        assert_eq!(on_grid(&past, 9, 5).holds, 0);
    }
}
