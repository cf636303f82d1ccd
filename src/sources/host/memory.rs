//! Memory and swap, from /proc/meminfo.
//!
//! Used memory is what is not available: caches that the kernel would give back count as available, as `free` shows it.

use super::{Sensor, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const TOTAL: MetricDoc = MetricDoc::gauge(
    "memory_total",
    "B",
    &[],
    0,
    "Memory that the kernel manages.",
);
const USED: MetricDoc = MetricDoc::gauge("memory_used", "B", &[], 0, "Memory not available.");
const AVAILABLE: MetricDoc = MetricDoc::gauge(
    "memory_available",
    "B",
    &[],
    0,
    "Memory that programs could get without swapping.",
);
const USED_PERCENT: MetricDoc = MetricDoc::gauge(
    "memory_used_percent",
    "%",
    &[],
    1,
    "Memory not available, as a share of all.",
);
const AVAILABLE_PERCENT: MetricDoc = MetricDoc::gauge(
    "memory_available_percent",
    "%",
    &[],
    1,
    "Memory available, as a share of all.",
);
const CACHED: MetricDoc = MetricDoc::gauge(
    "memory_cached",
    "B",
    &[],
    0,
    "Memory that holds content of files, shared memory included.",
);
const BUFFERS: MetricDoc = MetricDoc::gauge(
    "memory_buffers",
    "B",
    &[],
    0,
    "Memory that holds raw blocks of disks.",
);
const SWAP_TOTAL: MetricDoc = MetricDoc::gauge("swap_total", "B", &[], 0, "Swap space.");
const SWAP_USED: MetricDoc = MetricDoc::gauge("swap_used", "B", &[], 0, "Swap space in use.");
const SWAP_PERCENT: MetricDoc = MetricDoc::gauge(
    "swap_used_percent",
    "%",
    &[],
    1,
    "Swap space in use, as a share of all; left out where there is none.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[
    TOTAL,
    USED,
    AVAILABLE,
    USED_PERCENT,
    AVAILABLE_PERCENT,
    CACHED,
    BUFFERS,
    SWAP_TOTAL,
    SWAP_USED,
    SWAP_PERCENT,
];

/// Memory of the machine in bytes. Caches and buffers are not known on every system.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) total: u64,
    pub(super) available: u64,
    pub(super) cached: Option<u64>,
    pub(super) buffers: Option<u64>,
    pub(super) swap_total: u64,
    pub(super) swap_free: u64,
}

impl Figures {
    pub(super) fn record(&self, out: &mut Recorder) {
        let used = self.total.saturating_sub(self.available);
        TOTAL.record(out, [], self.total as f64);
        USED.record(out, [], used as f64);
        AVAILABLE.record(out, [], self.available as f64);
        USED_PERCENT.record(out, [], percent(used, self.total));
        AVAILABLE_PERCENT.record(out, [], percent(self.available, self.total));
        for (metric, bytes) in [(CACHED, self.cached), (BUFFERS, self.buffers)] {
            if let Some(bytes) = bytes {
                metric.record(out, [], bytes as f64);
            }
        }
        let swapped = self.swap_total.saturating_sub(self.swap_free);
        SWAP_TOTAL.record(out, [], self.swap_total as f64);
        SWAP_USED.record(out, [], swapped as f64);
        SWAP_PERCENT.record(out, [], percent(swapped, self.swap_total));
    }
}

/// A share in percent; of nothing it is not a number, which is not recorded.
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// Parses /proc/meminfo; `None` without the total and what is available (or free, in kernels before 3.14).
fn parse(text: &str) -> Option<Figures> {
    let mut figures = Figures::default();
    let (mut total, mut free, mut available) = (None, None, None);
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(':') else {
            continue;
        };
        let kib = rest.trim().trim_end_matches(" kB").parse::<u64>();
        let bytes = kib.ok().map(|kib| kib.saturating_mul(1024));
        match key {
            "MemTotal" => total = bytes,
            "MemFree" => free = bytes,
            "MemAvailable" => available = bytes,
            "Cached" => figures.cached = bytes,
            "Buffers" => figures.buffers = bytes,
            "SwapTotal" => figures.swap_total = bytes?,
            "SwapFree" => {
                figures.swap_free = bytes?;
                break;
            }
            _ => {}
        }
    }
    figures.total = total?;
    figures.available = available.or(free)?;
    Some(figures)
}

/// Reads /proc/meminfo.
#[derive(Debug)]
pub(super) struct Memory {
    file: TextFile,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            file: TextFile::new("/proc/meminfo"),
        }
    }
}

impl Sensor for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let Some(figures) = parse(self.file.read()?) else {
            return Err(self.file.nonsense());
        };
        figures.record(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    const TEXT: &str = "MemTotal:       1000 kB\nMemFree:        100 kB\nMemAvailable:   400 kB\n\
        Buffers:            50 kB\nCached:         200 kB\nSwapCached:            0 kB\n\
        SwapTotal:             0 kB\nSwapFree:              0 kB\nDirty:  1 kB\n";

    #[test]
    fn bytes_come_from_kibibytes() {
        let figures = parse(TEXT).unwrap();
        assert_eq!(figures.total, 1_024_000);
        assert_eq!(figures.available, 409_600);
        assert_eq!(figures.cached, Some(204_800));
        assert_eq!(parse("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn a_machine_without_swap_has_no_share_of_it() {
        let mut out = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        parse(TEXT).unwrap().record(&mut out);
        let (layout, values) = out.finish();
        let names: Vec<_> = layout.iter().map(|spec| spec.key.name.as_str()).collect();
        assert!(names.contains(&"swap_used") && !names.contains(&"swap_used_percent"));
        assert_eq!((names[3], values[3]), ("memory_used_percent", 60.0));
    }
}
