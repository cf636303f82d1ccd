//! The load average: tasks that run or wait for a processor or a disk, averaged by the kernel.

use std::{num::NonZeroUsize, thread};

use sysinfo::System;

use super::Sensor;
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const LOAD1: MetricDoc = MetricDoc::gauge("load1", "", &[], 2, "Load average of one minute.");
const LOAD5: MetricDoc = MetricDoc::gauge("load5", "", &[], 2, "Load average of five minutes.");
const LOAD15: MetricDoc =
    MetricDoc::gauge("load15", "", &[], 2, "Load average of fifteen minutes.");
const PER_CORE: MetricDoc = MetricDoc::gauge(
    "load1_per_core",
    "",
    &[],
    2,
    "Load average of one minute, divided by the number of processors: above 1, tasks wait.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[LOAD1, LOAD5, LOAD15, PER_CORE];

/// The load average, on every system that has one.
#[derive(Debug)]
pub(super) struct Load {
    cores: usize,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            cores: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}

impl Sensor for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let load = System::load_average().map_err(|cause| SampleError::System {
            what: "the load average",
            cause: cause.to_string().into(),
        })?;
        LOAD1.record(out, [], load.one);
        LOAD5.record(out, [], load.five);
        LOAD15.record(out, [], load.fifteen);
        PER_CORE.record(out, [], load.one / self.cores as f64);
        Ok(())
    }
}
