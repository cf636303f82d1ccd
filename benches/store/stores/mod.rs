//! The stores that are compared, behind one trait.

mod peers;
mod prometheus;
mod remote_write;
mod tickwire;
mod victoria;

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    data::{Batch, DataSet, Series, text},
    http::Http,
    server::Server,
};

/// A store with a server that answers over HTTP.
pub trait Store {
    /// What tables call it, with its version.
    fn name(&self) -> &str;

    /// What serves the data in `folder`/[`crate::server::DATA`] on a port of 127.0.0.1.
    fn command(&self, folder: &Path, port: u16) -> anyhow::Result<Command>;

    /// A path that answers with success once it serves.
    fn ready(&self) -> &str;

    /// Brings a data set in by the way that is fastest, waits until it is settled on disk, and serves it.
    fn fill(&self, folder: TempDir, data: &DataSet) -> anyhow::Result<Filled>;

    /// Lets readers see what was written.
    fn flush(&self, _http: &mut Http) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether a file holds timestamps and values, and not an index, a cache or a log.
    fn holds_samples(&self, file: &Path) -> bool;

    /// All samples of a series, as they are stored, within a span that has both its ends.
    fn read(
        &self,
        http: &mut Http,
        series: &Series,
        span_ms: (i64, i64),
    ) -> anyhow::Result<Vec<(i64, f64)>>;

    /// The paths of a query, each with a word on how it is answered if there are several ways.
    fn query(&self, query: &Query) -> Vec<(&'static str, String)>;

    /// How many points an answer to a query has, over all its series.
    fn points(&self, answer: &[u8]) -> anyhow::Result<usize> {
        let answer: Answer = serde_json::from_slice(answer)?;
        Ok(answer.data.result.iter().map(|one| one.values.len()).sum())
    }

    /// The forms in which it takes samples, each with a word if there are several; the first is the quickest.
    fn forms(&self) -> &[&'static str] {
        &[""]
    }

    /// The request that writes a batch, in one of these forms.
    fn write(&self, form: &str, series: &[Series], batch: &Batch) -> Vec<u8>;
}

/// A server with all of a data set.
pub struct Filled {
    pub server: Server,
    /// How long the data took.
    pub import: Duration,
    /// How long it took until they were settled.
    pub settle: Duration,
}

/// A question for values over time.
pub struct Query {
    /// One series, or all of a host.
    pub of: Of,
    pub aggregate: Aggregate,
    /// The last moment.
    pub to_ms: i64,
    pub step_ms: i64,
    pub points: i64,
}

pub enum Of {
    Series(Series),
    Host(&'static str),
}

/// What becomes of the samples of a step.
#[derive(Clone, Copy)]
pub enum Aggregate {
    Average,
    Maximum,
    /// The newest, which may also be older than a step.
    Last,
}

impl Aggregate {
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "avg",
            Self::Maximum => "max",
            Self::Last => "last",
        }
    }
}

/// Prometheus's answer to a query; everybody who speaks its language has it.
#[derive(Deserialize)]
struct Answer {
    data: Matrix,
}

#[derive(Deserialize)]
struct Matrix {
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// All stores that are wanted, by their names, and can be had on this machine; and why others cannot.
pub fn all(folder: &Path, wanted: impl Fn(&str) -> bool) -> (Vec<Box<dyn Store>>, Vec<String>) {
    let mut skipped = Vec::new();
    let mut stores: Vec<Box<dyn Store>> = vec![Box::new(tickwire::Tickwire)];
    if !wanted("VictoriaMetrics") && !wanted("Prometheus") {
        return (stores, skipped);
    }
    match peers::get(folder) {
        Ok(peers) => {
            stores.push(Box::new(victoria::Victoria::new(&peers)));
            stores.push(Box::new(prometheus::Prometheus::new(&peers)));
        }
        Err(error) => skipped.push(format!("the peers: {error:#}")),
    }
    stores.retain(|store| wanted(store.name()));
    (stores, skipped)
}

/// `query_range` as Prometheus has it.
fn query_range(query: &Query) -> String {
    let selector = match &query.of {
        Of::Series(series) => series.selector(),
        Of::Host(host) => format!("{{host=\"{host}\"}}"),
    };
    let Query { to_ms, step_ms, .. } = *query;
    let expression = match query.aggregate {
        Aggregate::Average => format!("avg_over_time({selector}[{step_ms}ms])"),
        Aggregate::Maximum => format!("max_over_time({selector}[{step_ms}ms])"),
        Aggregate::Last => selector,
    };
    format!(
        "/api/v1/query_range?query={}&start={}&end={}&step={}",
        escaped(&expression),
        seconds(to_ms - (query.points - 1) * step_ms),
        seconds(to_ms),
        seconds(step_ms),
    )
}

/// A batch in Prometheus's text form, with milliseconds.
fn lines(series: &[Series], batch: &Batch) -> String {
    let selectors: Vec<String> = series.iter().map(Series::selector).collect();
    let mut lines = String::new();
    let time = batch.timestamp_ms.to_string();
    text(&mut lines, &selectors, batch, &time);
    lines
}

/// Text in a query string.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// "1.234".
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Prometheus's answer with the raw samples of one series.
fn raw(answer: &[u8], series: &Series) -> anyhow::Result<Vec<(i64, f64)>> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let mut rows = answer.data.result.into_iter();
    let row = rows.find(|row| is(&row.metric, series));
    let values = row.context("there is no such series")?.values;
    let parsed = values.into_iter().map(|(time, value)| {
        let time = (time * 1000.0).round() as i64;
        Ok((time, value.parse()?))
    });
    parsed.collect()
}

/// Whether it is this series: a selector also finds those with further labels.
fn is(metric: &BTreeMap<String, String>, series: &Series) -> bool {
    let labels = series.labels.iter().map(|(label, value)| (label, value));
    let others = metric.iter().filter(|(label, _)| *label != "__name__");
    others.eq(labels)
}
