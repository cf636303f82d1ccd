//! The newest values of the metrics that guards look at.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    model::{Guard, Rule, SeriesId, SeriesKey, Timestamp},
    series::Series,
};

#[derive(Debug, Clone, Copy)]
struct Reading {
    timestamp: Timestamp,
    value: f64,
    /// Engine time.
    seen: Timestamp,
}

/// Readings by series; only of metrics that some guard names.
#[derive(Debug, Default)]
pub(super) struct Guards {
    metrics: HashSet<Arc<str>>,
    by_key: HashMap<SeriesKey, SeriesId>,
    /// `Some` for a series that is a guard; within, its newest value.
    readings: Vec<Option<Option<Reading>>>,
}

impl Guards {
    pub(super) fn new(rules: &[Arc<Rule>]) -> Self {
        let mut guards = Self::default();
        guards.look_at(rules);
        guards
    }

    /// From here on the guards of these rules; what is known of others does not matter.
    pub(super) fn look_at(&mut self, rules: &[Arc<Rule>]) {
        let guards = rules.iter().filter_map(|rule| rule.guard.as_ref());
        self.metrics = guards.map(|guard| guard.metric.clone()).collect();
    }

    /// A series is seen for the first time, or may have become a guard.
    pub(super) fn admit(&mut self, series: &Series) {
        if self.metrics.contains(series.key().name.as_str()) {
            let at = series.id.index();
            if self.readings.len() <= at {
                self.readings.resize(at + 1, None);
            }
            self.readings[at].get_or_insert(None);
            self.by_key.insert(series.key().clone(), series.id);
        }
    }

    /// Keeps a value, if it is a guard's and not older than the one known.
    pub(super) fn record(
        &mut self,
        id: SeriesId,
        timestamp: Timestamp,
        value: f64,
        seen: Timestamp,
    ) {
        if let Some(Some(newest)) = self.readings.get_mut(id.index())
            && newest.is_none_or(|known| known.timestamp <= timestamp)
        {
            *newest = Some(Reading {
                timestamp,
                value,
                seen,
            });
        }
    }

    /// Whether the guard series `key` is beyond the guard's limit; `None` when it has no value, or none for
    /// `silence`.
    pub(super) fn breached(
        &self,
        guard: &Guard,
        key: &SeriesKey,
        now: Timestamp,
        silence: Duration,
    ) -> Option<bool> {
        let id = self.by_key.get(key)?;
        let reading = (*self.readings.get(id.index())?)??;
        (now.since(reading.seen) < silence).then(|| guard.when.beyond(reading.value, guard.value))
    }

    /// These series have ended.
    pub(super) fn forget(&mut self, ids: &[SeriesId]) {
        for id in ids {
            if let Some(reading) = self.readings.get_mut(id.index()) {
                *reading = None;
            }
        }
        self.by_key.retain(|_, id| !ids.contains(id));
    }
}
