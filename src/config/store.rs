//! `[store]`: what is kept on disk, how long and how much.

use std::time::Duration;

use super::{
    accept::{Size, Span},
    table::Table,
};

const DAY: u64 = 86_400;

/// The store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// How long every sample is kept, and the feed and the history of alerts with it.
    pub keep_samples: Duration,
    /// How long minutes are kept: the smallest, the largest, the sum, the count and the last of each.
    pub keep_minutes: Duration,
    /// How long hours are kept.
    pub keep_hours: Duration,
    /// The most that all of it may take on disk, in bytes; the oldest goes first.
    pub max_size: usize,
    /// Bytes that may wait to be written; what is more is streamed and not kept.
    pub queue: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            keep_samples: Duration::from_secs(30 * DAY),
            keep_minutes: Duration::from_secs(365 * DAY),
            keep_hours: Duration::from_secs(3650 * DAY),
            max_size: 2 << 30,
            queue: 32 << 20,
        }
    }
}

impl Store {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let store = Self {
            // Four hours are made into minutes when they are over, and eight days of minutes into hours.
            keep_samples: table.value(
                "keep_samples",
                &Span::seconds(2 * DAY, 36_500 * DAY),
                default.keep_samples,
            ),
            keep_minutes: table.value(
                "keep_minutes",
                &Span::seconds(40 * DAY, 36_500 * DAY),
                default.keep_minutes,
            ),
            keep_hours: table.value(
                "keep_hours",
                &Span::seconds(40 * DAY, 36_500 * DAY),
                default.keep_hours,
            ),
            max_size: table.value("max_size", &Size(8 << 20..=1 << 50), default.max_size),
            queue: table.value("queue", &Size(1 << 20..=4 << 30), default.queue),
        };
        table.close();
        store
    }
}
