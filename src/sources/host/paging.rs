//! Swapping and kills for want of memory, from /proc/vmstat.

use std::time::Instant;

use super::{Sensor, rates::Rates, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const SWAP_IN: MetricDoc = MetricDoc::rate("swap_in", "B/s", &[], 0, "Memory read back from swap.");
const SWAP_OUT: MetricDoc = MetricDoc::rate("swap_out", "B/s", &[], 0, "Memory moved to swap.");
const OOM_KILLS: MetricDoc = MetricDoc::rate(
    "oom_kills",
    "/s",
    &[],
    2,
    "Processes that the kernel killed because memory ran out.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[SWAP_IN, SWAP_OUT, OOM_KILLS];

/// Pages swapped in, pages swapped out, kills. Kernels before 4.13 count no kills.
fn parse(text: &str) -> [u64; 3] {
    let mut counters = [0; 3];
    for line in text.lines() {
        let place = match line.as_bytes().first() {
            Some(b'p') if line.starts_with("pswpin ") => 0,
            Some(b'p') if line.starts_with("pswpout ") => 1,
            Some(b'o') if line.starts_with("oom_kill ") => 2,
            _ => continue,
        };
        let number = line
            .split_once(' ')
            .and_then(|(_, n)| n.trim().parse().ok());
        counters[place] = number.unwrap_or(0);
    }
    counters
}

/// Reads /proc/vmstat.
#[derive(Debug)]
pub(super) struct Paging {
    file: TextFile,
    rates: Rates<3>,
}

impl Paging {
    pub(super) fn new() -> Self {
        Self {
            file: TextFile::new("/proc/vmstat"),
            rates: Rates::default(),
        }
    }
}

impl Sensor for Paging {
    fn name(&self) -> &'static str {
        "paging"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let counters = parse(self.file.read()?);
        if let Some([pages_in, pages_out, kills]) = self.rates.take("", Instant::now(), counters) {
            let page_bytes = rustix::param::page_size() as f64;
            SWAP_IN.record(out, [], pages_in * page_bytes);
            SWAP_OUT.record(out, [], pages_out * page_bytes);
            OOM_KILLS.record(out, [], kills);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let text =
            "nr_free_pages 1\npswpin 2\npswpout 3\npswpin_other 9\noom_kill 4\noom_kill_x 5\n";
        assert_eq!(parse(text), [2, 3, 4]);
        assert_eq!(parse(""), [0, 0, 0]);
    }
}
