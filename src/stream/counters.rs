//! What the stream counts. Everything here is also on `/metrics`.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

/// Upper bounds of the delivery latency buckets, in seconds.
pub const LATENCY_BUCKETS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// Counters since the start of the server; every one only grows, but `sse_clients` and `sockets`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Open SSE and NDJSON streams.
    pub sse_clients: AtomicUsize,
    /// Open WebSockets.
    pub sockets: AtomicUsize,
    /// Streams and sockets ever opened.
    pub connects: AtomicU64,
    /// Chunks handed to sockets.
    pub chunks_sent: AtomicU64,
    /// Events in them.
    pub events_sent: AtomicU64,
    /// Bytes in them.
    pub bytes_sent: AtomicU64,
    /// Times a chunk was encoded.
    pub encodes: AtomicU64,
    /// Nanoseconds spent on that.
    pub encode_nanos: AtomicU64,
    /// Bytes made by that.
    pub encoded_bytes: AtomicU64,
    /// Samples that slow readers did not get.
    pub conflated: AtomicU64,
    /// Times a reader was told it lagged.
    pub lagged: AtomicU64,
    /// Times a reader was told that something may be missing.
    pub resets: AtomicU64,
    /// Readers closed because their sockets took nothing for too long.
    pub stalled: AtomicU64,
    /// Readers closed because they were too slow for their alerts.
    pub too_slow: AtomicU64,
    /// From the publishing of a tick to the moment its bytes were handed to the connection.
    pub latency: Latency,
}

/// A histogram with fixed buckets.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; LATENCY_BUCKETS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Latency {
    fn observe(&self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        let bucket = LATENCY_BUCKETS.partition_point(|bound| *bound < seconds);
        add(&self.buckets[bucket], 1);
        add(&self.sum_nanos, latency.as_nanos() as u64);
    }

    /// How many fell into each bucket; the last is for all that is larger than the last bound.
    pub fn counts(&self) -> Vec<u64> {
        let counts = self.buckets.iter();
        counts.map(|b| b.load(Ordering::Relaxed)).collect()
    }

    /// The sum of all, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9
    }
}

impl Counters {
    /// Open streams and sockets.
    pub fn clients(&self) -> usize {
        self.sse_clients.load(Ordering::Relaxed) + self.sockets.load(Ordering::Relaxed)
    }

    pub(super) fn encoded(&self, took: Duration, bytes: usize) {
        add(&self.encodes, 1);
        add(&self.encode_nanos, took.as_nanos() as u64);
        add(&self.encoded_bytes, bytes as u64);
    }

    /// A chunk was handed to a connection; `live` tells how long after its tick, unless it was a replay.
    pub fn sent(&self, events: u64, bytes: usize, live: Option<Duration>) {
        add(&self.chunks_sent, 1);
        add(&self.events_sent, events);
        add(&self.bytes_sent, bytes as u64);
        if let Some(latency) = live {
            self.latency.observe(latency);
        }
    }
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
