//! A simulated web server: busy as its traffic demands, with spikes and bursts; what it has to bear makes it warm.

use super::noise::{Episode, Noise, Wander};
use crate::sources::{metric::MetricDoc, recorder::Recorder};

const CPU: MetricDoc =
    MetricDoc::gauge("cpu_usage", "%", &[], 1, "Time that processors were busy.");
const MEMORY: MetricDoc = MetricDoc::gauge(
    "memory_used_percent",
    "%",
    &[],
    1,
    "Memory in use; it creeps up until the server restarts itself.",
);
const LOAD: MetricDoc = MetricDoc::gauge("load1", "", &[], 2, "Load average of one minute.");
const TEMPERATURE: MetricDoc = MetricDoc::gauge(
    "temperature_celsius",
    "°C",
    &["sensor"],
    1,
    "Temperature of the processor, which follows the load.",
);
const RX: MetricDoc = MetricDoc::rate("net_rx", "B/s", &[], 0, "Bytes received.");
const TX: MetricDoc = MetricDoc::rate("net_tx", "B/s", &[], 0, "Bytes sent.");

/// What this part records.
pub const METRICS: &[MetricDoc] = &[CPU, MEMORY, LOAD, TEMPERATURE, RX, TX];

const CORES: f64 = 4.0;
/// The kernel averages the load of a minute like this.
const LOAD_MEMORY_SECONDS: f64 = 60.0;
const WARMING_SECONDS: f64 = 25.0;
const IDLE_CELSIUS: f64 = 38.0;
const CELSIUS_PER_PERCENT: f64 = 0.42;
const LEAK_PERCENT_PER_SECOND: f64 = 0.01;
const RESTART_AT_PERCENT: f64 = 86.0;
const RESTARTED_PERCENT: f64 = 41.0;

/// The state of the server.
#[derive(Debug)]
pub(super) struct Host {
    noise: Noise,
    background: Wander,
    spike: Episode,
    batch_job: Episode,
    memory_percent: f64,
    memory_flutter: Wander,
    load: f64,
    celsius: f64,
    bytes_per_request: Wander,
}

impl Host {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed, "host"),
            background: Wander::new(9.0, 2.5, 20.0),
            spike: Episode::new(75.0, (2.0, 5.0)),
            batch_job: Episode::new(420.0, (25.0, 70.0)),
            memory_percent: RESTARTED_PERCENT + 12.0,
            memory_flutter: Wander::new(0.0, 0.8, 15.0),
            load: 0.8,
            celsius: IDLE_CELSIUS + 10.0,
            bytes_per_request: Wander::new(9_000.0, 1_200.0, 30.0),
        }
    }

    /// `seconds` later, with so many `requests_per_second` to answer.
    pub(super) fn step(&mut self, seconds: f64, requests_per_second: f64, out: &mut Recorder) {
        let noise = &mut self.noise;
        let cpu = self.background.step(seconds, noise)
            + requests_per_second / 12.0
            + 45.0 * self.spike.step(seconds, noise)
            + 55.0 * self.batch_job.step(seconds, noise)
            + 1.5 * noise.normal();
        let cpu = cpu.clamp(0.5, 100.0);

        self.load = towards(self.load, CORES * cpu / 90.0, seconds, LOAD_MEMORY_SECONDS);
        let warmth = IDLE_CELSIUS + CELSIUS_PER_PERCENT * cpu;
        self.celsius = towards(self.celsius, warmth, seconds, WARMING_SECONDS);

        self.memory_percent += LEAK_PERCENT_PER_SECOND * seconds * (1.0 + cpu / 100.0);
        if self.memory_percent > RESTART_AT_PERCENT {
            self.memory_percent = RESTARTED_PERCENT;
        }
        let memory = self.memory_percent + self.memory_flutter.step(seconds, noise);

        let bytes = self.bytes_per_request.step(seconds, noise).max(1_000.0);
        CPU.record(out, [], cpu);
        MEMORY.record(out, [], memory.clamp(0.0, 100.0));
        LOAD.record(out, [], self.load);
        TEMPERATURE.record(out, ["cpu"], self.celsius + 0.2 * noise.normal());
        RX.record(out, [], requests_per_second * bytes / 11.0);
        TX.record(out, [], requests_per_second * bytes);
    }
}

/// What has become of `value` after `seconds` on its way to `goal`.
fn towards(value: f64, goal: f64, seconds: f64, memory_seconds: f64) -> f64 {
    goal + (value - goal) * (-seconds / memory_seconds).exp()
}
