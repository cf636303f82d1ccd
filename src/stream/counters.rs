//! What the stream counts. Everything here is also on `/metrics`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

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
    /// What each worker has sent.
    sent: Mutex<Vec<Arc<Sent>>>,
}

/// What one worker has handed to its clients' sockets. Only that worker's thread adds to it, and it shares no cache line
/// with another's: of all that is counted, this alone is counted for each client and tick.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Sent {
    chunks: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    buckets: [AtomicU64; LATENCY_BUCKETS.len() + 1],
    latency_nanos: AtomicU64,
}

impl Sent {
    /// A chunk was handed to a connection; `live` tells how long after its tick, unless it was a replay. For its own
    /// worker's thread alone.
    pub fn add(&self, events: u64, bytes: usize, live: Option<Duration>) {
        let add = |counter: &AtomicU64, by| {
            counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
        };
        add(&self.chunks, 1);
        add(&self.events, events);
        add(&self.bytes, bytes as u64);
        if let Some(latency) = live {
            let seconds = latency.as_secs_f64();
            let bucket = LATENCY_BUCKETS.partition_point(|bound| *bound < seconds);
            add(&self.buckets[bucket], 1);
            add(&self.latency_nanos, latency.as_nanos() as u64);
        }
    }
}

/// What all workers have sent.
#[derive(Debug, Default)]
pub struct Totals {
    /// Chunks handed to sockets.
    pub chunks: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// From the publishing of a tick to the moment its bytes were handed to the connection: how many fell into each of
    /// [`LATENCY_BUCKETS`]; the last is for all that is larger than the last bound.
    pub latency: [u64; LATENCY_BUCKETS.len() + 1],
    /// The sum of those, in seconds.
    pub latency_seconds: f64,
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

    /// Those of one more worker.
    pub(super) fn of_worker(&self) -> Arc<Sent> {
        let sent = Arc::new(Sent::default());
        self.sent.lock().push(sent.clone());
        sent
    }

    /// What all workers have sent.
    pub fn sent(&self) -> Totals {
        let mut totals = Totals::default();
        for sent in self.sent.lock().iter() {
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            totals.chunks += read(&sent.chunks);
            totals.events += read(&sent.events);
            totals.bytes += read(&sent.bytes);
            for (total, bucket) in totals.latency.iter_mut().zip(&sent.buckets) {
                *total += read(bucket);
            }
            totals.latency_seconds += read(&sent.latency_nanos) as f64 / 1e9;
        }
        totals
    }
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
