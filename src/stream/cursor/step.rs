//! What a cursor is told, and what it says is to be done next.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    model::{Position, Timestamp},
    stream::log::ResetReason,
};

/// Where a stream ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With this position, of this life of the server or an earlier one.
    Position(Position),
    /// With the last event received at this time.
    Time(Timestamp),
}

/// Why a stream ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// `limit` events were sent.
    Limit,
    /// `until` was reached.
    Until,
}

impl EndReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Until => "until",
        }
    }
}

/// What a paused cursor does about what it has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// Alerts and activity come, samples go on from now.
    #[default]
    Alerts,
    /// Everything comes.
    Replay,
    /// Nothing comes.
    Latest,
}

/// What to do next for a client.
#[derive(Debug)]
pub enum Step {
    /// Send this.
    Send(Bytes),
    /// Nothing now; ask again after a tick, or after `due`.
    Wait {
        /// When to ask again without a tick.
        due: Option<Duration>,
    },
    /// Tell it that something may be missing; then go on.
    Reset(ResetReason),
    /// Tell it that nothing was recorded in between; then go on.
    Gap {
        /// The last before was received then.
        from: Timestamp,
        /// It goes on then.
        to: Timestamp,
    },
    /// Tell it how many samples were conflated; then go on.
    Lagged(u64),
    /// It has all it asked for.
    End(EndReason),
    /// It was too slow for its alerts.
    TooSlow,
}
