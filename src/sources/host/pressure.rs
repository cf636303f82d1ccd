//! Pressure stall information: for how much of the time tasks waited for a processor, memory or a disk.
//!
//! <https://docs.kernel.org/accounting/psi.html>. Kernels before 4.20, and those with it switched off, have none.

use super::{Sensor, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const SOME: MetricDoc = MetricDoc::gauge(
    "pressure_some",
    "%",
    &["resource"],
    2,
    "Time in the last 10 seconds in which at least one task waited for the resource: cpu, memory or io.",
);
const FULL: MetricDoc = MetricDoc::gauge(
    "pressure_full",
    "%",
    &["resource"],
    2,
    "Time in the last 10 seconds in which all tasks waited for the resource, so that no work was done: memory or io.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[SOME, FULL];

/// The average over ten seconds on the line that starts with `share`.
fn avg10(text: &str, share: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(share))?;
    let average = line
        .split_ascii_whitespace()
        .find_map(|word| word.strip_prefix("avg10="))?;
    average.parse().ok()
}

/// Reads /proc/pressure.
#[derive(Debug)]
pub(super) struct Pressure {
    files: [(&'static str, TextFile); 3],
}

impl Pressure {
    pub(super) fn new() -> Self {
        Self {
            files: [
                ("cpu", TextFile::new("/proc/pressure/cpu")),
                ("memory", TextFile::new("/proc/pressure/memory")),
                ("io", TextFile::new("/proc/pressure/io")),
            ],
        }
    }
}

impl Sensor for Pressure {
    fn name(&self) -> &'static str {
        "pressure"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        for (resource, file) in &mut self.files {
            let Some(text) = file.read_if_there()? else {
                continue;
            };
            let (some, full) = (avg10(text, "some"), avg10(text, "full"));
            let Some(some) = some else {
                return Err(file.nonsense());
            };
            SOME.record(out, [resource], some);
            // For processors the kernel writes a line of zeros, only for symmetry.
            if let Some(full) = full.filter(|_| *resource != "cpu") {
                FULL.record(out, [resource], full);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_ten_seconds_is_found() {
        let text = "some avg10=1.25 avg60=0.01 avg300=0.05 total=4199056\nfull avg10=0.50 avg60=0.01 avg300=0.05 total=3\n";
        assert_eq!(avg10(text, "some"), Some(1.25));
        assert_eq!(avg10(text, "full"), Some(0.5));
        assert_eq!(avg10("some total=3\n", "some"), None);
    }
}
