//! How fast the past goes by for a client that asked for a pace.

use std::time::Duration;

use crate::model::Timestamp;

/// How fast the past goes by.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: f64,
    /// What was received at the first time goes out at the second.
    origin: Option<(Timestamp, Timestamp)>,
    /// Nothing goes out before.
    rests_until: Timestamp,
}

impl Pace {
    /// So many times as fast as it was.
    pub fn new(speed: f64) -> Self {
        Self {
            speed,
            origin: None,
            rests_until: Timestamp::default(),
        }
    }

    /// How long it is until anything goes out.
    pub fn rest(&self, now: Timestamp) -> Option<Duration> {
        let rest = self.rests_until.since(now);
        (!rest.is_zero()).then_some(rest)
    }

    /// How long it is until something goes out that was received then.
    pub fn until(&mut self, received: Timestamp, now: Timestamp) -> Duration {
        let (first, begun) = *self.origin.get_or_insert((received, now));
        let due = begun.plus(received.since(first).div_f64(self.speed));
        due.since(now)
    }

    /// Something goes out that was not received right after what went out before.
    pub fn begin_anew(&mut self) {
        self.origin = None;
    }

    /// Something went out: nothing does for so long.
    pub fn rest_for(&mut self, time: Duration, now: Timestamp) {
        self.rests_until = now.plus(time);
    }
}
