//! Where a window leads: when its newest value, going on as the window went, reaches another.
//!
//! How it went is the slope of the straight line of least squares through the means of at most sixty panes and one, each
//! weighed by its samples. It is followed from the newest value, not from where the line is by now: after a disk was
//! cleaned up, that line is still up where it was full. Times are taken from their mean, so that large ones cost no digits.

use std::{collections::VecDeque, time::Duration};

use super::window::pane_length;
use crate::model::{Direction, Timestamp};

/// The longest time it tells, in hours: what leads nowhere within eleven years leads nowhere.
pub(super) const NEVER: f64 = 100_000.0;

const HOUR_MS: f64 = 3_600_000.0;

#[derive(Debug)]
struct Pane {
    start: Timestamp,
    samples: u32,
    /// Of milliseconds since `start`.
    times: f64,
    values: f64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Trend {
    length: Duration,
    panes: VecDeque<Pane>,
    newest: Option<(Timestamp, f64)>,
}

impl Trend {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            panes: VecDeque::new(),
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
                if let Some(pane) = self.panes.back_mut() {
                    pane.values += value - before;
                }
                self.newest = Some((timestamp, value));
                return;
            }
        }
        self.newest = Some((timestamp, value));
        let length = pane_length(self.length);
        match self.panes.back_mut() {
            Some(pane) if timestamp.since(pane.start) < length => {
                pane.samples += 1;
                pane.times += timestamp.since(pane.start).as_millis() as f64;
                pane.values += value;
            }
            _ => self.panes.push_back(Pane {
                start: timestamp,
                samples: 1,
                times: 0.0,
                values: value,
            }),
        }
        let start = timestamp.minus(self.length);
        while self.panes.front().is_some_and(|pane| pane.start <= start) {
            self.panes.pop_front();
        }
    }

    /// The hours from the newest sample until `goal` is reached, from the side that `when` calls good: 0 if it is,
    /// [`NEVER`] at most. `None` before the first sample.
    pub(super) fn hours_until(&self, goal: f64, when: Direction) -> Option<f64> {
        let (newest, last) = self.newest?;
        if last == goal || when.beyond(last, goal) {
            return Some(0.0);
        }
        // Relative to the newest sample.
        let points = || {
            self.panes.iter().map(|pane| {
                let weight = f64::from(pane.samples);
                let start = (pane.start.as_millis() - newest.as_millis()) as f64;
                (weight, start + pane.times / weight, pane.values / weight)
            })
        };
        let weights: f64 = points().map(|(w, ..)| w).sum();
        let mean_time = points().map(|(w, t, _)| w * t).sum::<f64>() / weights;
        let mean_value = points().map(|(w, _, v)| w * v).sum::<f64>() / weights;
        let (mut along, mut across) = (0.0, 0.0);
        for (weight, time, value) in points() {
            along += weight * (time - mean_time) * (time - mean_time);
            across += weight * (time - mean_time) * (value - mean_value);
        }
        // NaN with one pane, infinite or negative where it leads away.
        let hours = (goal - last) / (across / along) / HOUR_MS;
        Some(if (0.0..NEVER).contains(&hours) {
            hours
        } else {
            NEVER
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value each ten seconds over an hour.
    fn trend(value: impl Fn(f64) -> f64) -> Trend {
        let mut trend = Trend::new(Duration::from_secs(3600));
        for step in 0..=720_i64 {
            let hours = step as f64 / 360.0;
            let at = Timestamp::from_millis(1_700_000_000_000 + step * 10_000);
            trend.push(at, 1e9);
            trend.push(at, value(hours));
        }
        trend
    }

    fn near(found: Option<f64>, hours: f64) {
        let found = found.unwrap();
        assert!((found - hours).abs() < 1e-6 * hours.max(1.0), "{found}");
    }

    #[test]
    fn a_straight_line_is_followed_either_way() {
        // 2 h at 10 an hour: 70 now.
        near(
            trend(|h| 50.0 + 10.0 * h).hours_until(100.0, Direction::Above),
            3.0,
        );
        near(
            trend(|h| 50.0 - 10.0 * h).hours_until(0.0, Direction::Below),
            3.0,
        );
    }

    #[test]
    fn noise_and_steps_do_not_bend_it() {
        let noisy = trend(|h| 50.0 + 10.0 * h + 5.0 * (h * 1e4).sin());
        let hours = noisy.hours_until(100.0, Direction::Above).unwrap();
        assert!((2.4..3.6).contains(&hours), "{hours}");
    }

    #[test]
    fn what_leads_nowhere_never_comes_and_what_is_there_is_there() {
        let flat = trend(|_| 50.0);
        near(flat.hours_until(100.0, Direction::Above), NEVER);
        near(flat.hours_until(50.0, Direction::Above), 0.0);
        near(
            trend(|h| 90.0 - h).hours_until(100.0, Direction::Above),
            NEVER,
        );
        near(
            trend(|h| 99.0 + h).hours_until(100.0, Direction::Above),
            0.0,
        );
        let mut one = Trend::new(Duration::from_secs(60));
        assert_eq!(one.hours_until(1.0, Direction::Above), None);
        one.push(Timestamp::from_millis(1), 0.0);
        near(one.hours_until(1.0, Direction::Above), NEVER);
    }
}
