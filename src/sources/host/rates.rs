//! Rates per second from counters that only rise.
//!
//! A rate needs two readings: the first of a key gives none, and neither does one after a counter fell (a wrap, a device
//! that was taken out and put back). A rate is never negative.

use std::time::Instant;

/// The newest reading of `N` counters for each key.
#[derive(Debug, Default)]
pub(super) struct Rates<const N: usize> {
    known: Vec<Known<N>>,
    round: u64,
}

#[derive(Debug)]
struct Known<const N: usize> {
    key: Box<str>,
    at: Instant,
    counters: [u64; N],
    round: u64,
}

impl<const N: usize> Rates<N> {
    /// Takes the counters of `key` and gives their rates per second since they were taken before.
    pub(super) fn take(&mut self, key: &str, at: Instant, counters: [u64; N]) -> Option<[f64; N]> {
        let round = self.round;
        let Some(known) = self.known.iter_mut().find(|known| *known.key == *key) else {
            self.known.push(Known {
                key: key.into(),
                at,
                counters,
                round,
            });
            return None;
        };
        let seconds = at.saturating_duration_since(known.at).as_secs_f64();
        let before = known.counters;
        *known = Known {
            key: std::mem::take(&mut known.key),
            at,
            counters,
            round,
        };
        let fell = counters.iter().zip(&before).any(|(now, then)| now < then);
        if fell || seconds <= 0.0 {
            return None;
        }
        Some(std::array::from_fn(|i| {
            (counters[i] - before[i]) as f64 / seconds
        }))
    }

    /// Forgets keys not taken since this was called last, so that what comes back later starts anew.
    pub(super) fn forget_the_gone(&mut self) {
        let round = self.round;
        self.known.retain(|known| known.round == round);
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_reading_gives_no_rate() {
        let start = Instant::now();
        let mut rates = Rates::default();
        assert_eq!(rates.take("sda", start, [100, 7]), None);
        let later = start + Duration::from_secs(2);
        assert_eq!(rates.take("sda", later, [300, 7]), Some([100.0, 0.0]));
    }

    #[test]
    fn a_counter_that_fell_gives_no_rate_once() {
        let second = |n| Instant::now() + Duration::from_secs(n);
        let mut rates = Rates::default();
        let start = second(0);
        rates.take("sda", start, [100]);
        let at = |n| start + Duration::from_secs(n);
        assert_eq!(rates.take("sda", at(1), [50]), None);
        assert_eq!(rates.take("sda", at(2), [60]), Some([10.0]));
        assert_eq!(rates.take("sda", at(2), [70]), None, "no time has passed");
    }

    #[test]
    fn a_device_that_comes_back_starts_anew() {
        let start = Instant::now();
        let mut rates = Rates::default();
        rates.take("sdb", start, [100]);
        rates.forget_the_gone();
        rates.forget_the_gone();
        let later = start + Duration::from_secs(1);
        assert_eq!(rates.take("sdb", later, [200]), None);
    }
}
