//! What a decision may use besides its own state: the time, the guards, and ids for alerts.

use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

use super::{guard::Guards, time::Time};
use crate::model::Timestamp;

/// Shared by all watches of an engine.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) time: Time,
    pub(super) guards: Guards,
    pub(super) ids: Ids,
    /// Raised by whatever changes what is saved.
    pub(super) revision: u64,
    /// Watches are asked also where nothing would come of it.
    #[cfg(test)]
    pub(super) thorough: bool,
}

impl Context {
    /// Whether watches that would do nothing need not be asked.
    #[cfg(test)]
    pub(super) fn may_skip(&self) -> bool {
        !self.thorough
    }

    #[cfg(not(test))]
    pub(super) const fn may_skip(&self) -> bool {
        true
    }
}

/// Ids for alerts (uuid v7): the time and a seeded generator, so that the same input makes the same ids.
#[derive(Debug)]
pub(super) struct Ids(StdRng);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(super) fn next(&mut self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        let millis = now.as_millis().max(0) as u64;
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
