//! Windows as charts, cards and sparklines.

use std::time::Duration;

use super::{
    catalogue::{self, CardKind, ChartOf},
    outlook::{Outlook, spacing},
};
use crate::{
    model::{SeriesKey, Timestamp, quantity},
    web::pages::{
        chart::{Chart, ChartLine, ChartSeries},
        overview::NetGraph,
        svg::{self, Scale},
        view::{Card, Drawing},
    },
    windows::Window,
};

/// The least time that one value of a chart stands for.
const STEP: Duration = Duration::from_secs(2);
/// Values of a sparkline, and of a traffic graph.
const SPARK: usize = 60;

/// Readings on a grid: the mean of what is in each step, and how many are in the newest.
struct Line {
    values: Vec<Option<f64>>,
    newest: u32,
}

/// Readings on a grid of `count` steps that ends with the newest of these windows: the mean of what is in each step.
fn grid(windows: &[&Window], step: i64, count: usize) -> (i64, Vec<Line>) {
    let newest = windows.iter().map(|window| window.newest().0.as_millis());
    let last = newest.max().unwrap_or(0).div_euclid(step);
    let first = last + 1 - count as i64;
    let values = windows
        .iter()
        .map(|window| {
            let mut sums = vec![(0.0, 0_u32); count];
            for (timestamp, value) in window.points() {
                let slot = timestamp.as_millis().div_euclid(step) - first;
                if let Some((sum, n)) = usize::try_from(slot).ok().and_then(|s| sums.get_mut(s)) {
                    *sum += value;
                    *n += 1;
                }
            }
            let means = sums
                .iter()
                .map(|(sum, n)| (*n > 0).then(|| sum / f64::from(*n)));
            Line {
                values: means.collect(),
                newest: sums.last().map_or(0, |(_, n)| *n),
            }
        })
        .collect();
    (first * step, values)
}

/// The step for windows of this rhythm: at least two readings in each, so that no jitter is taken for a gap.
fn step_for(windows: &[&Window]) -> i64 {
    let slowest = windows
        .iter()
        .filter_map(|w| spacing(w))
        .max()
        .unwrap_or_default();
    let step = (slowest * 2).max(STEP).as_millis() as i64;
    (step + 999) / 1000 * 1000
}

/// A chart of a host; `None` when it has none of its metrics.
pub fn chart(outlook: &Outlook<'_>, host: &str, of: &ChartOf) -> Option<Chart> {
    let mut lines: Vec<(&Window, String)> = Vec::new();
    for (name, title) in of.metrics {
        for window in outlook
            .all(host, name)
            .filter(|w| catalogue::is_whole(w.series.key()))
        {
            let labels = labels_of(window.series.key());
            let title = if labels.is_empty() {
                (*title).to_owned()
            } else {
                format!("{title} {labels}")
            };
            lines.push((window, title));
        }
    }
    lines.truncate(catalogue::MOST_LINES);
    let windows: Vec<&Window> = lines.iter().map(|(window, _)| *window).collect();
    let first = windows.first()?;
    let unit = first.series.spec.unit.as_str().to_owned();
    let step = step_for(&windows);
    let span = outlook.live.windows.span().as_millis() as i64;
    let count = usize::try_from(span / step).unwrap_or(2).clamp(2, 300);
    let (start, drawn) = grid(&windows, step, count);
    let thresholds = outlook.live.book.lines(first.series.key());
    let series = lines.iter().zip(drawn).map(|((window, title), line)| {
        let key = window.series.key();
        let labels = key.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        ChartSeries {
            name: key.name.to_string(),
            labels: labels.collect(),
            title: title.clone(),
            values: line
                .values
                .into_iter()
                .map(|v| v.map(three_digits))
                .collect(),
            newest: line.newest,
            // Its steps are made for the slowest of its series.
            holds: 0,
            bounds: None,
            before: None,
        }
    });
    Some(Chart {
        id: format!("{}-{}", of.id, svg::slug(host)),
        title: of.title.to_owned(),
        max: (unit == "%").then_some(100.0),
        unit,
        host: host.to_owned(),
        kind: of.kind,
        series: series.collect(),
        thresholds: thresholds
            .iter()
            .map(|line| ChartLine {
                value: line.value,
                level: line.level,
            })
            .collect(),
        start,
        step,
        range: None,
    })
}

/// A drawing needs no more, and the page is smaller for it.
pub fn three_digits(value: f64) -> f64 {
    if value.abs() < 1e-300 {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().ceil() as i32);
    (value * scale).round() / scale
}

/// Labels in words: their values, without the mark of simulated series.
pub fn labels_of(key: &SeriesKey) -> String {
    let values = key.labels.iter().filter(|(name, _)| *name != "simulated");
    values.map(|(_, value)| value).collect::<Vec<_>>().join(" ")
}

/// The card of a series.
pub fn card(outlook: &Outlook<'_>, window: &Window, title: &str, kind: CardKind) -> Card {
    let key = window.series.key();
    let unit = window.series.spec.unit.as_str();
    let stats = window.stats();
    let (current, shown_unit) = quantity::parts(stats.last, unit);
    let marks = || -> Vec<f64> {
        outlook
            .live
            .book
            .lines(key)
            .iter()
            .map(|l| l.value)
            .collect()
    };
    let drawing = match kind {
        CardKind::Plain => Drawing::None,
        CardKind::Gauge => Drawing::Gauge {
            percent: stats.last,
            marks: marks(),
        },
        CardKind::Bar => Drawing::Bar {
            percent: stats.last,
            marks: marks(),
        },
    };
    Card {
        id: svg::short_id(&key.to_string()),
        title: [title, &labels_of(key)].join(" ").trim_end().to_owned(),
        current,
        unit: shown_unit,
        exact: format!(
            "{} at {}",
            format!("{} {unit}", stats.last).trim_end(),
            stats.timestamp
        ),
        detail: detail(outlook, key),
        min: quantity::figure(stats.min, unit),
        avg: quantity::figure(stats.avg, unit),
        max: quantity::figure(stats.max, unit),
        samples: stats.count.to_string(),
        spark: spark(window),
        drawing,
        state: outlook.state(key),
    }
}

fn detail(outlook: &Outlook<'_>, key: &SeriesKey) -> String {
    let host = key.host.as_str();
    let bytes = |name| Some(quantity::figure(outlook.value(host, name)?, "B"));
    match key.name.as_str() {
        "memory_used_percent" => match (bytes("memory_used"), bytes("memory_total")) {
            (Some(used), Some(total)) => format!("{used} of {total}"),
            _ => String::new(),
        },
        "load1" => outlook
            .value(host, "load5")
            .zip(outlook.value(host, "load15"))
            .map_or(String::new(), |(five, fifteen)| {
                format!("5 min {five:.2} · 15 min {fifteen:.2}")
            }),
        _ => String::new(),
    }
}

/// The line of the newest readings.
pub fn spark(window: &Window) -> String {
    let step = spacing(window)
        .unwrap_or(STEP)
        .max(Duration::from_secs(1))
        .as_millis() as i64
        * 2;
    let (_, lines) = grid(&[window], step, SPARK);
    let values = &lines[0].values;
    let percent = window.series.spec.unit.as_str() == "%";
    let scale = if percent {
        Scale::from_zero(values)
    } else {
        Scale::around(values)
    };
    svg::line(values, scale, 120.0, 32.0)
}

/// The line of two windows added up.
pub fn spark_of_both(a: &Window, b: &Window) -> String {
    let step = step_for(&[a, b]);
    let (_, lines) = grid(&[a, b], step, SPARK);
    let sums: Vec<Option<f64>> = lines[0]
        .values
        .iter()
        .zip(&lines[1].values)
        .map(|(a, b)| Some(a.unwrap_or(0.0) + (*b)?))
        .collect();
    svg::line(&sums, Scale::from_zero(&sums), 120.0, 32.0)
}

/// The traffic of a host.
pub fn net_graph(outlook: &Outlook<'_>, host: &str) -> Option<NetGraph> {
    let received = outlook.all(host, "net_rx").next()?;
    let sent = outlook.all(host, "net_tx").next()?;
    let (_, lines) = grid(&[received, sent], step_for(&[received, sent]), SPARK);
    let [received_line, sent_line] = &lines[..] else {
        return None;
    };
    let all = [&received_line.values[..], &sent_line.values[..]].concat();
    let scale = Scale::from_zero(&all);
    Some(NetGraph {
        received: svg::area(&received_line.values, scale, 300.0, 50.0, 0.0),
        sent: svg::area(&sent_line.values, scale, 300.0, 50.0, 100.0),
        received_now: quantity::figure(received.stats().last, "B/s"),
        sent_now: quantity::figure(sent.stats().last, "B/s"),
        peak: quantity::figure(scale.high, "B/s"),
    })
}

/// How long before now a moment was, in words.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    format!(
        "{} ago",
        crate::web::pages::view::duration(now.since(then).as_secs())
    )
}
