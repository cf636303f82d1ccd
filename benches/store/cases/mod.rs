//! What is measured, one case a file; each makes a table.

pub mod disk;
pub mod ingest;
pub mod memory;
pub mod query;

use crate::{data::DataSet, server::Server, stores::Store};

/// Reads some series back and compares them with what was written, to the millisecond and the bit.
struct Verdict {
    series: usize,
    samples: usize,
    /// Samples that are not there, or should not be.
    missing: usize,
    /// Samples with another value, and the largest error relative to the value.
    wrong: usize,
    error: f64,
}

impl Verdict {
    /// `count` series, from the first to the last of the table.
    fn of(
        store: &dyn Store,
        server: &Server,
        data: &DataSet,
        count: usize,
    ) -> anyhow::Result<Self> {
        let count = count.min(data.series.len());
        let chosen: Vec<usize> = (0..count).map(|i| i * data.series.len() / count).collect();
        let mut verdict = Self {
            series: count,
            samples: 0,
            missing: 0,
            wrong: 0,
            error: 0.0,
        };
        let mut http = server.http()?;
        let (first, last) = data.span_ms();
        for (series, written) in chosen.iter().zip(data.samples_of(&chosen)) {
            let read = store.read(&mut http, &data.series[*series], (first - 1, last + 1))?;
            verdict.compare(&written, &read);
        }
        Ok(verdict)
    }

    fn compare(&mut self, written: &[(i64, f64)], read: &[(i64, f64)]) {
        self.samples += written.len();
        let mut left = read.iter().peekable();
        for (time, value) in written {
            while left.next_if(|(other, _)| other < time).is_some() {
                self.missing += 1;
            }
            match left.next_if(|(other, _)| other == time) {
                None => self.missing += 1,
                Some((_, other)) if other.to_bits() == value.to_bits() => {}
                Some((_, other)) => {
                    self.wrong += 1;
                    self.error = self.error.max(((other - value) / value).abs());
                }
            }
        }
        self.missing += left.count();
    }

    fn is_good(&self) -> bool {
        self.missing + self.wrong == 0 && self.samples > 0
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            series,
            samples,
            missing,
            wrong,
            error,
        } = self;
        if self.is_good() {
            return write!(f, "all {samples} of {series} series");
        }
        write!(
            f,
            "**no**: of {samples} samples of {series} series {missing} missing, {wrong} wrong by up to {error:.1e}"
        )
    }
}
