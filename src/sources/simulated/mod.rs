//! A simulated world for demos and tests: a web server with its traffic, a market, a shop.
//!
//! Every value is a function of the seed and of how often the source was sampled before; `now` is only what the caller
//! stamps. Every series carries the label `simulated="true"`, every host is named `demo-…`, every message says so too:
//! nobody shall take these figures for real ones.

use std::time::Duration;

use super::{Reading, SampleError, Samples, Source, metric::MetricDoc, recorder::Recorder};
use crate::model::{HostName, Timestamp};

pub mod business;
pub mod host;
mod messages;
mod noise;
pub mod stocks;
pub mod traffic;

/// What each part records, in reading order; every series carries the label `simulated` besides.
pub const PARTS: &[(&str, &[MetricDoc])] = &[
    ("host", host::METRICS),
    ("traffic", traffic::METRICS),
    ("stocks", stocks::METRICS),
    ("business", business::METRICS),
];

/// The label that every simulated series carries.
const MARK: (&str, &str) = ("simulated", "true");

/// The simulated world.
#[derive(Debug)]
pub struct SimulatedSource {
    seconds: f64,
    host: host::Host,
    traffic: traffic::Traffic,
    stocks: stocks::Stocks,
    business: business::Business,
    messages: messages::Messages,
    server: Recorder,
    market: Recorder,
    shop: Recorder,
}

impl SimulatedSource {
    /// The world of `seed`, in which `interval` passes from one sample to the next (at least 10 ms).
    pub fn new(seed: u64, interval: Duration) -> Self {
        let recorder = |name| Recorder::new(demo_host(name), &[MARK]);
        Self {
            seconds: interval.as_secs_f64().max(0.01),
            host: host::Host::new(seed),
            traffic: traffic::Traffic::new(seed),
            stocks: stocks::Stocks::new(seed),
            business: business::Business::new(seed),
            messages: messages::Messages::new(seed, demo_host("demo-web1")),
            server: recorder("demo-web1"),
            market: recorder("demo-market"),
            shop: recorder("demo-shop"),
        }
    }
}

fn demo_host(name: &'static str) -> HostName {
    HostName::parse(name).expect("the names of this file are valid")
}

impl Source for SimulatedSource {
    fn sample(&mut self, _now: Timestamp) -> Result<Reading, SampleError> {
        let seconds = self.seconds;
        let requests_per_second = self.traffic.step(seconds, &mut self.server);
        self.host
            .step(seconds, requests_per_second, &mut self.server);
        self.stocks.step(seconds, &mut self.market);
        self.business.step(seconds, &mut self.shop);
        let recorders = [&mut self.server, &mut self.market, &mut self.shop];
        let batches = recorders.map(|recorder| {
            let (layout, values) = recorder.finish();
            Samples {
                layout,
                values,
                interval: None,
            }
        });
        Ok(Reading {
            batches: batches.into(),
            activities: self.messages.step(seconds).into_iter().collect(),
            ..Reading::default()
        })
    }
}

#[cfg(test)]
mod tests;
