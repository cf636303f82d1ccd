//! The events of one alert: what each says, and that the newest one is what is open.

use super::{context::Context, message, watch::Watch, watched::Subject, window::Summary};
use crate::model::{AlertEvent, AlertState, Explanation, Level, Reason, Threshold, Transition};

impl Watch {
    /// Somebody has seen the open alert; `None` when that was known.
    pub(super) fn acknowledge(&mut self, cx: &mut Context) -> Option<AlertEvent> {
        let alert = self.open.as_mut().filter(|alert| !alert.acknowledged)?;
        alert.acknowledged = true;
        alert.transition = Transition::Acknowledged;
        alert.previous_level = None;
        alert.timestamp = cx.time.wall();
        cx.revision += 1;
        Some(AlertEvent::clone(alert))
    }

    /// Ends the open alert, if there is one.
    pub(super) fn end(
        &mut self,
        subject: &Subject,
        reason: Reason,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        self.open
            .is_some()
            .then(|| self.resolve(subject, reason, None, cx))
    }

    /// The level has risen, fallen, or counts again.
    pub(super) fn raise(
        &mut self,
        subject: &Subject,
        level: Level,
        summary: Summary,
        cx: &mut Context,
    ) -> AlertEvent {
        let transition = match &self.open {
            Some(alert) if alert.state == AlertState::Firing && alert.level < level => {
                Transition::Escalated
            }
            Some(alert) if alert.state == AlertState::Firing => Transition::Deescalated,
            _ => Transition::Fired,
        };
        self.change(subject, (transition, None), level, Some(summary), cx)
    }

    pub(super) fn resolve(
        &mut self,
        subject: &Subject,
        reason: Reason,
        summary: Option<Summary>,
        cx: &mut Context,
    ) -> AlertEvent {
        let level = self.open.as_ref().map_or(Level::Info, |alert| alert.level);
        let what = (Transition::Resolved, Some(reason));
        self.change(subject, what, level, summary, cx)
    }

    /// Makes the event of a transition, and the open alert what it says. `compared` is what the window held when a
    /// threshold decided; `None` when silence or an end did.
    pub(super) fn change(
        &mut self,
        subject: &Subject,
        (transition, reason): (Transition, Option<Reason>),
        level: Level,
        compared: Option<Summary>,
        cx: &mut Context,
    ) -> AlertEvent {
        cx.revision += 1;
        let now = cx.time.wall();
        let rule = &*self.rule;
        let state = match transition {
            Transition::NoData => AlertState::NoData,
            Transition::Resolved => AlertState::Resolved,
            _ => AlertState::Firing,
        };
        let before = self.open.take();
        let before = before.as_deref();
        let previous_level = before.map(|alert| alert.level).filter(|&was| was != level);
        let threshold = rule.levels.get(level);
        let by_threshold = compared.is_some() || self.triggers[level as usize].fires();
        let mut event = AlertEvent {
            id: before.map_or_else(|| cx.ids.next(now), |alert| alert.id),
            rule: rule.name.clone(),
            state,
            transition,
            reason,
            level,
            previous_level,
            // Whoever has seen a warning has not seen that it became critical.
            acknowledged: before.is_some_and(|alert| alert.acknowledged && level <= alert.level),
            silenced: false,
            message: String::new(),
            series: subject.key.clone(),
            unit: subject.unit.clone(),
            value: compared.map(|summary| summary.value(rule.aggregate)),
            threshold: compared.and(threshold).map(|threshold| match state {
                AlertState::Resolved => threshold.clear,
                AlertState::Firing | AlertState::NoData => threshold.fire,
            }),
            since: before.map_or(now, |alert| alert.since),
            timestamp: now,
            notify: rule.notify,
            why: self.explain(threshold.filter(|_| by_threshold), compared),
        };
        event.message = message::render(rule, &event, self.silence(subject));
        self.open = state.is_open().then(|| Box::new(event.clone()));
        event
    }

    fn explain(&self, threshold: Option<Threshold>, compared: Option<Summary>) -> Explanation {
        let observed = compared.or_else(|| self.window.summary());
        Explanation {
            aggregate: self.rule.aggregate,
            when: self.rule.when,
            fire: threshold.map(|threshold| threshold.fire),
            clear: threshold.map(|threshold| threshold.clear),
            window_seconds: self.rule.window.as_secs_f64(),
            for_seconds: self.rule.hold.as_secs_f64(),
            last: observed.map(|summary| summary.last),
            avg: observed.map(|summary| summary.avg),
            min: observed.map(|summary| summary.min),
            max: observed.map(|summary| summary.max),
            samples: observed.map_or(0, |summary| summary.samples),
        }
    }
}
