//! Simulated prices of shares of companies that do not exist: geometric random walks, drawn back very slowly so that
//! they stay believable for as long as the demo runs.

use super::noise::{Noise, Wander};
use crate::sources::{metric::MetricDoc, recorder::Recorder};

const PRICE: MetricDoc = MetricDoc::gauge(
    "stock_price",
    "USD",
    &["symbol"],
    2,
    "Price of a share of a company that does not exist.",
);

/// What this part records.
pub const METRICS: &[MetricDoc] = &[PRICE];

/// Symbol, opening price, and how lively it is.
const SHARES: [(&str, f64, f64); 5] = [
    ("ACME", 182.40, 1.0),
    ("GLBX", 64.15, 1.6),
    ("INTK", 311.90, 0.8),
    ("UMBR", 23.75, 2.4),
    ("WNKA", 97.20, 1.2),
];
/// The deviation of the logarithm of a price in the long run.
const SPREAD: f64 = 0.10;
const MEMORY_SECONDS: f64 = 86_400.0;

/// The state of the market.
#[derive(Debug)]
pub(super) struct Stocks {
    noise: Noise,
    /// Of each share, the logarithm of its price over its opening price.
    logarithms: [Wander; SHARES.len()],
}

impl Stocks {
    pub(super) fn new(seed: u64) -> Self {
        let walk = |(_, _, liveliness): (&str, f64, f64)| {
            Wander::new(0.0, SPREAD * liveliness, MEMORY_SECONDS)
        };
        Self {
            noise: Noise::new(seed, "stocks"),
            logarithms: SHARES.map(walk),
        }
    }

    /// `seconds` later.
    pub(super) fn step(&mut self, seconds: f64, out: &mut Recorder) {
        for ((symbol, opening, _), logarithm) in SHARES.iter().zip(&mut self.logarithms) {
            let growth = logarithm.step(seconds, &mut self.noise).exp();
            PRICE.record(out, [symbol], opening * growth);
        }
    }
}
