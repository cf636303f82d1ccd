//! What the scheduler counts: switches, forks, processes that run or wait for a disk. From /proc/stat, which the sensor
//! of the processors reads.

use std::time::Instant;

use super::{kernel_stat::KernelStat, rates::Rates};
use crate::sources::{metric::MetricDoc, recorder::Recorder};

const CONTEXT_SWITCHES: MetricDoc = MetricDoc::rate(
    "context_switches",
    "/s",
    &[],
    0,
    "Times that a processor changed from one task to another.",
);
const FORKS: MetricDoc = MetricDoc::rate("forks", "/s", &[], 1, "Processes and threads started.");
const RUNNING: MetricDoc = MetricDoc::gauge(
    "processes_running",
    "",
    &[],
    0,
    "Tasks that run or could run now.",
);
const BLOCKED: MetricDoc = MetricDoc::gauge(
    "processes_blocked",
    "",
    &[],
    0,
    "Tasks that wait for a disk and cannot be interrupted.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[RUNNING, BLOCKED, CONTEXT_SWITCHES, FORKS];

/// The counters of the reading before.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    rates: Rates<2>,
}

impl Scheduler {
    pub(super) fn record(&mut self, stat: &KernelStat, at: Instant, out: &mut Recorder) {
        RUNNING.record(out, [], stat.running as f64);
        BLOCKED.record(out, [], stat.blocked as f64);
        let counters = [stat.context_switches, stat.forks];
        if let Some([switches, forks]) = self.rates.take("", at, counters) {
            CONTEXT_SWITCHES.record(out, [], switches);
            FORKS.record(out, [], forks);
        }
    }
}
