//! `GET /metrics`: what tickwire counts about itself, in the Prometheus text format.
//!
//! Written out here rather than through a client library: every figure is an atomic of some room already, and the
//! libraries that keep none of their own write OpenMetrics, in which `promtool check metrics` finds faults.

mod alerts;
mod page;
mod store;
mod streams;

use std::sync::atomic::Ordering::Relaxed;

use actix_web::{HttpRequest, HttpResponse};

use self::page::Page;
use super::{problem::Problem, state::State};
use crate::{
    pipeline::Busy,
    sources::supervisor::{Running, SourceStatus},
};

/// `GET /metrics`
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(render(state)))
}

fn render(state: &State) -> String {
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
        state.parts().started.as_millis() as f64 / 1e3,
    );
    streams::write(&mut page, state);
    refusals(&mut page, state);
    samples(&mut page, state);
    alerts::write(&mut page, state);
    store::write(
        &mut page,
        state.parts().store.counts(),
        state.parts().store.catalogue().count(),
    );
    sources(&mut page, state);
    page.text
}

/// What was taken, and what waits.
fn samples(page: &mut Page, state: &State) {
    let parts = state.parts();
    let (totals, open, series) = {
        let live = state.live().read();
        (
            live.totals(),
            live.open_alerts().count(),
            live.windows.iter().count(),
        )
    };
    page.counter("tickwire_samples_total", "Samples taken.", totals.samples);
    page.counter(
        "tickwire_samples_late_total",
        "Samples older than their series' newest.",
        totals.late,
    );
    page.counter(
        "tickwire_samples_replaced_total",
        "Samples that took the place of one with the same timestamp.",
        totals.replaced,
    );
    page.counter(
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
            (
                &[("queue", "store")],
                parts.store.counts().waiting.load(Relaxed) as f64,
            ),
        ],
    );
    page.gauge(
        "tickwire_queue_capacity",
        "Messages that may wait, by queue.",
        &[(&[("queue", "inlet")], capacity as f64)],
    );
}

/// What each source does.
fn sources(page: &mut Page, state: &State) {
    let sources = state.parts().sources.status();
    let by_source = |value: fn(&SourceStatus) -> f64| -> Vec<(String, f64)> {
        sources
            .iter()
            .map(|s| (s.name.to_string(), value(s)))
            .collect()
    };
    let running = |s: &SourceStatus| f64::from(u8::from(s.state == Running::Running));
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
