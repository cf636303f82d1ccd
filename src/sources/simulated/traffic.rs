//! Simulated requests to a web server: tides, bursts, and now and then an incident that makes it slow.

use super::noise::{Episode, Noise, Wander};
use crate::sources::{metric::MetricDoc, recorder::Recorder};

const RATE: MetricDoc = MetricDoc::rate("request_rate", "/s", &[], 1, "Requests answered.");
const LATENCY: MetricDoc = MetricDoc::gauge(
    "request_latency",
    "s",
    &["quantile"],
    4,
    "Time to answer a request: half are answered within quantile 0.5, all but one in a hundred within 0.99.",
);
const ERRORS: MetricDoc = MetricDoc::rate(
    "request_errors",
    "/s",
    &[],
    1,
    "Requests answered with an error.",
);

/// What this part records.
pub const METRICS: &[MetricDoc] = &[RATE, LATENCY, ERRORS];

/// The tide of a simulated day, short enough to be seen.
const DAY_SECONDS: f64 = 900.0;

/// The state of the traffic.
#[derive(Debug)]
pub(super) struct Traffic {
    noise: Noise,
    elapsed_seconds: f64,
    base: Wander,
    burst: Episode,
    incident: Episode,
    median_seconds: Wander,
}

impl Traffic {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed, "traffic"),
            elapsed_seconds: 0.0,
            base: Wander::new(180.0, 25.0, 40.0),
            burst: Episode::new(150.0, (8.0, 30.0)),
            incident: Episode::new(600.0, (20.0, 60.0)),
            median_seconds: Wander::new(0.018, 0.002, 20.0),
        }
    }

    /// `seconds` later; gives the requests per second.
    pub(super) fn step(&mut self, seconds: f64, out: &mut Recorder) -> f64 {
        let noise = &mut self.noise;
        self.elapsed_seconds += seconds;
        let tide = (std::f64::consts::TAU * self.elapsed_seconds / DAY_SECONDS).sin();
        let expected = self.base.step(seconds, noise).max(10.0) * (1.0 + 0.35 * tide)
            + 320.0 * self.burst.step(seconds, noise);
        let rate = noise.count(expected * seconds) / seconds;

        let incident = self.incident.step(seconds, noise);
        let crowding = 1.0 + (rate / 450.0).powi(3);
        let median = self.median_seconds.step(seconds, noise).max(0.005);
        let median = median * crowding * (1.0 + 4.0 * incident);
        let slowest = median * (5.0 + 14.0 * incident + noise.normal().abs());
        let errors = noise.count(rate * seconds * (0.002 + 0.06 * incident)) / seconds;

        RATE.record(out, [], rate);
        LATENCY.record(out, ["0.5"], median);
        LATENCY.record(out, ["0.99"], slowest);
        ERRORS.record(out, [], errors);
        rate
    }
}
