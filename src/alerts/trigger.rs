//! One level of one rule on one series: a Schmitt trigger with a hold on either edge.
//!
//! ```text
//!          breached                 held for `for`
//!   idle ───────────► pending ─────────────────────► firing ◄──┐ not recovered
//!    ▲ ◄───────────────┘ not breached                  │       │
//!    │                                        recovered▼       │
//!    └──────────────────────────────────────── recovering ─────┘
//!               held for `keep_firing_for`
//! ```
//!
//! It knows no values and no clock, only what the latest verdict was and when it came.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// A verdict on one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Beyond `fire`, and the guard is breached too.
    Breached,
    /// Inside the hysteresis band: changes nothing that fires, and ends a breach that has not fired yet.
    Between,
    /// Not beyond `clear`, or the guard is no longer breached.
    Recovered,
}

/// Where a level stands. Times are engine time, in [`super::Saved`] wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Nothing is wrong.
    #[default]
    Idle,
    /// Breached at each verdict since then, but not yet for long enough.
    Pending(Timestamp),
    /// It fires.
    Firing,
    /// It fires still; recovered at each verdict since then, but not yet for long enough.
    Recovering(Timestamp),
}

impl Trigger {
    /// The next state after a verdict at `now`. A hold ripens only here: silence is never a verdict.
    pub(super) fn step(
        self,
        verdict: Verdict,
        now: Timestamp,
        hold: Duration,
        keep: Duration,
    ) -> Self {
        match (self, verdict) {
            (Self::Idle | Self::Pending(_), Verdict::Breached) => {
                let since = self.since().unwrap_or(now);
                if now.since(since) >= hold {
                    Self::Firing
                } else {
                    Self::Pending(since)
                }
            }
            (Self::Idle | Self::Pending(_), _) => Self::Idle,
            (Self::Firing | Self::Recovering(_), Verdict::Recovered) => {
                let since = self.since().unwrap_or(now);
                if now.since(since) >= keep {
                    Self::Idle
                } else {
                    Self::Recovering(since)
                }
            }
            (Self::Firing | Self::Recovering(_), _) => Self::Firing,
        }
    }

    /// Whether the level counts.
    pub(super) fn fires(self) -> bool {
        matches!(self, Self::Firing | Self::Recovering(_))
    }

    /// Whether this one fires anew, from nothing or out of a recovery, where `before` was before it.
    pub(super) fn is_relapse_of(self, before: Self) -> bool {
        self == Self::Firing && before != Self::Firing
    }

    /// After a time nobody watched: a hold starts again, what fires goes on firing.
    pub(super) fn without_hold(self) -> Self {
        if self.fires() {
            Self::Firing
        } else {
            Self::Idle
        }
    }

    /// With the start of its hold told in another time.
    pub(super) fn map(self, convert: impl FnOnce(Timestamp) -> Timestamp) -> Self {
        match self {
            Self::Pending(since) => Self::Pending(convert(since)),
            Self::Recovering(since) => Self::Recovering(convert(since)),
            Self::Idle | Self::Firing => self,
        }
    }

    fn since(self) -> Option<Timestamp> {
        match self {
            Self::Pending(since) | Self::Recovering(since) => Some(since),
            Self::Idle | Self::Firing => None,
        }
    }
}
