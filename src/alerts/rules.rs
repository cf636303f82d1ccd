//! Other rules, while everything goes on: what holds, what is open and what windows have seen stays.

use std::sync::Arc;

use super::{Engine, saved::without_rule};
use crate::{
    model::{AlertEvent, Rule, SeriesId, Timestamp},
    series::Series,
};

impl Engine {
    /// From here on these rules, as far as they are enabled. A rule is the same as before if it has the same name: its
    /// alerts stay open and its holds go on, and other thresholds apply at the next verdict. Alerts of a rule that is gone,
    /// is disabled or no longer matches are resolved. A window of another length is empty until [`recall`](Self::recall)
    /// or time fills it.
    pub fn set_rules(
        &mut self,
        rules: &[Arc<Rule>],
        series: impl Iterator<Item = Arc<Series>>,
        now: Timestamp,
    ) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        self.context.revision += 1;
        self.rules = rules.iter().filter(|rule| rule.enabled).cloned().collect();
        self.context.guards.look_at(&self.rules);
        let over = self.slots.watch_by(&self.rules);
        let wall = self.context.time.wall();
        let over = over.into_iter().filter_map(|watch| watch.open);
        let events: Vec<_> = over.map(|alert| without_rule(*alert, wall)).collect();
        self.slots.close(&events);
        let moment = self.context.time.now();
        for series in series {
            self.admit_one(&series, moment);
            self.context.guards.admit(&series);
        }
        self.mutes_by_other_rules();
        self.finish(events)
    }

    /// What a series said before, oldest first, for windows that rules have come to look through since its newest sample.
    pub fn recall(&mut self, id: SeriesId, samples: impl Iterator<Item = (Timestamp, f64)>) {
        if let Some(watched) = self.slots.get_mut(id).filter(|w| w.has_new_windows()) {
            watched.recall(samples);
        }
    }
}
