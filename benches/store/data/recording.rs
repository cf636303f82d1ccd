//! What a tickwire streamed of a real host: `curl -N '…/api/events/metrics?shape=batch&format=ndjson'`, from a file or live.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::{Batch, DataSet, Series};
use crate::http::Http;

/// A line; all that is not `metrics` (heartbeats, gaps) has no host.
#[derive(Deserialize)]
struct Line {
    host: Option<String>,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    data: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    value: Option<f64>,
    #[serde(default)]
    labels: HashMap<String, String>,
}

/// Reads a file, through the zstd program if its name ends so. It may still be written to: its last line, if it is not
/// whole, is left out.
pub fn read(file: &Path) -> anyhow::Result<DataSet> {
    let context = || format!("{}", file.display());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut reader = Reader::default();
    if file.extension().is_some_and(|extension| extension == "zst") {
        let mut zstd = Command::new("zstd")
            .args(["--decompress", "--stdout", "--quiet"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("zstd cannot be run")?;
        let text = zstd.stdout.take().context("its output")?;
        let read = reader.read(BufReader::new(text), |_| true);
        // Of a file that is still written to it says that it is not whole.
        zstd.wait()?;
        read.with_context(context)?;
    } else {
        let text = File::open(file).with_context(context)?;
        let read = reader.read(BufReader::new(text), |_| true);
        read.with_context(context)?;
    }
    reader.finish(&format!("a recording ({name})"))
}

/// Records this machine for a while, through a tickwire of its own.
pub fn live(time: Duration) -> anyhow::Result<DataSet> {
    let folder = tempfile::tempdir()?;
    let tickwire = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut tickwire = Killed(tickwire);
    let mut said = BufReader::new(tickwire.0.stdout.take().context("its output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let address = line.trim().rsplit("http://").next().unwrap_or_default();
    let address = address.trim_end_matches('/').parse();
    let mut http = Http::connect(address.context("tickwire does not say where it listens")?)?;
    let stream = http.stream("/api/events/metrics?shape=batch&format=ndjson")?;
    let (mut reader, begun) = (Reader::default(), Instant::now());
    reader.read(stream, |_| begun.elapsed() < time)?;
    reader.finish("a recording of this machine, while this bench ran")
}

/// Not to stay behind.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes a data set of lines.
#[derive(Default)]
struct Reader {
    known: HashMap<Series, u32>,
    series: Vec<Series>,
    batches: Vec<Batch>,
    /// The lists of series so far: few, since a source sends the same ones again and again.
    lists: HashSet<Arc<[u32]>>,
}

impl Reader {
    /// Reads lines to their end, or until `more` says after a batch that it is enough.
    fn read(
        &mut self,
        mut text: impl BufRead,
        more: impl Fn(&Batch) -> bool,
    ) -> anyhow::Result<()> {
        let mut line = String::new();
        while text.read_line(&mut line)? > 0 && line.ends_with('\n') {
            let read = serde_json::from_str(&line).with_context(|| format!("the line {line}"))?;
            if let Some(batch) = self.batch(read)? {
                let enough = !more(&batch);
                self.batches.push(batch);
                if enough {
                    break;
                }
            }
            line.clear();
        }
        Ok(())
    }

    fn batch(&mut self, line: Line) -> anyhow::Result<Option<Batch>> {
        let Some(host) = line.host else {
            return Ok(None);
        };
        let time = chrono::DateTime::parse_from_rfc3339(&line.timestamp)?;
        let (mut list, mut values) = (Vec::new(), Vec::new());
        for sample in line.data {
            let Some(value) = sample.value else {
                continue;
            };
            let mut labels: Vec<(String, String)> = sample.labels.into_iter().collect();
            labels.push(("host".into(), host.clone()));
            labels.sort();
            list.push(self.number(Series {
                name: sample.name,
                labels,
            }));
            values.push(value);
        }
        if !self.lists.contains(list.as_slice()) {
            self.lists.insert(list.as_slice().into());
        }
        let list = self.lists.get(list.as_slice()).context("the list")?;
        Ok(Some(Batch {
            timestamp_ms: time.timestamp_millis(),
            series: list.clone(),
            values: values.into(),
        }))
    }

    fn number(&mut self, series: Series) -> u32 {
        if let Some(number) = self.known.get(&series) {
            return *number;
        }
        let number = self.series.len() as u32;
        self.series.push(series.clone());
        self.known.insert(series, number);
        number
    }

    fn finish(mut self, name: &str) -> anyhow::Result<DataSet> {
        self.batches.sort_by_key(|batch| batch.timestamp_ms);
        if self.batches.is_empty() {
            bail!("{name}: there are no samples in it");
        }
        let mut data = DataSet {
            name: String::new(),
            series: self.series,
            batches: self.batches,
        };
        let (first, last) = data.span_ms();
        let minutes = (last - first) as f64 / 60e3;
        data.name = format!("{name}, {minutes:.1} min");
        Ok(data)
    }
}
