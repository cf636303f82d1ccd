//! What a sensor declares of each metric: the one place that says its unit, labels and precision.
//!
//! Sensors record through these constants and docs/metrics.md is made of them, so the page cannot differ from the
//! program.

use super::recorder::{Recorder, round};
use crate::model::Kind;

/// A metric as declared by its sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricDoc {
    /// Its name, like `cpu_usage`.
    pub name: &'static str,
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
    /// A reading, or the rate of a counter.
    pub kind: Kind,
    /// The names of its labels, in the order in which their values are recorded.
    pub labels: &'static [&'static str],
    /// Decimal places that values are rounded to.
    pub decimals: i32,
    /// One sentence on what it says.
    pub description: &'static str,
}

impl MetricDoc {
    /// A reading.
    pub const fn gauge(
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        decimals: i32,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            unit,
            kind: Kind::Gauge,
            labels,
            decimals,
            description,
        }
    }

    /// A counter, recorded as its rate per second.
    pub const fn rate(
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        decimals: i32,
        description: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Counter,
            ..Self::gauge(name, unit, labels, decimals, description)
        }
    }

    /// Records `value`, rounded as declared. `label_values` are in the order of [`Self::labels`].
    pub fn record<const N: usize>(&self, out: &mut Recorder, label_values: [&str; N], value: f64) {
        debug_assert_eq!(self.labels.len(), N, "labels of {}", self.name);
        let mut labels = [("", ""); N];
        for ((label, name), value) in labels.iter_mut().zip(self.labels).zip(label_values) {
            *label = (name, value);
        }
        // Adding zero turns -0.0, which a small negative value rounds to, into 0.0.
        let value = round(value, self.decimals) + 0.0;
        match self.kind {
            Kind::Gauge => out.gauge(self.name, self.unit, &labels, value),
            Kind::Counter => out.rate(self.name, self.unit, &labels, value),
        }
    }
}
