//! `[stream]`: what the streams remember, and how they treat slow readers.

use std::time::Duration;

use super::{
    accept::{Size, Span, Whole},
    table::Table,
};

/// The streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The log of samples and activity in memory, in bytes; the oldest go first.
    pub log_bytes: usize,
    /// Alert events kept for readers that resume; the oldest go first.
    pub alerts_kept: usize,
    /// Silence after which a heartbeat is sent.
    pub heartbeat: Duration,
    /// A live reader whose oldest pending sample is older than this gets conflated metrics.
    pub slow_after: Duration,
    /// The most streams, sockets and waits at once; one more is refused.
    pub max_clients: usize,
    /// The most requests at once that wait for a condition; one more is refused.
    pub max_waits: usize,
    /// The most clients at once for which the past is encoded; the others wait their turn.
    pub max_replays: usize,
    /// The most pages of the past at once that are played back; one more is refused.
    pub max_playbacks: usize,
    /// A reader whose socket takes nothing for this long is closed; it may resume.
    pub stall_timeout: Duration,
    /// The most different views (filter, shape and rate) at once; one more is refused.
    pub max_views: usize,
    /// What readers are told to wait before they reconnect (`retry:`).
    pub retry: Duration,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            log_bytes: 8 << 20,
            alerts_kept: 10_000,
            heartbeat: Duration::from_secs(15),
            slow_after: Duration::from_secs(5),
            max_clients: 20_000,
            max_waits: 200,
            max_replays: 16,
            max_playbacks: 16,
            stall_timeout: Duration::from_secs(15),
            max_views: 1000,
            retry: Duration::from_secs(2),
        }
    }
}

impl Stream {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let stream = Self {
            log_bytes: table.value("log_bytes", &Size(64 << 10..=64 << 30), default.log_bytes),
            alerts_kept: table.value("alerts_kept", &Whole(100..=1_000_000), default.alerts_kept),
            heartbeat: table.value("heartbeat", &Span::seconds(1, 600), default.heartbeat),
            slow_after: table.value(
                "slow_after",
                &Span::millis(100, 600_000),
                default.slow_after,
            ),
            max_clients: table.value("max_clients", &Whole(1..=1_000_000), default.max_clients),
            max_waits: table.value("max_waits", &Whole(1..=100_000), default.max_waits),
            max_replays: table.value("max_replays", &Whole(1..=100_000), default.max_replays),
            max_playbacks: table.value("max_playbacks", &Whole(1..=10_000), default.max_playbacks),
            stall_timeout: table.value(
                "stall_timeout",
                &Span::seconds(1, 600),
                default.stall_timeout,
            ),
            max_views: table.value("max_views", &Whole(1..=100_000), default.max_views),
            retry: table.value("retry", &Span::millis(100, 300_000), default.retry),
        };
        table.close();
        stream
    }
}
