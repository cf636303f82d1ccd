//! `GET /metrics`: what tickwire counts about itself, in the Prometheus text format.
//!
//! Written out here rather than through a client library: every figure is an atomic of some room already, and the
//! libraries that keep none of their own write OpenMetrics, in which `promtool check metrics` finds faults.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed};

use actix_web::{HttpRequest, HttpResponse};

use super::{problem::Problem, state::State};
use crate::{pipeline::Busy, stream::counters::LATENCY_BUCKETS};

/// `GET /metrics`
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(render(state)))
}

fn render(state: &State) -> String {
    let parts = state.parts();
    let stream = state.stream();
    let counters = stream.counters();
    let sent = counters.sent();
    let store = parts.store.counts();
    let mut page = Page::default();

    page.gauge(
        "tickwire_build_info",
        "Always 1; the version is in the label.",
        &[(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)],
    );
    page.one(
        "tickwire_start_time_seconds",
        "gauge",
        "When the server started, in unix seconds.",
        parts.started.as_millis() as f64 / 1e3,
    );
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
    refusals(&mut page, state);
    let counter =
        |page: &mut Page, name, help, value: u64| page.one(name, "counter", help, value as f64);
    counter(
        &mut page,
        "tickwire_connections_total",
        "Streams and sockets ever opened.",
        counters.connects.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_events_sent_total",
        "Events handed to connections.",
        sent.events,
    );
    counter(
        &mut page,
        "tickwire_chunks_sent_total",
        "Pieces of bytes handed to connections.",
        sent.chunks,
    );
    counter(
        &mut page,
        "tickwire_sent_bytes_total",
        "Bytes of events handed to connections.",
        sent.bytes,
    );
    counter(
        &mut page,
        "tickwire_encodes_total",
        "Times a piece was encoded; the others shared one.",
        counters.encodes.load(Relaxed),
    );
    counter(
        &mut page,
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
    counter(
        &mut page,
        "tickwire_lagged_total",
        "Times a slow reader was told that it lags.",
        counters.lagged.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_conflated_samples_total",
        "Samples that slow readers did not get.",
        counters.conflated.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_resets_total",
        "Times a reader was told that something may be missing.",
        counters.resets.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_too_slow_total",
        "Readers closed because they were too slow for their alerts.",
        counters.too_slow.load(Relaxed),
    );
    counter(
        &mut page,
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
    counter(
        &mut page,
        "tickwire_log_evicted_total",
        "Entries the log has forgotten for want of room.",
        stream.log().evicted(),
    );
    counter(
        &mut page,
        "tickwire_log_sequence_total",
        "Numbers given out in this life of the server.",
        stream.log().head(),
    );

    let (totals, open, series) = {
        let live = state.live().read();
        (
            live.totals(),
            live.open_alerts().count(),
            live.windows.iter().count(),
        )
    };
    counter(
        &mut page,
        "tickwire_samples_total",
        "Samples taken.",
        totals.samples,
    );
    counter(
        &mut page,
        "tickwire_samples_late_total",
        "Samples older than their series' newest.",
        totals.late,
    );
    counter(
        &mut page,
        "tickwire_samples_replaced_total",
        "Samples that took the place of one with the same timestamp.",
        totals.replaced,
    );
    counter(
        &mut page,
        "tickwire_samples_dropped_total",
        "Samples refused: too many series, or another source's.",
        totals.refused,
    );
    page.one("tickwire_series", "gauge", "Series known.", series as f64);
    page.one(
        "tickwire_series_limit",
        "gauge",
        "Series that may be known.",
        parts.registry.max_series() as f64,
    );
    page.one(
        "tickwire_alerts_open",
        "gauge",
        "Alerts that are firing or silent.",
        open as f64,
    );
    let (waiting, capacity) = parts.inlet.depth();
    page.gauge(
        "tickwire_queue_depth",
        "Messages that wait for their turn or have it, by queue.",
        &[
            (&[("queue", "inlet")], waiting as f64),
            (&[("queue", "store")], store.waiting.load(Relaxed) as f64),
        ],
    );
    page.gauge(
        "tickwire_queue_capacity",
        "Messages that may wait, by queue.",
        &[(&[("queue", "inlet")], capacity as f64)],
    );
    counter(
        &mut page,
        "tickwire_store_written_total",
        "Jobs the store has written.",
        store.written.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_store_failed_total",
        "Times that the store could not be written; it is tried again.",
        store.failed.load(Relaxed),
    );
    page.one(
        "tickwire_store_failing",
        "gauge",
        "1 while the store cannot be written.",
        f64::from(u8::from(store.failing.load(Relaxed))),
    );
    counter(
        &mut page,
        "tickwire_store_samples_total",
        "Samples the store has written.",
        store.samples.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_store_samples_dropped_total",
        "Samples that are not kept, because too much was waiting for the store.",
        store.dropped_samples.load(Relaxed),
    );
    page.one(
        "tickwire_store_log_pages",
        "gauge",
        "Pages that are in the store's write-ahead log alone.",
        store.wal_pages.load(Relaxed) as f64,
    );
    page.one(
        "tickwire_store_compacting",
        "gauge",
        "1 while blocks are made.",
        f64::from(u8::from(store.compacting.load(Relaxed))),
    );
    counter(
        &mut page,
        "tickwire_store_blocks_made_total",
        "Blocks that the store has made of what it had.",
        store.blocks_made.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_store_blocks_removed_total",
        "Blocks that went by age or size.",
        store.blocks_removed.load(Relaxed),
    );
    counter(
        &mut page,
        "tickwire_store_unreadable_total",
        "Times that something stored could not be read.",
        store.unreadable.load(Relaxed),
    );
    page.one(
        "tickwire_store_queue_bytes",
        "gauge",
        "Bytes that wait to be written, nearly.",
        store.waiting_bytes.load(Relaxed) as f64,
    );
    page.one(
        "tickwire_store_series",
        "gauge",
        "Series of which something is kept.",
        parts.store.catalogue().count() as f64,
    );
    counter(
        &mut page,
        "tickwire_store_dropped_total",
        "Jobs dropped because too much was waiting for the store.",
        store.dropped.load(Relaxed),
    );

    let sources = parts.sources.status();
    let by_source =
        |value: fn(&crate::sources::supervisor::SourceStatus) -> f64| -> Vec<(String, f64)> {
            sources
                .iter()
                .map(|s| (s.name.to_string(), value(s)))
                .collect()
        };
    let running = |s: &crate::sources::supervisor::SourceStatus| {
        f64::from(u8::from(
            s.state == crate::sources::supervisor::Running::Running,
        ))
    };
    page.by(
        "tickwire_source_up",
        "gauge",
        "Whether a source is running and not failing.",
        "source",
        &by_source(running),
    );
    page.by(
        "tickwire_source_samples_total",
        "counter",
        "Samples by source.",
        "source",
        &by_source(|s| s.samples as f64),
    );
    page.text
}

/// What limits have refused, and what waits because of one.
fn refusals(page: &mut Page, state: &State) {
    let parts = state.parts();
    let mut refused: Vec<(String, f64)> = state
        .limits()
        .refused()
        .map(|(limit, count)| (limit.key().to_owned(), count as f64))
        .collect();
    for (key, count) in [
        (Busy::KEY, parts.inlet.refused()),
        ("series.max", parts.registry.refused()),
    ] {
        refused.push((key.to_owned(), count as f64));
    }
    page.by(
        "tickwire_refused_total",
        "counter",
        "What a limit has refused, by its key.",
        "limit",
        &refused,
    );
    page.one(
        "tickwire_limited_addresses",
        "gauge",
        "Addresses that connections and requests are counted for.",
        state.limits().addresses() as f64,
    );
    let replays = state.stream().replays().counts();
    page.gauge(
        "tickwire_replays",
        "Clients behind the present, by what becomes of them.",
        &[
            (&[("state", "encoding")], replays.encoding as f64),
            (&[("state", "waiting")], replays.waiting as f64),
        ],
    );
    page.one(
        "tickwire_replays_waited_total",
        "counter",
        "Times that a replay had to wait for its turn.",
        replays.waited as f64,
    );
}

/// The page in the making.
#[derive(Default)]
struct Page {
    text: String,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: f64) {
        self.text.push_str(name);
        for (i, (label, value)) in labels.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.text, "{open}{label}=\"{value}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, samples: &[(Labels<'_>, f64)]) {
        self.head(name, "gauge", help);
        for (labels, value) in samples {
            self.sample(name, labels, *value);
        }
    }

    fn by(&mut self, name: &str, kind: &str, help: &str, label: &str, samples: &[(String, f64)]) {
        self.head(name, kind, help);
        for (of, value) in samples {
            self.sample(name, &[(label, of)], *value);
        }
    }

    fn latency(&mut self, name: &str, help: &str, counts: &[u64], sum: f64) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        for (count, bound) in counts.iter().zip(LATENCY_BUCKETS) {
            total += count;
            self.sample(&bucket, &[("le", &bound.to_string())], total as f64);
        }
        total += counts.last().copied().unwrap_or(0);
        self.sample(&bucket, &[("le", "+Inf")], total as f64);
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], total as f64);
    }
}
