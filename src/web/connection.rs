//! What streams and sockets have in common: how they are counted, how long they wait, what they are told.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    limits::{Limits, Place},
    problem::Problem,
};
use crate::{
    config,
    model::{Clock, Position, Timestamp},
    stream::{Stream, counters::add, log::ResetReason},
};

/// The terms on which clients are served; a cheap handle.
#[derive(Debug, Clone)]
pub struct Door(Arc<Terms>);

#[derive(Debug)]
struct Terms {
    clock: Arc<Clock>,
    heartbeat: Duration,
    retry: Duration,
    stall_timeout: Duration,
    stream: Stream,
}

impl Door {
    /// Those of the configuration.
    pub fn new(clock: Arc<Clock>, stream: &Stream, config: &config::Stream) -> Self {
        Self(Arc::new(Terms {
            clock,
            heartbeat: config.heartbeat,
            retry: config.retry,
            stall_timeout: config.stall_timeout,
            stream: stream.clone(),
        }))
    }

    /// The time of an instant.
    pub fn time(&self, instant: Instant) -> Timestamp {
        self.0.clock.at(instant)
    }

    /// After this much silence, a heartbeat.
    pub fn heartbeat(&self) -> Duration {
        self.0.heartbeat
    }

    /// A client whose socket takes nothing for this long is closed.
    pub fn stall_timeout(&self) -> Duration {
        self.0.stall_timeout
    }

    /// When to come back after a broken connection; random, so that not all return at once.
    pub fn reconnect_millis(&self) -> u64 {
        let retry = self.0.retry.as_millis() as u64;
        rand::random_range(retry..=retry * 2)
    }

    /// When to come back after the server went away: spread over longer, the more clients there are (2 ms for each).
    pub fn drain_millis(&self) -> u64 {
        let spread = self.0.stream.counters().clients() as u64 * 2;
        self.reconnect_millis() + rand::random_range(0..=spread)
    }
}

/// Counts one open connection while it lives, and what went wrong with it.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    kind: Kind,
    _place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Stream,
    Socket,
}

impl Connection {
    /// An SSE or NDJSON stream, if there is a place for one more.
    pub fn stream(stream: &Stream, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self::open(stream, Kind::Stream, limits.client()?))
    }

    /// A WebSocket, likewise.
    pub fn socket(stream: &Stream, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self::open(stream, Kind::Socket, limits.client()?))
    }

    fn open(stream: &Stream, kind: Kind, place: Place) -> Self {
        let counters = stream.counters();
        add(&counters.connects, 1);
        match kind {
            Kind::Stream => counters.sse_clients.fetch_add(1, Ordering::Relaxed),
            Kind::Socket => counters.sockets.fetch_add(1, Ordering::Relaxed),
        };
        Self {
            stream: stream.clone(),
            kind,
            _place: place,
        }
    }

    /// It was told that something may be missing.
    pub fn reset(&self) {
        add(&self.stream.counters().resets, 1);
    }

    /// It was told that it lags.
    pub fn lagged(&self, skipped: u64) {
        add(&self.stream.counters().lagged, 1);
        add(&self.stream.counters().conflated, skipped);
    }

    /// It is closed for having taken nothing for too long.
    pub fn stalled(&self) {
        add(&self.stream.counters().stalled, 1);
    }

    /// It is closed for being too slow for its alerts.
    pub fn too_slow(&self) {
        add(&self.stream.counters().too_slow, 1);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let counters = self.stream.counters();
        match self.kind {
            Kind::Stream => counters.sse_clients.fetch_sub(1, Ordering::Relaxed),
            Kind::Socket => counters.sockets.fetch_sub(1, Ordering::Relaxed),
        };
    }
}

/// The fields of a `reset`. `requested` is left out when the client asked for no position.
pub fn reset_fields(reason: ResetReason, requested: &str, resumed_from: Position) -> String {
    let requested = match requested {
        "" => String::new(),
        text => format!(",\"requested\":{}", serde_json::Value::from(text)),
    };
    let reason = reason.as_str();
    format!(",\"reason\":\"{reason}\"{requested},\"resumed_from\":\"{resumed_from}\"")
}

/// The fields of a `gap`: nothing was recorded between these times.
pub fn gap_fields(from: Timestamp, to: Timestamp) -> String {
    format!(",\"from\":\"{from}\",\"to\":\"{to}\"")
}
