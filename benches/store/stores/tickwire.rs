//! tickwire: its store written as its pipeline does it, one batch after the other, received when it was measured; what a
//! server then makes of it, and answers.

use std::{
    collections::HashMap,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Deserialize;
use tempfile::TempDir;
use tickwire::{
    entry::{Entry, Layout, What},
    model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Timestamp, Unit},
    series::Registry,
    store::{self, retention::Retention},
};

use super::{Aggregate, Filled, Of, Query, Store, escaped, lines};
use crate::{
    data::{Batch, DataSet, Series},
    http::{Http, post},
    server::{DATA, Server},
};

/// The host of a series that names none.
const HOST: &str = "push";
/// For ever.
const AGES: Duration = Duration::from_secs(36_500 * 86_400);
/// Batches that may wait for the writer; with more it would drop some.
const WAITING: u64 = 256;

/// Sources that would add to what is measured do not run, and one request may be large.
const CONFIG: &str = "
rules = []
[sources.host]
enabled = false
[store]
keep_samples = \"36500d\"
keep_minutes = \"36500d\"
max_size = \"64GiB\"
[ingest]
max_body = \"64MiB\"
max_decompressed = \"64MiB\"
accept_past = \"365d\"
[series]
max = 1000000
";

/// What it takes beside the text that others take.
const JSON: &str = "JSON";

pub struct Tickwire;

/// An answer of `/api/history`.
#[derive(Deserialize)]
struct History {
    series: Vec<Answered>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    labels: HashMap<String, String>,
    points: Vec<(String, f64)>,
}

fn spec(series: &Series) -> anyhow::Result<SeriesSpec> {
    let labels = series.labels.iter().filter(|(name, _)| name != "host");
    let labels = labels.map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(SeriesSpec {
        key: SeriesKey {
            host: HostName::parse(host(series))?,
            name: MetricName::parse(&series.name)?,
            labels: Labels::parse(labels)?,
        },
        unit: Unit::parse("")?,
        kind: Kind::Gauge,
    })
}

fn host(series: &Series) -> &str {
    let host = series.labels.iter().find(|(name, _)| name == "host");
    host.map_or(HOST, |(_, host)| host)
}

/// Filters that only this series passes, or one with further labels.
fn filter(series: &Series) -> String {
    let mut filter = format!("names={}&hosts={}", series.name, escaped(host(series)));
    for (name, value) in &series.labels {
        if name != "host" {
            filter += &format!("&label.{name}={}", escaped(value));
        }
    }
    filter
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok())
}

/// All that was taken is written, and nothing is being made.
fn is_written(metrics: &str) -> bool {
    let written = value(metrics, "tickwire_store_samples_total");
    written.is_some()
        && written == value(metrics, "tickwire_samples_total")
        && value(metrics, "tickwire_queue_depth{queue=\"store\"}") == Some(0.0)
        && value(metrics, "tickwire_store_compacting") == Some(0.0)
}

/// Besides, the write-ahead log is as short as it gets at once: it is measured with the rest.
fn rests(metrics: &str) -> bool {
    let log = value(metrics, "tickwire_store_log_pages");
    is_written(metrics) && log.is_some_and(|pages| pages < 32.0)
}

/// Writes all batches into a folder, as a server that had been there.
fn write(folder: &Path, data: &DataSet) -> anyhow::Result<()> {
    let (first, last) = data.span_ms();
    let options = store::Options {
        now: Timestamp::from_millis(first),
        suffix: 1,
        history: 10,
        queue_bytes: 1 << 40,
        retention: Retention {
            samples: AGES,
            minutes: AGES,
            hours: AGES,
            max_bytes: 1 << 40,
        },
    };
    let (store, threads, _) = store::Store::open(folder, options)?;
    let writer = std::thread::spawn(move || threads.writer.run());
    let compactor = threads.compactor.context("a folder")?;
    let compactor = std::thread::spawn(move || compactor.run());
    let (_registry, mut registry) = Registry::new(data.series.len());
    let specs = data
        .series
        .iter()
        .map(spec)
        .collect::<Result<Vec<_>, _>>()?;
    let series = registry.resolve(&SourceId::new("bench"), &specs);
    let series = series.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut layouts: HashMap<*const u32, Layout> = HashMap::new();
    let mut head = 0;
    let mut entries = Vec::new();
    let mut given = first;
    for batch in &data.batches {
        let layout = layouts.entry(batch.series.as_ptr()).or_insert_with(|| {
            let of_batch = batch.series.iter().map(|s| series[*s as usize].clone());
            of_batch.collect()
        });
        entries.push(Arc::new(Entry {
            first: head + 1,
            last: head + batch.values.len() as u64,
            received: Timestamp::from_millis(batch.timestamp_ms),
            what: What::Samples {
                timestamp: Timestamp::from_millis(batch.timestamp_ms),
                layout: layout.clone(),
                values: batch.values.iter().copied().collect(),
                offsets: None,
            },
        }));
        head += batch.values.len() as u64;
        if batch.timestamp_ms - given >= 500 {
            given = batch.timestamp_ms;
            while store
                .counts()
                .waiting
                .load(std::sync::atomic::Ordering::Relaxed)
                > WAITING
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            store.entries(std::mem::take(&mut entries), None);
        }
    }
    store.entries(entries, None);
    store.close(Timestamp::from_millis(last));
    for thread in [writer, compactor] {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("the store's thread broke off"))?;
    }
    Ok(())
}

impl Store for Tickwire {
    fn name(&self) -> &str {
        concat!("tickwire ", env!("CARGO_PKG_VERSION"))
    }

    fn command(&self, folder: &Path, port: u16) -> anyhow::Result<Command> {
        let config = folder.join("config.toml");
        std::fs::write(&config, CONFIG)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
        command.arg("--config").arg(config);
        command.arg("--data").arg(folder.join(DATA));
        command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        Ok(command)
    }

    fn ready(&self) -> &str {
        "/readyz"
    }

    fn fill(&self, folder: TempDir, data: &DataSet) -> anyhow::Result<Filled> {
        let begun = Instant::now();
        write(&folder.path().join(DATA), data)?;
        let import = begun.elapsed();
        let begun = Instant::now();
        let server = Server::start(self, folder, None)?;
        // It is looked for more when what was made is in: rest is when it was seen more than once.
        let mut seen = 0;
        server.wait_for_metrics(|metrics| {
            seen = if rests(metrics) { seen + 1 } else { 0 };
            seen >= 20
        })?;
        Ok(Filled {
            server,
            import,
            settle: begun.elapsed(),
        })
    }

    fn flush(&self, http: &mut Http) -> anyhow::Result<()> {
        // What was pushed is stored within half a second; the metrics say when nothing waits any more.
        let mut metrics = String::new();
        for _ in 0..1400 {
            std::thread::sleep(Duration::from_millis(50));
            metrics = String::from_utf8(http.get("/metrics")?)?;
            if is_written(&metrics) {
                return Ok(());
            }
        }
        let dropped = value(&metrics, "tickwire_store_samples_dropped_total");
        anyhow::bail!("it does not come to rest; samples that were not kept: {dropped:?}")
    }

    fn holds_samples(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension == "db")
    }

    fn read(
        &self,
        http: &mut Http,
        series: &Series,
        (from, to): (i64, i64),
    ) -> anyhow::Result<Vec<(i64, f64)>> {
        let path = format!(
            "/api/history?{}&from={}&to={}&step=raw",
            filter(series),
            Timestamp::from_millis(from),
            Timestamp::from_millis(to + 1),
        );
        let history: History = serde_json::from_slice(&http.get(&path)?)?;
        let labels = series
            .labels
            .iter()
            .filter(|(name, _)| name != "host")
            .count();
        let found = history
            .series
            .into_iter()
            .find(|found| found.labels.len() == labels);
        let points = found.context("there is no such series")?.points.into_iter();
        let parsed = points.map(|(time, value)| {
            let time = Timestamp::parse_rfc3339(&time).context("a time")?;
            Ok((time.as_millis(), value))
        });
        parsed.collect()
    }

    fn query(&self, query: &Query) -> Vec<(&'static str, String)> {
        let filter = match &query.of {
            Of::Series(series) => filter(series),
            Of::Host(host) => format!("hosts={host}"),
        };
        let agg = match query.aggregate {
            Aggregate::Average => "avg",
            Aggregate::Maximum => "max",
            Aggregate::Last => "last",
        };
        // Whole steps, as many as are asked for.
        let to = query.to_ms.div_euclid(query.step_ms) * query.step_ms;
        let from = to - query.points * query.step_ms;
        let path = format!(
            "/api/history?{filter}&from={}&to={}&step={}ms&agg={agg}",
            Timestamp::from_millis(from),
            Timestamp::from_millis(to),
            query.step_ms,
        );
        vec![("", path)]
    }

    fn points(&self, answer: &[u8]) -> anyhow::Result<usize> {
        let history: History = serde_json::from_slice(answer)?;
        Ok(history.series.iter().map(|one| one.points.len()).sum())
    }

    fn forms(&self) -> &[&'static str] {
        &["text", JSON]
    }

    fn write(&self, form: &str, series: &[Series], batch: &Batch) -> Vec<u8> {
        if form != JSON {
            let text = lines(series, batch);
            return post("/api/ingest", "", text.as_bytes());
        }
        let mut lines = String::new();
        for (index, value) in batch.samples() {
            let series = &series[index];
            let labels = series.labels.iter().filter(|(name, _)| name != "host");
            let labels: serde_json::Map<_, _> = labels
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect();
            let sample = serde_json::json!({
                "name": series.name,
                "host": host(series),
                "labels": labels,
                "value": value,
                "timestamp": batch.timestamp_ms,
            });
            lines += &sample.to_string();
            lines.push('\n');
        }
        post(
            "/api/ingest",
            "Content-Type: application/x-ndjson\r\n",
            lines.as_bytes(),
        )
    }
}
