//! What of the engine survives a restart.
//!
//! Not saved: windows, which [`Engine::refill`] makes again from stored samples, and silence, since nobody listened.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Engine, message, trigger::Trigger, watch::Watch, watched::Subject};
use crate::model::{
    AlertEvent, AlertState, NoDataPolicy, Reason, SeriesKey, Silence, SourceId, Timestamp,
    Transition,
};

/// Everything a restart must not lose.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// What is not plainly in order, and what is to be missed.
    pub watches: Vec<Saved>,
    /// Silences that have not ended.
    pub silences: Vec<Silence>,
}

/// The state of one rule on one series. The series is named in full: its id is of one life only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The rule's name.
    pub rule: Arc<str>,
    /// The series.
    #[serde(flatten)]
    pub series: SeriesKey,
    /// The series' unit.
    pub unit: String,
    /// The source that writes the series.
    pub source: SourceId,
    /// How often that source measures.
    pub interval: Option<Duration>,
    /// Info, warning, critical; holds by the wall time at which they began, so that what was saved a while before the
    /// end is not out of date.
    pub triggers: [Trigger; 3],
    /// The newest event of the alert that is open.
    pub alert: Option<AlertEvent>,
    /// When it got worse, in wall time: the newest of them, as many as make it waver.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub worsened: Vec<Timestamp>,
}

impl Engine {
    /// Everything a restart must not lose, in a fixed order: silences, each rule and series that is not plainly in order, and
    /// each whose silence would open an alert, because then it must be missed even if it never comes back.
    ///
    /// To be stored when [`revision`](Self::revision) has changed; that is soon enough for a kill.
    pub fn export(&self) -> State {
        let time = &self.context.time;
        let watches = self
            .slots
            .iter()
            .flat_map(|watched| watched.watches().map(move |w| (&watched.subject, w)));
        let watches = watches
            .filter(|(_, watch)| {
                watch.open.is_some()
                    || watch.triggers != [Trigger::Idle; 3]
                    || watch.rule.no_data.then == NoDataPolicy::Fire
                    || !watch.worsened.is_empty()
            })
            .map(|(subject, watch)| Saved {
                rule: watch.rule.name.clone(),
                series: subject.key.clone(),
                unit: subject.unit.clone(),
                source: subject.source.clone(),
                interval: subject.interval,
                triggers: watch.triggers.map(|t| t.map(|since| time.to_wall(since))),
                alert: watch.open.as_deref().cloned(),
                worsened: watch.worsened.iter().map(|at| time.to_wall(*at)).collect(),
            })
            .collect();
        State {
            watches,
            silences: self.silences().to_vec(),
        }
    }

    /// Takes over from an engine that ran until `alive_until`. Call it on a new engine, before samples.
    ///
    /// Open alerts stay open under their ids. Holds go on where they stood at `alive_until` if that is not longer ago
    /// than the grace, otherwise they start again. Silence counts from `now`. An alert whose rule is gone, is disabled
    /// or no longer matches is resolved; a rule whose thresholds have changed applies them at its next verdict.
    pub fn restore(
        &mut self,
        saved: State,
        alive_until: Timestamp,
        now: Timestamp,
    ) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        let moment = self.context.time.now();
        let holds_go_on = now.since(alive_until) <= self.restart_grace;
        let rules: HashMap<_, _> = self
            .rules
            .iter()
            .map(|rule| (rule.name.clone(), rule.clone()))
            .collect();
        let mut events = Vec::new();
        let State { watches, silences } = saved;
        self.restore_silences(silences);
        for saved in watches {
            let rule = rules.get(&saved.rule);
            let Some(rule) = rule.filter(|rule| rule.matches(&saved.series)) else {
                let removed = saved
                    .alert
                    .map(|alert| without_rule(alert, self.context.time.wall()));
                events.extend(removed);
                continue;
            };
            let mut watch = Watch::new(rule.clone(), &saved.series);
            watch.triggers = saved.triggers.map(|trigger| {
                if holds_go_on {
                    trigger.map(|since| moment.minus(alive_until.since(since)))
                } else {
                    trigger.without_hold()
                }
            });
            let told = |alert: &AlertEvent| moment.minus(now.since(alert.timestamp));
            watch.told = saved.alert.as_ref().map(told).unwrap_or_default();
            watch.open = saved.alert.map(Box::new);
            let worsened = saved.worsened.iter();
            watch.worsened = worsened.map(|at| moment.minus(now.since(*at))).collect();
            let stopped = self.stopped.contains(&saved.source);
            let subject = Subject {
                key: saved.series,
                unit: saved.unit,
                source: saved.source,
                interval: saved.interval,
            };
            self.slots.expect(subject, stopped, moment, watch);
        }
        self.mutes_by_other_rules();
        self.finish(events)
    }
}

impl Engine {
    /// Nobody listened from `alive_until` to `now`, as while the server was down: what a restart does, without losing the
    /// windows, which are filled again after one.
    pub fn slept(&mut self, alive_until: Timestamp, now: Timestamp) {
        self.context.time.skip_to(now);
        let holds_go_on = now.since(alive_until) <= self.restart_grace;
        self.slots.wake(holds_go_on, &mut self.context);
    }
}

/// The end of an alert whose rule is no longer there.
pub(super) fn without_rule(alert: AlertEvent, now: Timestamp) -> AlertEvent {
    AlertEvent {
        state: AlertState::Resolved,
        transition: Transition::Resolved,
        reason: Some(Reason::RuleRemoved),
        previous_level: None,
        by: None,
        message: message::rule_removed(&alert.rule),
        value: None,
        threshold: None,
        timestamp: now,
        ..alert
    }
}
