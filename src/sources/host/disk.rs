//! Disks: bytes, operations and utilisation of whole devices, from /proc/diskstats.
//!
//! Left out are partitions, devices made of other disks (LVM, RAID: the disks beneath are counted), memory and images
//! (ram, zram, loop), and devices that nothing was ever read from.

use std::{path::Path, time::Instant};

use super::{Sensor, rates::Rates, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

pub(super) const READ: MetricDoc = MetricDoc::rate(
    "disk_read",
    "B/s",
    &["device"],
    0,
    "Bytes read from a disk.",
);
pub(super) const WRITE: MetricDoc = MetricDoc::rate(
    "disk_write",
    "B/s",
    &["device"],
    0,
    "Bytes written to a disk.",
);
const READS: MetricDoc = MetricDoc::rate(
    "disk_reads",
    "/s",
    &["device"],
    1,
    "Read operations that a disk finished.",
);
const WRITES: MetricDoc = MetricDoc::rate(
    "disk_writes",
    "/s",
    &["device"],
    1,
    "Write operations that a disk finished.",
);
const UTILISATION: MetricDoc = MetricDoc::gauge(
    "disk_utilisation",
    "%",
    &["device"],
    1,
    "Time that a disk had something to do; a disk that does many things at once may do more at 100.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[READ, WRITE, READS, WRITES, UTILISATION];

/// /proc/diskstats counts in sectors of this size, whatever the disk has.
const SECTOR_BYTES: u64 = 512;
/// Names of devices that are no disks, or whose disks are counted already.
const NO_DISKS: [&str; 8] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];

/// One line of /proc/diskstats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line<'a> {
    device: &'a str,
    reads: u64,
    read_bytes: u64,
    writes: u64,
    written_bytes: u64,
    busy_millis: u64,
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let mut fields = line.split_ascii_whitespace().skip(2);
    let device = fields.next()?;
    let mut numbers = [0u64; 10];
    for number in &mut numbers {
        *number = fields.next()?.parse().ok()?;
    }
    let [
        reads,
        _,
        sectors_read,
        _,
        writes,
        _,
        sectors_written,
        _,
        _,
        busy_millis,
    ] = numbers;
    Some(Line {
        device,
        reads,
        read_bytes: sectors_read.saturating_mul(SECTOR_BYTES),
        writes,
        written_bytes: sectors_written.saturating_mul(SECTOR_BYTES),
        busy_millis,
    })
}

/// Reads /proc/diskstats.
#[derive(Debug)]
pub(super) struct Disk {
    file: TextFile,
    whole: WholeDevices,
    rates: Rates<5>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self {
            file: TextFile::new("/proc/diskstats"),
            whole: WholeDevices::default(),
            rates: Rates::default(),
        }
    }
}

impl Sensor for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let text = self.file.read()?;
        let at = Instant::now();
        for line in text.lines().filter_map(parse_line) {
            if line.reads + line.writes == 0 || !self.whole.contains(line.device) {
                continue;
            }
            let counters = [
                line.read_bytes,
                line.written_bytes,
                line.reads,
                line.writes,
                line.busy_millis,
            ];
            let Some([read, written, reads, writes, busy_millis]) =
                self.rates.take(line.device, at, counters)
            else {
                continue;
            };
            let device = [line.device];
            READ.record(out, device, read);
            WRITE.record(out, device, written);
            READS.record(out, device, reads);
            WRITES.record(out, device, writes);
            UTILISATION.record(out, device, (busy_millis / 10.0).min(100.0));
        }
        self.rates.forget_the_gone();
        Ok(())
    }
}

/// Which devices are whole disks; /sys is asked once for each name.
#[derive(Debug, Default)]
struct WholeDevices {
    known: Vec<(Box<str>, bool)>,
}

/// Names remembered at most; when they are more, all are asked for again.
const MAX_KNOWN: usize = 1024;

impl WholeDevices {
    fn contains(&mut self, device: &str) -> bool {
        if let Some((_, whole)) = self.known.iter().find(|(name, _)| **name == *device) {
            return *whole;
        }
        if self.known.len() == MAX_KNOWN {
            self.known.clear();
        }
        let whole = !NO_DISKS.iter().any(|prefix| device.starts_with(prefix))
            && Path::new("/sys/block")
                .join(device.replace('/', "!"))
                .exists();
        self.known.push((device.into(), whole));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_bytes_operations_and_busy_time() {
        let line =
            " 254       0 vda 86936 8147 7497354 71842 29158 41127 11823816 26285 0 9392 98951 1 2";
        let line = parse_line(line).unwrap();
        assert_eq!((line.device, line.busy_millis), ("vda", 9392));
        assert_eq!((line.reads, line.writes), (86_936, 29_158));
        assert_eq!(line.read_bytes, 7_497_354 * 512);
        assert_eq!(line.written_bytes, 11_823_816 * 512);
    }

    #[test]
    fn a_short_line_is_passed_over() {
        assert_eq!(parse_line("   7       0 loop0 0 0"), None);
        assert_eq!(parse_line(""), None);
    }

    #[test]
    fn memory_and_images_are_no_disks() {
        let mut whole = WholeDevices::default();
        assert!(!whole.contains("loop0") && !whole.contains("zram0") && !whole.contains("dm-3"));
        assert!(!whole.contains("no such disk"));
    }
}
