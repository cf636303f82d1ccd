//! Tables of the kernel that can run full: open files, and connections tracked by the firewall.

use super::{Sensor, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const OPEN: MetricDoc = MetricDoc::gauge(
    "file_descriptors_open",
    "",
    &[],
    0,
    "Files open in the whole machine.",
);
const OPEN_PERCENT: MetricDoc = MetricDoc::gauge(
    "file_descriptors_used_percent",
    "%",
    &[],
    1,
    "Files open, as a share of what the kernel allows; left out where it sets no limit.",
);
const CONNTRACK_PERCENT: MetricDoc = MetricDoc::gauge(
    "conntrack_used_percent",
    "%",
    &[],
    1,
    "Connections tracked by the firewall, as a share of its table; left out where none is tracked.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[OPEN, OPEN_PERCENT, CONNTRACK_PERCENT];

/// A limit on open files from here on means none: systemd sets the largest number there is.
const NO_LIMIT: u64 = 1 << 40;

/// Open files and their limit, from /proc/sys/fs/file-nr.
fn file_nr(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let allocated: u64 = numbers.next()?.ok()?;
    let unused: u64 = numbers.next()?.ok()?;
    let limit = numbers.next()?.ok()?;
    Some((allocated.saturating_sub(unused), limit))
}

/// Reads the files of these tables.
#[derive(Debug)]
pub(super) struct Limits {
    files: TextFile,
    tracked: TextFile,
    tracked_limit: TextFile,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            files: TextFile::new("/proc/sys/fs/file-nr"),
            tracked: TextFile::new("/proc/sys/net/netfilter/nf_conntrack_count"),
            tracked_limit: TextFile::new("/proc/sys/net/netfilter/nf_conntrack_max"),
        }
    }
}

impl Sensor for Limits {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let Some((open, limit)) = file_nr(self.files.read()?) else {
            return Err(self.files.nonsense());
        };
        OPEN.record(out, [], open as f64);
        if limit < NO_LIMIT {
            OPEN_PERCENT.record(out, [], 100.0 * open as f64 / limit as f64);
        }
        let number = |file: &mut TextFile| -> Result<Option<f64>, SampleError> {
            let text = file.read_if_there()?;
            Ok(text.and_then(|text| text.trim().parse().ok()))
        };
        if let Some(tracked) = number(&mut self.tracked)?
            && tracked > 0.0
            && let Some(limit) = number(&mut self.tracked_limit)?
        {
            CONNTRACK_PERCENT.record(out, [], 100.0 * tracked / limit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_files_are_not_open() {
        assert_eq!(file_nr("448\t8\t2466177\n"), Some((440, 2_466_177)));
        assert_eq!(file_nr("448\n"), None);
    }
}
