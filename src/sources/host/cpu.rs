//! Processor time, all together, by core and by mode, from /proc/stat.
//!
//! Waiting for disks (iowait) is idle time here: the processor could have worked. Time stolen by the hypervisor is not.

use std::time::Instant;

use super::{
    Sensor,
    kernel_stat::{self, IDLE, IOWAIT, KernelStat, MODES},
    scheduler::Scheduler,
    text_file::TextFile,
};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

pub(super) const USAGE: MetricDoc = MetricDoc::gauge(
    "cpu_usage",
    "%",
    &[],
    1,
    "Time that all processors together were busy; waiting for disks is not busy.",
);
pub(super) const CORE_USAGE: MetricDoc = MetricDoc::gauge(
    "cpu_usage",
    "%",
    &["core"],
    1,
    "Time that one processor was busy.",
);
const MODE_USAGE: MetricDoc = MetricDoc::gauge(
    "cpu_mode_usage",
    "%",
    &["mode"],
    1,
    "Time of all processors by mode: user, nice, system, idle, iowait, irq, softirq, steal. They add up to 100.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[USAGE, CORE_USAGE, MODE_USAGE];

/// Reads /proc/stat once for processors and scheduler.
#[derive(Debug)]
pub(super) struct Cpu {
    file: TextFile,
    before: KernelStat,
    scheduler: Scheduler,
}

impl Cpu {
    pub(super) fn new() -> Self {
        Self {
            file: TextFile::new("/proc/stat"),
            before: KernelStat::default(),
            scheduler: Scheduler::default(),
        }
    }
}

impl Sensor for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let Some(stat) = kernel_stat::parse(self.file.read()?) else {
            return Err(self.file.nonsense());
        };
        // Before the first reading there are no cores, and the average since the start of the machine is no reading.
        if !self.before.cores.is_empty() {
            record(&self.before, &stat, out);
        }
        self.scheduler.record(&stat, Instant::now(), out);
        self.before = stat;
        Ok(())
    }
}

fn record(before: &KernelStat, now: &KernelStat, out: &mut Recorder) {
    let busy = |shares: &[f64; MODES.len()]| {
        let idle = shares[IDLE] + shares[IOWAIT];
        (shares.iter().sum::<f64>() - idle).clamp(0.0, 100.0)
    };
    if let Some(shares) = kernel_stat::shares(&now.all, &before.all) {
        USAGE.record(out, [], busy(&shares));
        for (mode, share) in MODES.iter().zip(shares) {
            MODE_USAGE.record(out, [mode], share);
        }
    }
    let mut digits = itoa::Buffer::new();
    for (core, ticks) in &now.cores {
        let then = before.cores.iter().find(|(number, _)| number == core);
        if let Some(shares) = then.and_then(|(_, then)| kernel_stat::shares(ticks, then)) {
            CORE_USAGE.record(out, [digits.format(*core)], busy(&shares));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    #[test]
    fn waiting_for_disks_is_not_busy() {
        let stat = |text| kernel_stat::parse(text).unwrap();
        let before = stat("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n");
        let now = stat("cpu  10 0 5 40 40 0 0 5 0 0\ncpu0 10 0 5 40 40 0 0 5 0 0\n");
        let mut out = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        record(&before, &now, &mut out);
        let (layout, values) = out.finish();
        assert_eq!(layout[0].key.to_string(), "cpu_usage on web1");
        assert_eq!(values[0], 20.0);
        assert_eq!(values[1..9], [10.0, 0.0, 5.0, 40.0, 40.0, 0.0, 0.0, 5.0]);
        let core = layout[9].key.to_string();
        assert_eq!(core, r#"cpu_usage{core="0"} on web1"#);
    }
}
