//! VictoriaMetrics: text over HTTP in, merged to one part for a month.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::Context as _;
use serde::Deserialize;
use tempfile::TempDir;

use super::{Filled, Query, Store, escaped, is, lines, peers::Peers, query_range, seconds};
use crate::{
    data::{Batch, DataSet, Series, text},
    http::{Http, post},
    server::{DATA, Server},
};

/// Bytes of text in a request that imports.
const REQUEST: usize = 1 << 20;

/// What it does in the background; all are 0 when it rests.
const BUSY: [&str; 3] = [
    "vm_pending_rows",
    "vm_active_merges",
    "vm_active_force_merges",
];
/// Its rows in files, small and big.
const STORED: &str = "vm_rows{type=\"storage";
/// What begins a merge.
const MERGE: &str = "/internal/force_merge";
/// What it logs after a forced merge.
const MERGED: &str = "has been successfully finished";

pub struct Victoria {
    program: PathBuf,
    name: String,
}

/// A line of its export.
#[derive(Deserialize)]
struct Export {
    metric: BTreeMap<String, String>,
    values: Vec<f64>,
    timestamps: Vec<i64>,
}

/// Whether nothing goes on in the background.
fn rests(metrics: &str) -> bool {
    let busy = |line: &str| BUSY.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0");
    !metrics.lines().any(busy)
}

/// The sum of the gauges that begin so.
fn sum(metrics: &str, name: &str) -> usize {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    let numbers = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    numbers.sum()
}

/// How many partitions, a month each, lie in its folder.
fn partitions(folder: &Path) -> usize {
    let months = fs::read_dir(folder.join("data/small"))
        .into_iter()
        .flatten()
        .flatten();
    months
        .filter(|month| month.file_name() != "snapshots")
        .count()
}

/// How many parts lie below a folder; each has one file of this name.
fn parts_in(folder: &Path) -> usize {
    // A folder may go away meanwhile.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let one = |path: PathBuf| usize::from(path.ends_with("metaindex.bin")) + parts_in(&path);
    entries.map(|entry| one(entry.path())).sum()
}

impl Victoria {
    pub fn new(peers: &Peers) -> Self {
        Self {
            program: peers.programs.join("victoria-metrics"),
            name: peers.victoria.clone(),
        }
    }

    /// Waits until all `rows` are in files, and these are merged to one part a month.
    fn settle(&self, server: &Server, http: &mut Http, rows: usize) -> anyhow::Result<()> {
        self.flush(http)?;
        server.wait_for_metrics(|said| rests(said) && sum(said, STORED) == rows)?;
        // Answers at once and merges then, but not what is being merged already: it may have to be told again.
        http.get(MERGE)?;
        server.wait_for_log(MERGED)?;
        let folder = server.folder.path().join(DATA);
        server.wait_for_metrics(|said| {
            let whole = sum(said, "vm_parts{type=\"storage") == partitions(&folder);
            if rests(said) && !whole {
                http.get(MERGE).ok();
            }
            // Parts that were merged are removed some time later.
            rests(said) && whole && sum(said, "vm_parts{") == parts_in(&folder)
        })
    }
}

impl Store for Victoria {
    fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, folder: &Path, port: u16) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        command.arg(format!("-storageDataPath={}", folder.join(DATA).display()));
        command.args(["-retentionPeriod=100y", "-loggerLevel=INFO"]);
        // It would close our connection after two minutes.
        command.args(["-http.connTimeout=24h", "-http.idleConnTimeout=24h"]);
        Ok(command)
    }

    fn ready(&self) -> &str {
        "/health"
    }

    fn fill(&self, folder: TempDir, data: &DataSet) -> anyhow::Result<Filled> {
        let server = Server::start(self, folder, None)?;
        let mut http = server.http()?;
        let begun = Instant::now();
        let selectors: Vec<String> = data.series.iter().map(Series::selector).collect();
        let mut lines = String::new();
        let mut known = vec![false; data.series.len()];
        for (i, batch) in data.batches.iter().enumerate() {
            text(
                &mut lines,
                &selectors,
                batch,
                &batch.timestamp_ms.to_string(),
            );
            // It parses the pieces of a request at once, and a series that is new in two of them gets two identities (259
            // for 200 series) and takes twice the room. So a request ends with the batch that has a new series.
            let mut is_new = false;
            for series in batch.series.iter() {
                is_new |= !std::mem::replace(&mut known[*series as usize], true);
            }
            if is_new || lines.len() > REQUEST || i + 1 == data.batches.len() {
                http.send(&post("/api/v1/import/prometheus", "", lines.as_bytes()))?;
                lines.clear();
            }
        }
        let import = begun.elapsed();
        let begun = Instant::now();
        self.settle(&server, &mut http, data.samples())?;
        Ok(Filled {
            server,
            import,
            settle: begun.elapsed(),
        })
    }

    fn flush(&self, http: &mut Http) -> anyhow::Result<()> {
        http.get("/internal/force_flush").map(drop)
    }

    fn holds_samples(&self, file: &Path) -> bool {
        file.ends_with("values.bin") || file.ends_with("timestamps.bin")
    }

    fn read(
        &self,
        http: &mut Http,
        series: &Series,
        (from, to): (i64, i64),
    ) -> anyhow::Result<Vec<(i64, f64)>> {
        let path = format!(
            "/api/v1/export?match[]={}&start={}&end={}",
            escaped(&series.selector()),
            seconds(from),
            seconds(to)
        );
        let mut samples = Vec::new();
        for line in http.get(&path)?.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let export: Export = serde_json::from_slice(line).context("an export")?;
            if !is(&export.metric, series) {
                continue;
            }
            samples.extend(export.timestamps.into_iter().zip(export.values));
        }
        samples.sort_by_key(|(time, _)| *time);
        Ok(samples)
    }

    fn query(&self, query: &Query) -> Vec<(&'static str, String)> {
        let path = query_range(query);
        vec![
            ("nocache=1", format!("{path}&nocache=1")),
            ("out of its result cache", path),
        ]
    }

    fn write(&self, _form: &str, series: &[Series], batch: &Batch) -> Vec<u8> {
        let lines = lines(series, batch);
        post("/api/v1/import/prometheus", "", lines.as_bytes())
    }
}
