//! The samples that all stores get: a table of series, and batches of values that share a millisecond.

pub mod recording;
pub mod synthetic;

use std::{fmt::Write as _, sync::Arc};

/// What any of the stores compresses at once, at most: 8,192 samples at one a second, and so many again.
const BLOCK_MS: i64 = 2 * 8_192_000;

/// Samples in the order of time.
pub struct DataSet {
    /// What tables call it; says where it is from.
    pub name: String,
    pub series: Vec<Series>,
    pub batches: Vec<Batch>,
}

/// The identity of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    pub name: String,
    /// In the order of their names.
    pub labels: Vec<(String, String)>,
}

/// Samples of one moment. Batches of the same series share their list, and those of a stretched set their values.
#[derive(Clone)]
pub struct Batch {
    pub timestamp_ms: i64,
    /// Indices into the table of series.
    pub series: Arc<[u32]>,
    pub values: Arc<[f64]>,
}

impl Series {
    /// `name{label="value"}`, as Prometheus writes it.
    pub fn selector(&self) -> String {
        let mut out = self.name.clone();
        for (i, (label, value)) in self.labels.iter().enumerate() {
            let value = value.replace('\\', r"\\").replace('"', "\\\"");
            let _ = write!(out, "{}{label}=\"{value}\"", if i == 0 { '{' } else { ',' });
        }
        if !self.labels.is_empty() {
            out.push('}');
        }
        out
    }
}

impl Batch {
    /// Which series has which value.
    pub fn samples(&self) -> impl Iterator<Item = (usize, f64)> {
        let series = self.series.iter().map(|series| *series as usize);
        series.zip(self.values.iter().copied())
    }
}

impl DataSet {
    /// How many samples it has.
    pub fn samples(&self) -> usize {
        self.batches.iter().map(|batch| batch.values.len()).sum()
    }

    /// The first and the last moment; 0 if there is none.
    pub fn span_ms(&self) -> (i64, i64) {
        let time = |batch: Option<&Batch>| batch.map_or(0, |batch| batch.timestamp_ms);
        (time(self.batches.first()), time(self.batches.last()))
    }

    /// The samples of some series: a list for each of them.
    pub fn samples_of(&self, series: &[usize]) -> Vec<Vec<(i64, f64)>> {
        let mut lists = vec![Vec::new(); series.len()];
        let mut place = vec![None; self.series.len()];
        for (i, series) in series.iter().enumerate() {
            place[*series] = Some(i);
        }
        for batch in &self.batches {
            for (series, value) in batch.samples() {
                if let Some(i) = place[series] {
                    lists[i].push((batch.timestamp_ms, value));
                }
            }
        }
        lists
    }

    /// The share of samples that equal the one before in their series: what data compress to depends on little else.
    pub fn unchanged(&self) -> f64 {
        let mut last = vec![f64::NAN; self.series.len()];
        let mut same = 0_usize;
        for batch in &self.batches {
            for (series, value) in batch.samples() {
                same += usize::from(std::mem::replace(&mut last[series], value) == value);
            }
        }
        same as f64 / self.samples().max(1) as f64
    }

    /// Repeats it end to end until it is `hours` long. Its values are no longer what a host did for so long, and its name
    /// says so. A store that compresses more than one repetition at once, as VictoriaMetrics does with 8,192 samples of a
    /// series, gets it smaller than a host's own; the name says that too.
    pub fn stretched(&self, hours: u32) -> Self {
        let (first, last) = self.span_ms();
        // The pause between two repetitions is that between two batches.
        let period = last - first + 1000;
        let end = first + i64::from(hours) * 3_600_000;
        let batches = (0..)
            .flat_map(|round| {
                self.batches.iter().map(move |batch| Batch {
                    timestamp_ms: batch.timestamp_ms + round * period,
                    ..batch.clone()
                })
            })
            .take_while(|batch| batch.timestamp_ms < end)
            .collect();
        let times = (end - first) as f64 / period as f64;
        let flattered = if period < BLOCK_MS {
            ", repeats within a block: sizes too good"
        } else {
            ""
        };
        Self {
            name: format!(
                "STRETCHED to {hours} h ({times:.1} times{flattered}) from {}",
                self.name
            ),
            series: self.series.clone(),
            batches,
        }
    }

    /// The same samples, moved so that the last is at `end_ms`.
    pub fn ending(mut self, end_ms: i64) -> Self {
        let shift = end_ms - self.span_ms().1;
        for batch in &mut self.batches {
            batch.timestamp_ms += shift;
        }
        self
    }
}

/// Puts the samples of a batch into Prometheus's text form, with its timestamp in `unit`s.
pub fn text(out: &mut String, selectors: &[String], batch: &Batch, time: &str) {
    for (series, value) in batch.samples() {
        let _ = writeln!(out, "{} {value} {time}", selectors[series]);
    }
}
