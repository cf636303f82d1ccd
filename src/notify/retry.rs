//! When a message is tried again. Pure.

use std::time::Duration;

/// The first wait; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// The longest wait that a channel may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// How long to wait after `attempts` in vain. `random` is from 0 to 1: half to one and a half times the wait, so that
/// messages that failed together do not come back together. What the channel asked for is kept, up to an hour.
pub fn wait(attempts: u32, random: f64, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    let wait = doubled.min(LONGEST).mul_f64(0.5 + random.clamp(0.0, 1.0));
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_minutes_and_are_spread() {
        let middle = |attempts| wait(attempts, 0.5, None).as_secs();
        let waits: Vec<_> = [1, 2, 3, 4, 9, 10, 1000].into_iter().map(middle).collect();
        assert_eq!(waits, [1, 2, 4, 8, 256, 300, 300]);
        assert_eq!(wait(3, 0.0, None), Duration::from_secs(2));
        assert_eq!(wait(3, 1.0, None), Duration::from_secs(6));
    }

    #[test]
    fn what_the_channel_asks_for_is_kept_within_reason() {
        let asked = |seconds| wait(1, 0.5, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!((asked(60), asked(100_000), asked(0)), (60, 3600, 1));
    }
}
