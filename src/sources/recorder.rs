//! Where a source puts its readings: a batch in the making, whose layout is reused while the set of series stays.
//!
//! A steady source costs one number a reading and no string: each reading is compared with what stood at its place in
//! the batch before, and only where the two differ is the layout made anew.

use std::sync::Arc;

use crate::model::{HostName, InvalidName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, Unit};

/// Readings of one host, in the order in which they are recorded.
#[derive(Debug, Clone)]
pub struct Recorder {
    host: HostName,
    /// Labels that every series carries, like `simulated="true"`.
    common: Vec<(&'static str, &'static str)>,
    layout: Arc<[SeriesSpec]>,
    /// The layout in the making, from the first place on where it differs from `layout`.
    fresh: Option<Vec<SeriesSpec>>,
    values: Vec<f64>,
    refused: Option<InvalidName>,
}

impl Recorder {
    /// For one host; `common` labels are added to every series.
    pub fn new(host: HostName, common: &[(&'static str, &'static str)]) -> Self {
        Self {
            host,
            common: common.to_vec(),
            layout: Arc::new([]),
            fresh: None,
            values: Vec::new(),
            refused: None,
        }
    }

    /// Records a reading. `name` and `unit` are constants of the program; label values come from the machine, and a
    /// reading whose label cannot be taken (too long, a line break in a device name) or which is not finite is left out.
    pub fn gauge(
        &mut self,
        name: &'static str,
        unit: &'static str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        self.record(name, unit, Kind::Gauge, labels, value);
    }

    /// Records the rate per second of a counter, otherwise as [`Self::gauge`].
    pub fn rate(
        &mut self,
        name: &'static str,
        unit: &'static str,
        labels: &[(&str, &str)],
        per_second: f64,
    ) {
        self.record(name, unit, Kind::Counter, labels, per_second);
    }

    fn record(&mut self, name: &str, unit: &str, kind: Kind, labels: &[(&str, &str)], value: f64) {
        if !value.is_finite() {
            return;
        }
        let at = self.values.len();
        if self.fresh.is_none() {
            if let Some(spec) = self.layout.get(at)
                && spec.key.name.as_str() == name
                && spec.kind == kind
                && self.same_labels(&spec.key.labels, labels)
            {
                self.values.push(value);
                return;
            }
            self.fresh = Some(self.layout[..at].to_vec());
        }
        let spec = || -> Result<SeriesSpec, InvalidName> {
            let all = labels.iter().chain(&self.common);
            Ok(SeriesSpec {
                key: SeriesKey {
                    host: self.host.clone(),
                    name: MetricName::parse(name)?,
                    labels: Labels::parse(all.map(|&(n, v)| (n, v)))?,
                },
                unit: Unit::parse(unit)?,
                kind,
            })
        };
        match spec() {
            Ok(spec) => {
                self.fresh.get_or_insert_default().push(spec);
                self.values.push(value);
            }
            Err(error) => self.refused = Some(error),
        }
    }

    fn same_labels(&self, known: &Labels, labels: &[(&str, &str)]) -> bool {
        let expected = labels.iter().chain(&self.common);
        known.iter().len() == labels.len() + self.common.len()
            && expected
                .into_iter()
                .all(|&(name, value)| known.get(name) == Some(value))
    }

    /// Nothing was recorded since the batch before.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Ends the batch: its layout (the same `Arc` as before when nothing changed) and its values.
    pub fn finish(&mut self) -> (Arc<[SeriesSpec]>, Vec<f64>) {
        if let Some(fresh) = self.fresh.take() {
            // They are equal when all that differed was refused.
            if *fresh != *self.layout {
                self.layout = fresh.into();
            }
        } else if self.values.len() < self.layout.len() {
            self.layout = self.layout[..self.values.len()].into();
        }
        let capacity = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(capacity));
        (self.layout.clone(), values)
    }

    /// The newest reading that could not be taken since this was asked last.
    pub fn take_refused(&mut self) -> Option<InvalidName> {
        self.refused.take()
    }
}

/// Rounds to `decimals` places, the precision that a sensor declares for its metric in docs/metrics.md.
pub fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(recorder: &mut Recorder, cores: usize) -> (Arc<[SeriesSpec]>, Vec<f64>) {
        for core in 0..cores {
            recorder.gauge(
                "cpu_usage",
                "%",
                &[("core", &core.to_string())],
                core as f64,
            );
        }
        recorder.finish()
    }

    #[test]
    fn a_steady_source_keeps_its_layout() {
        let mut recorder =
            Recorder::new(HostName::parse("web1").unwrap(), &[("simulated", "true")]);
        let (first, _) = fill(&mut recorder, 3);
        let (second, values) = fill(&mut recorder, 3);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(values, [0.0, 1.0, 2.0]);
        assert_eq!(
            second[2].key.labels.to_string(),
            r#"core="2", simulated="true""#
        );
    }

    #[test]
    fn a_changed_set_makes_a_new_layout() {
        let mut recorder = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        let (three, _) = fill(&mut recorder, 3);
        let (two, values) = fill(&mut recorder, 2);
        assert_eq!((two.len(), values.len()), (2, 2));
        let (again, _) = fill(&mut recorder, 3);
        assert_eq!(three, again);
    }

    #[test]
    fn what_is_not_a_number_is_left_out() {
        let mut recorder = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        recorder.gauge("a", "", &[], f64::NAN);
        recorder.gauge("b", "", &[], 1.0);
        recorder.gauge("c", "", &[("d", "x\ny")], 1.0);
        assert!(recorder.take_refused().is_some());
        let (layout, values) = recorder.finish();
        assert_eq!((layout.len(), values.as_slice()), (1, &[1.0][..]));
    }

    #[test]
    fn a_reading_that_is_always_refused_does_not_change_the_layout() {
        let mut recorder = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        let mut tick = || {
            recorder.gauge("a", "", &[], 1.0);
            recorder.gauge("b", "", &[("c", "x\ny")], 1.0);
            recorder.gauge("d", "", &[], 1.0);
            recorder.finish().0
        };
        assert!(Arc::ptr_eq(&tick(), &tick()));
    }
}
