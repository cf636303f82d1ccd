//! One rule on one series: verdicts, levels, and the alert that is open.
//!
//! The level of an alert is the highest one whose trigger fires; an event is the change of that level. Silence is
//! beside the levels: it opens or marks an alert, but never moves a trigger towards recovery.

use std::{cell::LazyCell, sync::Arc};

use super::{
    context::Context,
    trigger::{Trigger, Verdict},
    watched::Subject,
    window::{Summary, Window},
};
use crate::model::{AlertEvent, AlertState, Level, MetricName, Reason, Rule, SeriesKey, Timestamp};

/// The state of one rule on one series.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: Arc<Rule>,
    /// By [`Level`].
    pub(super) triggers: [Trigger; 3],
    /// The newest event of the alert that is open.
    pub(super) open: Option<Box<AlertEvent>>,
    pub(super) window: Window,
    /// The series of the rule's guard: the same host and labels.
    guard: Option<SeriesKey>,
}

impl Watch {
    pub(super) fn new(rule: Arc<Rule>, key: &SeriesKey) -> Self {
        let guard = rule
            .guard
            .as_ref()
            .and_then(|guard| MetricName::parse(&guard.metric).ok());
        Self {
            triggers: Default::default(),
            open: None,
            window: Window::new(rule.window),
            guard: guard.map(|name| SeriesKey {
                name,
                ..key.clone()
            }),
            rule,
        }
    }

    /// Fills the window without a verdict.
    pub(super) fn refill(&mut self, timestamp: Timestamp, value: f64) {
        self.window.push(timestamp, value);
    }

    /// A sample: a verdict where the window allows one, and what that changes.
    pub(super) fn sample(
        &mut self,
        subject: &Subject,
        timestamp: Timestamp,
        value: f64,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        self.window.push(timestamp, value);
        let summary = self.window.summary()?;
        let state = self.open.as_ref().map(|alert| alert.state);
        // What silence alone had opened is over with the first sample; it needs no verdict.
        if state == Some(AlertState::NoData) && self.level().is_none() {
            self.judge(&summary, subject, cx);
            return Some(match self.level() {
                Some(level) => self.raise(subject, level, summary, cx),
                None => self.resolve(subject, Reason::Recovered, None, cx),
            });
        }
        if !self.judge(&summary, subject, cx) {
            return None;
        }
        match (&self.open, self.level()) {
            (Some(alert), Some(level))
                if alert.state == AlertState::Firing && alert.level == level =>
            {
                None
            }
            (_, Some(level)) => Some(self.raise(subject, level, summary, cx)),
            (Some(_), None) => Some(self.resolve(subject, Reason::Recovered, Some(summary), cx)),
            (None, None) => None,
        }
    }

    /// Steps the triggers and says whether there was a verdict. Without one, holds stay as they are: a lost sample is
    /// neither a breach nor an end of one.
    ///
    /// A guard that is no longer breached is recovery, or the alert could stay open for ever; it has no band of its own,
    /// so `keep_firing_for` is what steadies one that wavers.
    fn judge(&mut self, summary: &Summary, subject: &Subject, cx: &mut Context) -> bool {
        let value = summary.value(self.rule.aggregate);
        if !value.is_finite() || !self.window.is_covered() {
            return false;
        }
        let rule = &*self.rule;
        let (now, silence) = (cx.time.now(), self.silence(subject));
        let guard = LazyCell::new(|| match (&rule.guard, &self.guard) {
            (None, _) => Some(true),
            (Some(guard), Some(key)) => cx.guards.breached(guard, key, now, silence),
            (Some(_), None) => None,
        });
        let before = self.triggers;
        for level in Level::ALL {
            let trigger = &mut self.triggers[level as usize];
            *trigger = rule.levels.get(level).map_or(Trigger::Idle, |threshold| {
                let verdict = if !rule.when.beyond(value, threshold.clear) {
                    Verdict::Recovered
                } else {
                    match *guard {
                        Some(false) => Verdict::Recovered,
                        Some(true) if rule.when.beyond(value, threshold.fire) => Verdict::Breached,
                        // A guard without a value fires nothing, and is no recovery either.
                        Some(true) | None => Verdict::Between,
                    }
                };
                trigger.step(verdict, now, rule.hold, rule.keep_firing_for)
            });
        }
        if before != self.triggers {
            cx.revision += 1;
        }
        true
    }

    /// The highest level that fires.
    fn level(&self) -> Option<Level> {
        Level::ALL
            .into_iter()
            .rev()
            .find(|&level| self.triggers[level as usize].fires())
    }
}
