//! The past of a series as bytes: JSON, lines, or rows of a table.

use super::{
    plan::Group,
    query::{Figure, Format, HistoryQuery, Resolution},
};
use crate::{
    model::{Position, Timestamp},
    series::Series,
    store::{
        aggregate::Aggregate,
        history::{Past, Step},
    },
    stream::encode::number,
};

/// Which part of a series a piece is.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its beginning is in it.
    pub begins: bool,
    /// Its end is.
    pub ends: bool,
    /// How many series come before it.
    pub index: usize,
}

/// What an answer begins with.
pub fn head(query: &HistoryQuery, position: Position) -> Vec<u8> {
    let mut out = Vec::new();
    match query.format {
        Format::Json => {
            let (from, to) = (query.from, query.to);
            let text = format!(
                "{{\"position\":\"{position}\",\"from\":\"{from}\",\"to\":\"{to}\",\"series\":["
            );
            out.extend_from_slice(text.as_bytes());
        }
        Format::Ndjson => {}
        Format::Csv => {
            put(&mut out, "timestamp,host,name,labels,unit");
            for column in columns(query, is_raw(query)) {
                put(&mut out, ",");
                put(&mut out, column);
            }
            put(&mut out, "\r\n");
        }
    }
    out
}

/// What it ends with.
pub fn tail(query: &HistoryQuery) -> &'static [u8] {
    match query.format {
        Format::Json => b"]}",
        Format::Ndjson | Format::Csv => b"",
    }
}

fn is_raw(query: &HistoryQuery) -> bool {
    query.resolution == Resolution::Raw
}

/// The columns behind the time.
fn columns(query: &HistoryQuery, raw: bool) -> Vec<&'static str> {
    match raw {
        true => vec!["value"],
        false => query.figures.iter().map(|figure| figure.as_str()).collect(),
    }
}

/// A piece of a series.
pub fn series(
    out: &mut Vec<u8>,
    query: &HistoryQuery,
    step: Option<Step>,
    group: &Group,
    past: &Past,
    part: Part,
) {
    // The newest of those that have this name: its unit is the one that is shown.
    let Some(series) = group
        .iter()
        .max_by_key(|known| known.last)
        .map(|k| &k.series)
    else {
        return;
    };
    match query.format {
        Format::Json => json(out, query, step, series, past, part),
        Format::Ndjson => rows(query, step, past, |time, figures| {
            put(out, "{\"timestamp\":\"");
            put(out, &time.to_string());
            put(out, "\"");
            put(out, &series.json_host);
            put(out, ",");
            // `"name":"…","value":`, of which the name is wanted.
            let name = series.json_head.trim_end_matches("\"value\":");
            put(out, name.trim_end_matches(','));
            put(out, &series.json_labels);
            put(out, &series.json_unit);
            for (column, value) in figures {
                put(out, ",\"");
                put(out, column);
                put(out, "\":");
                number(out, *value);
            }
            put(out, "}\n");
        }),
        Format::Csv => {
            let key = series.key();
            let labels = match key.labels.is_empty() {
                true => String::new(),
                false => serde_json::to_string(&key.labels).unwrap_or_default(),
            };
            let of_series = [
                key.host.as_str(),
                key.name.as_str(),
                &labels,
                series.spec.unit.as_str(),
            ];
            let of_series = of_series.map(cell).join(",");
            rows(query, step, past, |time, figures| {
                put(out, &time.to_string());
                put(out, ",");
                put(out, &of_series);
                for (_, value) in figures {
                    put(out, ",");
                    number(out, *value);
                }
                put(out, "\r\n");
            });
        }
    }
}

/// Each row: its time and its figures, by their names.
fn rows(
    query: &HistoryQuery,
    step: Option<Step>,
    past: &Past,
    mut row: impl FnMut(Timestamp, &[(&'static str, f64)]),
) {
    let mut figures: Vec<(&'static str, f64)> = columns(query, step.is_none())
        .into_iter()
        .map(|name| (name, 0.0))
        .collect();
    let mut write = |time: i64, of: &Aggregate| {
        if step.is_some() {
            for (cell, figure) in figures.iter_mut().zip(&query.figures) {
                cell.1 = value(*figure, of);
            }
        } else {
            figures[0].1 = of.last;
        }
        row(Timestamp::from_millis(time), &figures);
    };
    match past {
        Past::Samples(samples) => {
            for (time, value) in samples.iter() {
                write(time, &Aggregate::of_sample(0, time, value));
            }
        }
        Past::Steps(steps) => {
            let step = step.map_or(1, |step| step.millis);
            for of in steps {
                write(of.bucket * step, of);
            }
        }
    }
}

fn value(figure: Figure, of: &Aggregate) -> f64 {
    match figure {
        Figure::Avg => of.avg(),
        Figure::Min => of.min,
        Figure::Max => of.max,
        Figure::Last => of.last,
        Figure::Sum => of.sum,
        Figure::Count => of.count,
    }
}

fn json(
    out: &mut Vec<u8>,
    query: &HistoryQuery,
    step: Option<Step>,
    series: &Series,
    past: &Past,
    part: Part,
) {
    if part.begins {
        put(out, if part.index == 0 { "{" } else { ",{" });
        let name = series.json_head.trim_end_matches("\"value\":");
        put(out, name.trim_end_matches(','));
        put(out, &series.json_host);
        put(out, &series.json_labels);
        put(out, &series.json_unit);
        put(out, ",\"kind\":\"");
        put(out, series.spec.kind.as_str());
        put(out, "\",\"step_seconds\":");
        let (seconds, tier) = match (past, step) {
            (Past::Steps(_), Some(step)) => (step.millis as f64 / 1000.0, step.tier),
            _ => (0.0, 0),
        };
        number(out, seconds);
        put(out, ",\"tier\":\"");
        put(
            out,
            match tier {
                0 => "samples",
                60_000 => "minutes",
                _ => "hours",
            },
        );
        put(out, "\",\"columns\":[\"timestamp\"");
        for column in columns(query, step.is_none()) {
            put(out, ",\"");
            put(out, column);
            put(out, "\"");
        }
        put(out, "],\"points\":[");
    }
    let mut first = part.begins;
    rows(query, step, past, |time, figures| {
        put(out, if first { "[\"" } else { ",[\"" });
        first = false;
        put(out, &time.to_string());
        put(out, "\"");
        for (_, value) in figures {
            put(out, ",");
            number(out, *value);
        }
        put(out, "]");
    });
    if part.ends {
        put(out, "]");
        if step.is_some() {
            put(out, ",\"gaps\":[");
            for (i, (from, to)) in gaps(past, step).into_iter().enumerate() {
                put(out, if i == 0 { "" } else { "," });
                let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
                put(out, &format!("{{\"from\":\"{from}\",\"to\":\"{to}\"}}"));
            }
            put(out, "]");
        }
        put(out, "}");
    }
}

/// Times without a sample that are more than three times as long as is usual for the series.
pub fn gaps(past: &Past, step: Option<Step>) -> Vec<(i64, i64)> {
    let step = step.map_or(1, |step| step.millis);
    let (usual, ends): (i64, Vec<(i64, i64)>) = match past {
        Past::Samples(samples) => {
            let times = samples.times();
            let distances = times.windows(2).map(|pair| pair[1] - pair[0]);
            let ends = times.iter().map(|time| (*time, *time)).collect();
            (median(distances.collect()), ends)
        }
        Past::Steps(rows) => {
            let distances = rows
                .iter()
                .map(|row| (step as f64 / row.count.max(1.0)) as i64);
            let ends = rows
                .iter()
                .map(|row| (row.bucket * step, (row.bucket + 1) * step));
            (median(distances.collect()), ends.collect())
        }
    };
    let pairs = ends.windows(2).map(|pair| (pair[0].1, pair[1].0));
    pairs
        .filter(|(from, to)| to - from > (3 * usual).max(1))
        .collect()
}

fn median(mut of: Vec<i64>) -> i64 {
    if of.is_empty() {
        return i64::MAX / 4;
    }
    let middle = of.len() / 2;
    *of.select_nth_unstable(middle).1
}

/// A cell of a table (RFC 4180).
fn cell(text: &str) -> String {
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_what_is_long_for_the_series() {
        let every = |seconds: i64, missing: std::ops::Range<i64>| {
            let times = (0..100).filter(|i| !missing.contains(i));
            Past::Samples(times.map(|i| (i * seconds * 1000, 1.0)).collect())
        };
        assert_eq!(gaps(&every(1, 0..0), None), []);
        assert_eq!(gaps(&every(60, 0..0), None), []);
        assert_eq!(gaps(&every(1, 10..12), None), []);
        assert_eq!(gaps(&every(1, 10..20), None), [(9000, 20_000)]);
    }
}
