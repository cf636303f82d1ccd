//! Streams and sockets, and what they are sent.

use std::sync::atomic::Ordering::Relaxed;

use super::page::Page;
use crate::web::state::State;

pub(super) fn write(page: &mut Page, state: &State) {
    let parts = state.parts();
    let stream = state.stream();
    let counters = stream.counters();
    let sent = counters.sent();
    page.gauge(
        "tickwire_clients",
        "Open streams and sockets.",
        &[
            (
                &[("kind", "sse")],
                counters.sse_clients.load(Relaxed) as f64,
            ),
            (
                &[("kind", "websocket")],
                counters.sockets.load(Relaxed) as f64,
            ),
        ],
    );
    page.one(
        "tickwire_waits",
        "gauge",
        "Requests that wait for a condition.",
        state.limits().waits() as f64,
    );
    page.one(
        "tickwire_connections",
        "gauge",
        "Open connections of all kinds.",
        state.limits().connections() as f64,
    );
    page.one(
        "tickwire_connections_limit",
        "gauge",
        "Connections that may be open.",
        parts.server.max_connections as f64,
    );
    page.counter(
        "tickwire_connections_total",
        "Streams and sockets ever opened.",
        counters.connects.load(Relaxed),
    );
    page.counter(
        "tickwire_events_sent_total",
        "Events handed to connections.",
        sent.events,
    );
    page.counter(
        "tickwire_chunks_sent_total",
        "Pieces of bytes handed to connections.",
        sent.chunks,
    );
    page.counter(
        "tickwire_sent_bytes_total",
        "Bytes of events handed to connections.",
        sent.bytes,
    );
    page.counter(
        "tickwire_encodes_total",
        "Times a piece was encoded; the others shared one.",
        counters.encodes.load(Relaxed),
    );
    page.counter(
        "tickwire_encoded_bytes_total",
        "Bytes made by encoding.",
        counters.encoded_bytes.load(Relaxed),
    );
    page.one(
        "tickwire_encode_seconds_total",
        "counter",
        "Time spent on encoding.",
        counters.encode_nanos.load(Relaxed) as f64 / 1e9,
    );
    page.counter(
        "tickwire_lagged_total",
        "Times a slow reader was told that it lags.",
        counters.lagged.load(Relaxed),
    );
    page.counter(
        "tickwire_conflated_samples_total",
        "Samples that slow readers did not get.",
        counters.conflated.load(Relaxed),
    );
    page.counter(
        "tickwire_resets_total",
        "Times a reader was told that something may be missing.",
        counters.resets.load(Relaxed),
    );
    page.counter(
        "tickwire_too_slow_total",
        "Readers closed because they were too slow for their alerts.",
        counters.too_slow.load(Relaxed),
    );
    page.counter(
        "tickwire_stalled_total",
        "Readers closed because their sockets took nothing for too long.",
        counters.stalled.load(Relaxed),
    );
    page.latency(
        "tickwire_delivery_latency_seconds",
        "From the publishing of a tick to the moment its bytes were handed to a connection.",
        &sent.latency,
        sent.latency_seconds,
    );

    page.one(
        "tickwire_views",
        "gauge",
        "Different views in use.",
        stream.views().in_use() as f64,
    );
    page.one(
        "tickwire_log_bytes",
        "gauge",
        "Bytes held by the log in memory.",
        stream.log().weight() as f64,
    );
    page.counter(
        "tickwire_log_evicted_total",
        "Entries the log has forgotten for want of room.",
        stream.log().evicted(),
    );
    page.counter(
        "tickwire_log_sequence_total",
        "Numbers given out in this life of the server.",
        stream.log().head(),
    );
}
