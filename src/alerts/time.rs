//! The engine's own time: the caller's clock without its steps.
//!
//! Holds and silence are measured on it, so that neither a stepped clock nor a suspended machine fires or clears
//! anything. It promises never to go back and never to advance by more than [`MAX_STEP`] in one call.

use std::time::Duration;

use crate::model::Timestamp;

/// The most that can pass between two calls. Calls come every second, so more is a stepped clock or a machine that
/// slept; nobody watched then, and none of it counts. It stays below the shipped `no_data` of 15 s, so that a step
/// just short of it cannot make a live host look silent.
pub const MAX_STEP: Duration = Duration::from_secs(10);

/// Wall time as told by the caller, and how much of it does not count.
#[derive(Debug, Default)]
pub(super) struct Time {
    wall: Option<Timestamp>,
    skipped: Duration,
}

impl Time {
    /// Takes note of `now`. An earlier `now` than before changes nothing: time stands until the clock has caught up.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(before) = self.wall {
            let step = now.since(before);
            if step > MAX_STEP {
                self.skipped += step;
            }
        }
        self.wall = self.wall.max(Some(now));
    }

    /// Takes note of `now`; what has passed does not count.
    pub(super) fn skip_to(&mut self, now: Timestamp) {
        if let Some(before) = self.wall {
            self.skipped += now.since(before);
        }
        self.wall = self.wall.max(Some(now));
    }

    /// The newest time the caller has told; what events are stamped with.
    pub(super) fn wall(&self) -> Timestamp {
        self.wall.unwrap_or_default()
    }

    /// Engine time: wall time less what was skipped.
    pub(super) fn now(&self) -> Timestamp {
        self.wall().minus(self.skipped)
    }

    /// Engine time as the wall time it would have been, had nothing been skipped since.
    pub(super) fn to_wall(&self, moment: Timestamp) -> Timestamp {
        moment.plus(self.skipped)
    }
}
