//! How long the machine has been up.

use sysinfo::System;

use super::Sensor;
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const UPTIME: MetricDoc =
    MetricDoc::gauge("uptime", "s", &[], 0, "Time since the machine started.");

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[UPTIME];

/// The uptime, on every system.
#[derive(Debug)]
pub(super) struct Uptime;

impl Sensor for Uptime {
    fn name(&self) -> &'static str {
        "uptime"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let seconds = System::uptime().map_err(|cause| SampleError::System {
            what: "the uptime",
            cause: cause.to_string().into(),
        })?;
        UPTIME.record(out, [], seconds as f64);
        Ok(())
    }
}
