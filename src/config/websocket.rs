//! `[websocket]`: the limits of one socket.

use std::time::Duration;

use super::{
    accept::{Size, Span, Whole},
    table::Table,
};

/// What one socket may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// The largest frame taken, in bytes; a larger one closes the socket with 1009.
    pub max_frame: usize,
    /// The most subscriptions at once.
    pub max_subscriptions: usize,
    /// How often the server pings; a peer silent for two and a half of that is closed.
    pub ping: Duration,
    /// Commands a second that may go on for ever.
    pub commands_per_second: u32,
    /// Commands that may come at once.
    pub command_burst: u32,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            max_frame: 64 << 10,
            max_subscriptions: 16,
            ping: Duration::from_secs(10),
            commands_per_second: 20,
            command_burst: 40,
        }
    }
}

impl WebSocket {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let websocket = Self {
            max_frame: table.value("max_frame", &Size(1 << 10..=16 << 20), default.max_frame),
            max_subscriptions: table.value(
                "max_subscriptions",
                &Whole(1..=1024),
                default.max_subscriptions,
            ),
            ping: table.value("ping", &Span::seconds(1, 600), default.ping),
            commands_per_second: table.value(
                "commands_per_second",
                &Whole(1..=10_000),
                default.commands_per_second,
            ),
            command_burst: table.value("command_burst", &Whole(1..=100_000), default.command_burst),
        };
        table.close();
        websocket
    }
}
