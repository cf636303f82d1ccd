//! The thread of one source: measures at its interval, delivers, and after a failure tries again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc::RecvTimeoutError},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Plan, Progress};
use crate::{
    model::{Activity, Batch, Clock},
    pipeline::Inlet,
    sources::{Fault, Reading},
};

/// The longest wait before a failing source is tried again.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: Arc<Clock>,
    pub(super) inlet: Inlet,
    pub(super) progress: Arc<Mutex<Progress>>,
}

impl Worker {
    /// Measures and delivers until `stop` is dropped.
    pub(super) fn run(self, stop: &std::sync::mpsc::Receiver<()>) {
        let interval = self.plan.interval;
        let mut source = None;
        let mut due = Instant::now();
        let mut retry = interval;
        loop {
            let measured = catch_unwind(AssertUnwindSafe(|| {
                source
                    .get_or_insert_with(|| (self.plan.make)())
                    .sample(self.clock.now())
            }));
            due += match measured {
                Ok(Ok(reading)) => {
                    self.deliver(reading);
                    retry = interval;
                    interval
                }
                failed => {
                    let error = match failed {
                        Ok(Err(error)) => Fault::new("source", &error).message,
                        _ => {
                            source = None;
                            "the source panicked; it is made anew".to_owned()
                        }
                    };
                    self.fail(&error);
                    retry = (retry * 2).min(RETRY_MAX.max(interval));
                    retry
                }
            };
            let now = Instant::now();
            if due < now {
                // Readings that are overdue are left out, not made up for.
                let missed = (now - due).as_nanos() / interval.as_nanos().max(1) + 1;
                due += interval * u32::try_from(missed).unwrap_or(u32::MAX);
            }
            match stop.recv_timeout(due.saturating_duration_since(now)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn deliver(&self, reading: Reading) {
        let now = self.clock.now();
        let mut samples = 0;
        let mut fault = reading
            .faults
            .first()
            .map(|f| format!("{}: {}", f.part, f.message));
        let host = reading
            .batches
            .iter()
            .find_map(|b| Some(b.layout.first()?.key.host.clone()));
        for measured in reading.batches {
            let batch = Batch {
                source: self.plan.name.clone(),
                timestamp: now,
                interval: Some(measured.interval.unwrap_or(self.plan.interval)),
                layout: measured.layout,
                values: measured.values,
            };
            if let Ok(outcome) = self.inlet.batch_blocking(batch) {
                samples += outcome.accepted as u64;
                if let Some((_, refused)) = outcome.refused.first() {
                    fault = Some(refused.to_string());
                }
            }
        }
        if let (Some(host), Some(rows)) = (host, reading.processes) {
            self.inlet.processes_blocking(host, rows);
        }
        for message in reading.activities {
            self.inlet.activity_blocking(Activity {
                host: message.host,
                ..Activity::new(message.kind, message.text, now)
            });
        }
        let mut progress = self.progress.lock();
        progress.took(samples);
        progress.failing_since = None;
        progress.last_error = fault;
    }

    fn fail(&self, error: &str) {
        let mut progress = self.progress.lock();
        if progress.failing_since.is_none() {
            tracing::warn!(source = %self.plan.name, %error, "a source fails; it is tried again");
        }
        progress.failed(error, self.clock.now());
    }
}
