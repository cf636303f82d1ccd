//! The program about itself.

use std::sync::atomic::Ordering::Relaxed;

use super::outlook::Outlook;
use crate::{
    model::{Level, quantity},
    web::{
        pages::{
            status::StatusGroup,
            view::{Figure, State, duration},
        },
        state::State as Server,
    },
};

/// The figures over everything, for the head of the overview.
pub fn facts(outlook: &Outlook<'_>, server: &Server) -> Vec<Figure> {
    let series = counted("series", outlook.live.windows.iter().count() as u64);
    if outlook.is_past {
        return vec![series, counted("hosts", outlook.hosts().count() as u64)];
    }
    let parts = server.parts();
    let totals = outlook.live.totals();
    let rate: f64 = parts
        .sources
        .status()
        .iter()
        .map(|s| s.samples_per_second)
        .sum();
    let uptime = outlook.now.since(parts.started).as_secs();
    vec![
        counted("samples", totals.samples),
        Figure::text("samples/s", quantity::number(rate)),
        series,
        counted("viewers", server.stream().counters().clients() as u64),
        Figure::text("running for", duration(uptime)),
    ]
}

/// All figures, in groups.
pub fn groups(outlook: &Outlook<'_>, server: &Server) -> Vec<StatusGroup> {
    let parts = server.parts();
    let stream = server.stream();
    let counters = stream.counters();
    let sent = counters.sent();
    let store = parts.store.counts();
    let totals = outlook.live.totals();
    let bytes = |label, value: u64| Figure::new(label, value as f64, "B");
    let (waiting, capacity) = parts.inlet.depth();
    let series = outlook.live.windows.iter().count();
    let most = parts.registry.max_series();
    let encodes = counters.encodes.load(Relaxed);
    vec![
        group(
            "program",
            "Program",
            vec![
                Figure::text("version", env!("CARGO_PKG_VERSION")),
                Figure::text("started", parts.started.to_string()),
                Figure::text(
                    "running for",
                    duration(outlook.now.since(parts.started).as_secs()),
                ),
                Figure::text("listening on", parts.server.listen.to_string()),
                Figure::text("data folder", parts.server.data.display().to_string()),
                Figure::text("position", stream.log().position().to_string()),
            ],
        ),
        group("configuration", "Configuration", configuration(server)),
        group(
            "stream",
            "Stream",
            vec![
                counted("streams open", counters.sse_clients.load(Relaxed) as u64),
                counted("sockets open", counters.sockets.load(Relaxed) as u64),
                counted("connections so far", counters.connects.load(Relaxed)),
                counted("events sent", sent.events),
                bytes("bytes sent", sent.bytes),
                counted("views in use", stream.views().in_use() as u64),
                counted("pieces sent", sent.chunks),
                counted("pieces encoded", encodes),
                Figure::new(
                    "encoding a piece",
                    mean(counters.encode_nanos.load(Relaxed), encodes),
                    "s",
                ),
                troubled(counted(
                    "times a reader lagged",
                    counters.lagged.load(Relaxed),
                )),
                troubled(counted("readers too slow", counters.too_slow.load(Relaxed))),
            ],
        ),
        group(
            "samples",
            "Samples",
            vec![
                counted("samples", totals.samples),
                counted("late", totals.late),
                counted("replaced", totals.replaced),
                troubled(counted("refused", totals.refused)),
                Figure::text("series", format!("{series} of {most}")),
                Figure::text("waiting", format!("{waiting} of {capacity}")),
            ],
        ),
        group(
            "memory",
            "Kept in memory",
            vec![
                bytes("log", stream.log().weight() as u64),
                counted("entries forgotten", stream.log().evicted()),
                Figure::text("windows", duration(outlook.live.windows.span().as_secs())),
            ],
        ),
        group(
            "store",
            "Store",
            vec![
                counted("written", store.written.load(Relaxed)),
                counted("waiting", store.waiting.load(Relaxed)),
                troubled(counted("failed", store.failed.load(Relaxed))),
                troubled(counted("dropped", store.dropped.load(Relaxed))),
            ],
        ),
    ]
}

/// What came of reading it last.
fn configuration(server: &Server) -> Vec<Figure> {
    let reload = server.control().reload();
    let file = reload.file();
    let file = file.map_or("built-in".to_owned(), |file| file.display().to_string());
    let outcome = reload.outcome();
    let mut figures = vec![
        Figure::text("file", file),
        Figure::text("read", outcome.at.to_string()),
    ];
    match &outcome.result {
        Ok(report) => {
            figures.push(Figure::text("in effect", "yes"));
            figures.push(counted("rules", report.rules as u64));
            if !report.needs_restart.is_empty() {
                let sections = format!("[{}]", report.needs_restart.join("], ["));
                figures.push(warned(Figure::text("needs a restart", sections)));
            }
        }
        Err(faults) => {
            let before = "no, the one before is";
            figures.push(warned(Figure::text("in effect", before)));
            let faults = faults.iter();
            figures.extend(faults.map(|fault| Figure::text("fault", fault.to_string())));
        }
    }
    figures
}

fn group(id: &str, title: &str, figures: Vec<Figure>) -> StatusGroup {
    StatusGroup {
        id: id.to_owned(),
        title: title.to_owned(),
        figures,
    }
}

/// A count with its thousands apart, since it only means something as it is.
fn counted(label: &str, value: u64) -> Figure {
    let text = quantity::grouped(value);
    Figure {
        value: text,
        exact: value.to_string(),
        ..Figure::text(label, "")
    }
}

/// Of something that should not happen.
fn troubled(figure: Figure) -> Figure {
    match figure.exact.as_str() {
        "0" => figure,
        _ => warned(figure),
    }
}

fn warned(figure: Figure) -> Figure {
    Figure {
        state: State::Level(Level::Warning),
        ..figure
    }
}

fn mean(nanos: u64, count: u64) -> f64 {
    nanos as f64 / 1e9 / count.max(1) as f64
}
