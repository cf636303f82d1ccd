//! What people are told of alerts, and what became of telling them.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{alert::AlertEvent, time::Timestamp};

/// What a notice says of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// It fires, or its series is silent: it is new, got worse, or is told after a silence.
    Firing,
    /// It goes on.
    Reminder,
    /// It is over.
    Resolved,
}

/// One alert of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What is told of it.
    pub what: Telling,
    /// The transition that is told.
    pub event: Arc<AlertEvent>,
}

/// A message to one channel. Whoever gets one of this id twice has had it before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id (uuid v7), the same at each attempt, also after a restart.
    pub id: Uuid,
    /// The channel, by name.
    pub channel: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// What it tells, oldest first.
    pub notices: Vec<Notice>,
    /// How many more notices there were than fit.
    #[serde(default)]
    pub more: usize,
    /// Somebody tries the channel.
    #[serde(default)]
    pub test: bool,
}

impl Delivery {
    /// Notices in one message, at most.
    pub const MOST: usize = 50;

    /// A new one, which tells nothing yet.
    pub fn new(channel: Arc<str>, now: Timestamp) -> Self {
        let millis = now.as_millis().max(0).cast_unsigned();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random());
        Self {
            id: id.into_uuid(),
            channel,
            created: now,
            notices: Vec::new(),
            more: 0,
            test: false,
        }
    }

    /// One with which somebody tries a channel.
    pub fn test(channel: Arc<str>, now: Timestamp) -> Self {
        Self {
            test: true,
            ..Self::new(channel, now)
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits to be sent, or to be tried again.
    Queued,
    /// The channel took it.
    Sent,
    /// The channel will never take it.
    Failed,
    /// It was tried for as long as it is to be.
    Expired,
    /// There were too many, or there is no such channel any more.
    Dropped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Sent,
        Self::Failed,
        Self::Expired,
        Self::Dropped,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }

    /// From the word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a delivery, as the stream tells it: complete in itself, so that the newest one of a delivery is how it
/// stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryEvent {
    /// The delivery.
    pub id: Uuid,
    /// The channel, by name.
    pub channel: Arc<str>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// What the channel answered last, or what went wrong; empty before the first attempt.
    pub answer: String,
    /// How long the last attempt took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_ms: Option<u64>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub again: Option<Timestamp>,
    /// What it says, in a line.
    pub title: String,
    /// The alerts that it tells of.
    pub alerts: Vec<Uuid>,
    /// Somebody tries the channel.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub test: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When this happened.
    pub timestamp: Timestamp,
}

/// One attempt to send a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The delivery.
    pub delivery: Uuid,
    /// Which one, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Where the delivery stands after it.
    pub state: DeliveryState,
    /// What the channel answered, or what went wrong, on one line.
    pub answer: String,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub again: Option<Timestamp>,
}

impl Attempt {
    /// The longest answer kept, in characters.
    pub const MAX_ANSWER: usize = 200;

    /// How long it took.
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}
