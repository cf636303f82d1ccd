//! Which metrics get a card or a chart, and how these are drawn. To show another metric, add a line here.

use crate::{
    model::{Globs, SeriesKey},
    stream::filter::Filter,
    web::pages::chart::ChartKind,
};

/// How a card draws its value beside the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardKind {
    /// The number alone.
    Plain,
    /// An arc.
    Gauge,
    /// A bar.
    Bar,
}

/// A card for each series of a metric; for at most `most` of them on one host.
pub struct CardOf {
    /// The metric.
    pub name: &'static str,
    /// What the card is called; the labels of the series follow.
    pub title: &'static str,
    /// How it is drawn.
    pub kind: CardKind,
    /// At most so many.
    pub most: usize,
}

/// The cards of a host, in their order. Of series that are not here, pushed ones get a plain
/// card, and all do on a host of which nothing is here.
pub const CARDS: &[CardOf] = &[
    card("cpu_usage", "CPU", CardKind::Gauge, 1),
    card("memory_used_percent", "Memory", CardKind::Bar, 1),
    card("load1", "Load", CardKind::Plain, 1),
    card("net_rx", "Received", CardKind::Plain, 1),
    card("net_tx", "Sent", CardKind::Plain, 1),
    card("temperature_celsius", "Temperature", CardKind::Plain, 2),
    card("request_rate", "Requests", CardKind::Plain, 1),
    card("request_latency", "Latency", CardKind::Plain, 2),
    card("request_errors", "Errors", CardKind::Plain, 1),
];

/// Cards of one host, at most.
pub const MOST_CARDS: usize = 12;

const fn card(name: &'static str, title: &'static str, kind: CardKind, most: usize) -> CardOf {
    CardOf {
        name,
        title,
        kind,
        most,
    }
}

/// A chart of one or several metrics of a host.
pub struct ChartOf {
    /// Its id, with the host's.
    pub id: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Its metrics, each with what its line is called.
    pub metrics: &'static [(&'static str, &'static str)],
    /// How it is drawn.
    pub kind: ChartKind,
}

/// The charts, in their order.
pub const CHARTS: &[ChartOf] = &[
    chart("cpu", "CPU", &[("cpu_usage", "busy")], ChartKind::Area),
    chart(
        "memory",
        "Memory",
        &[("memory_used_percent", "used")],
        ChartKind::Area,
    ),
    chart(
        "network",
        "Network",
        &[("net_rx", "received"), ("net_tx", "sent")],
        ChartKind::Line,
    ),
    chart(
        "disk",
        "Disk",
        &[("disk_read", "read"), ("disk_write", "written")],
        ChartKind::Line,
    ),
    chart(
        "requests",
        "Requests",
        &[("request_rate", "requests")],
        ChartKind::Bar,
    ),
    chart(
        "latency",
        "Latency",
        &[("request_latency", "quantile")],
        ChartKind::Line,
    ),
    chart(
        "stocks",
        "Stocks",
        &[("stock_price", "price")],
        ChartKind::Line,
    ),
    chart(
        "shop",
        "Shop",
        &[("shop_requests", "requests"), ("shop_views", "views")],
        ChartKind::Line,
    ),
];

/// The charts of the history of a host: those of the pages, and more.
pub const PAST_CHARTS: &[ChartOf] = &[
    chart(
        "load",
        "Load",
        &[("load1", "1 min"), ("load5", "5 min"), ("load15", "15 min")],
        ChartKind::Line,
    ),
    chart(
        "swap",
        "Swap",
        &[("swap_used_percent", "used")],
        ChartKind::Area,
    ),
    chart(
        "files",
        "File systems",
        &[("filesystem_used_percent", "used")],
        ChartKind::Line,
    ),
    chart(
        "utilisation",
        "Disk utilisation",
        &[("disk_utilisation", "busy")],
        ChartKind::Line,
    ),
    chart(
        "pressure",
        "Pressure",
        &[("pressure_some", "waiting for")],
        ChartKind::Line,
    ),
    chart(
        "temperature",
        "Temperature",
        &[("temperature_celsius", "")],
        ChartKind::Line,
    ),
    chart(
        "errors",
        "Errors",
        &[("request_errors", "errors")],
        ChartKind::Line,
    ),
];

/// Lines in one chart, at most.
pub const MOST_LINES: usize = 6;

const fn chart(
    id: &'static str,
    title: &'static str,
    metrics: &'static [(&'static str, &'static str)],
    kind: ChartKind,
) -> ChartOf {
    ChartOf {
        id,
        title,
        metrics,
        kind,
    }
}

/// Whether a series is one of a whole thing rather than of its parts: cores have views of their own.
pub fn is_whole(key: &SeriesKey) -> bool {
    key.labels.get("core").is_none()
}

/// The series that a page's charts show: what its stream carries. Those of one host, of all with `None`.
pub fn charted(host: Option<&str>) -> Filter {
    let metrics = CHARTS.iter().flat_map(|chart| chart.metrics);
    Filter {
        names: Globs::new(metrics.map(|(name, _)| *name)),
        hosts: host.map_or_else(Globs::default, |host| Globs::new([host])),
        labels: vec![("core".to_owned(), Globs::new([""]))],
        ..Filter::default()
    }
}

/// The series that the charts of a host's history show.
pub fn charted_past(host: &str) -> Filter {
    let all = CHARTS.iter().chain(PAST_CHARTS);
    let names = all.flat_map(|chart| chart.metrics).map(|(name, _)| *name);
    Filter {
        names: Globs::new(names),
        ..charted(Some(host))
    }
}

/// No series at all: what the stream of a page without charts carries.
pub fn uncharted() -> Filter {
    Filter {
        names: Globs::new([""]),
        ..Filter::default()
    }
}
