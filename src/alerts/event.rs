//! The events of one alert: what each says, and that the newest one is what is open.

use super::{
    context::Context,
    message,
    watch::{Sight, Watch},
    watched::Subject,
};
use crate::model::{
    AlertEvent, AlertState, Explanation, Level, Person, Reason, SilencedBy, Threshold, Transition,
};

impl Watch {
    /// Somebody has seen the open alert; `None` when that was known.
    pub(super) fn acknowledge(&mut self, by: Person, cx: &mut Context) -> Option<AlertEvent> {
        let alert = self.open.as_mut().filter(|alert| !alert.acknowledged)?;
        alert.acknowledged = true;
        self.tell(Transition::Acknowledged, Some(by), cx)
    }

    /// What still fires, or is silent, and nobody has seen: told again when its rule says so.
    pub(super) fn remind(&mut self, cx: &mut Context) -> Option<AlertEvent> {
        let alert = self.open.as_ref()?;
        let after = self.rule.repeat.get(alert.level)?;
        let is_told = self.rule.notify.anybody();
        let is_due = !alert.acknowledged && !alert.silenced && is_told;
        if !is_due || cx.time.now().since(self.told) < after {
            return None;
        }
        self.tell(Transition::Reminder, None, cx)
    }

    /// From here on this is what silences the open alert, if anything does; `None` when it was so.
    pub(super) fn silence_by(
        &mut self,
        by: Option<SilencedBy>,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        let alert = self.open.as_mut()?;
        if alert.silenced_by == by {
            return None;
        }
        let transition = match by.is_some() {
            true => Transition::Silenced,
            false => Transition::Unsilenced,
        };
        alert.silenced = by.is_some();
        alert.silenced_by = by;
        self.tell(transition, None, cx)
    }

    /// An event that changes nothing of what was compared.
    fn tell(
        &mut self,
        transition: Transition,
        by: Option<Person>,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        let alert = self.open.as_mut()?;
        alert.transition = transition;
        alert.previous_level = None;
        alert.by = by;
        alert.timestamp = cx.time.wall();
        self.told = cx.time.now();
        cx.revision += 1;
        Some(AlertEvent::clone(alert))
    }

    /// Ends the open alert, if there is one.
    pub(super) fn end(
        &mut self,
        subject: &Subject,
        reason: Reason,
        sight: Sight,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        self.open
            .is_some()
            .then(|| self.resolve(subject, reason, sight, cx))
    }

    /// The level has risen, fallen, or counts again.
    pub(super) fn raise(
        &mut self,
        subject: &Subject,
        level: Level,
        sight: Sight,
        cx: &mut Context,
    ) -> AlertEvent {
        let transition = match &self.open {
            Some(alert) if alert.state == AlertState::Firing && alert.level < level => {
                Transition::Escalated
            }
            Some(alert) if alert.state == AlertState::Firing => Transition::Deescalated,
            _ => Transition::Fired,
        };
        self.change(subject, (transition, None), level, sight, cx)
    }

    pub(super) fn resolve(
        &mut self,
        subject: &Subject,
        reason: Reason,
        sight: Sight,
        cx: &mut Context,
    ) -> AlertEvent {
        let level = self.open.as_ref().map_or(Level::Info, |alert| alert.level);
        let what = (Transition::Resolved, Some(reason));
        self.change(subject, what, level, sight, cx)
    }

    /// Makes the event of a transition, and the open alert what it says.
    pub(super) fn change(
        &mut self,
        subject: &Subject,
        (transition, reason): (Transition, Option<Reason>),
        level: Level,
        sight: Sight,
        cx: &mut Context,
    ) -> AlertEvent {
        cx.revision += 1;
        let now = cx.time.wall();
        self.told = cx.time.now();
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
        let by_threshold = sight.value.is_some() || self.triggers[level as usize].fires();
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
            by: None,
            // Decided when all that happens now is known.
            silenced: before.is_some_and(|alert| alert.silenced),
            silenced_by: before.and_then(|alert| alert.silenced_by.clone()),
            flapping: self.is_flapping(cx.time.now()),
            message: String::new(),
            series: subject.key.clone(),
            unit: rule.aggregate.unit(&subject.unit),
            value: sight.value,
            threshold: sight.value.and(threshold).map(|threshold| match state {
                AlertState::Resolved => threshold.clear,
                AlertState::Firing | AlertState::NoData => threshold.fire,
            }),
            since: before.map_or(now, |alert| alert.since),
            timestamp: now,
            tags: rule.tags.clone(),
            notify: rule.notify.anybody(),
            why: self.explain(threshold.filter(|_| by_threshold), sight),
        };
        let was = before.map(|alert| alert.message.as_str());
        event.message = message::render(rule, &event, was, self.silence(subject));
        self.open = state.is_open().then(|| Box::new(event.clone()));
        event
    }

    fn explain(&self, threshold: Option<Threshold>, sight: Sight) -> Explanation {
        let observed = sight.summary;
        Explanation {
            aggregate: self.rule.aggregate,
            when: self.rule.compares(),
            fire: threshold.map(|threshold| threshold.fire),
            clear: threshold.map(|threshold| threshold.clear),
            window_seconds: self.rule.window.as_secs_f64(),
            for_seconds: self.rule.hold.as_secs_f64(),
            last: observed.map(|summary| summary.last),
            avg: observed.map(|summary| summary.avg),
            min: observed.map(|summary| summary.min),
            max: observed.map(|summary| summary.max),
            samples: observed.map_or(0, |summary| summary.samples),
            busiest: Vec::new(),
        }
    }
}
