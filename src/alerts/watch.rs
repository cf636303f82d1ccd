//! One rule on one series: verdicts, levels, and the alert that is open.
//!
//! The level of an alert is the highest one whose trigger fires; an event is the change of that level. Silence is
//! beside the levels: it opens or marks an alert, but never moves a trigger towards recovery.

use std::{cell::LazyCell, sync::Arc};

use super::{
    context::Context,
    trigger::{Trigger, Verdict},
    watched::Subject,
    window::Summary,
};
use crate::model::{
    Aggregate, AlertEvent, AlertState, Direction, Level, MetricName, NoDataPolicy, Reason, Rule,
    SeriesKey, Timestamp,
};

/// What is seen of the series at the moment of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sight {
    /// What the window holds; `None` before the first sample.
    pub(super) summary: Option<Summary>,
    /// The value that is compared; `None` when silence or an end decides.
    pub(super) value: Option<f64>,
    /// Whether enough is known for a verdict.
    pub(super) suffices: bool,
}

/// The state of one rule on one series.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: Arc<Rule>,
    /// By [`Level`].
    pub(super) triggers: [Trigger; 3],
    /// The newest event of the alert that is open.
    pub(super) open: Option<Box<AlertEvent>>,
    /// When that was, in engine time.
    pub(super) told: Timestamp,
    /// When it got worse, in engine time: the newest of them, as many as make it waver.
    pub(super) worsened: Vec<Timestamp>,
    /// The series of the rule's guard: the same host and labels.
    guard: Option<Box<SeriesKey>>,
}

impl Watch {
    pub(super) fn new(rule: Arc<Rule>, key: &SeriesKey) -> Self {
        Self {
            triggers: Default::default(),
            open: None,
            told: Timestamp::default(),
            worsened: Vec::new(),
            guard: guard_of(&rule, key),
            rule,
        }
    }

    /// From here on it is this rule, which says something else; what holds and what is open goes on.
    pub(super) fn follow(&mut self, rule: Arc<Rule>, key: &SeriesKey) {
        self.guard = guard_of(&rule, key);
        let most = rule.flapping.after as usize;
        self.worsened
            .drain(..self.worsened.len().saturating_sub(most));
        self.rule = rule;
    }

    /// A sample has come: a verdict where enough is known, and what that changes.
    pub(super) fn look(
        &mut self,
        subject: &Subject,
        sight: Sight,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        let state = self.open.as_ref().map(|alert| alert.state);
        // What silence alone had opened is over with the first sample; it needs no verdict.
        if state == Some(AlertState::NoData) && self.level().is_none() {
            self.judge(sight, subject, cx);
            return Some(match self.level() {
                Some(level) => self.raise(subject, level, sight, cx),
                None => {
                    let sight = Sight {
                        value: None,
                        ..sight
                    };
                    self.resolve(subject, Reason::Recovered, sight, cx)
                }
            });
        }
        if !self.judge(sight, subject, cx) {
            return None;
        }
        match (&self.open, self.level()) {
            (Some(alert), Some(level))
                if alert.state == AlertState::Firing && alert.level == level =>
            {
                None
            }
            (_, Some(level)) => Some(self.raise(subject, level, sight, cx)),
            (Some(_), None) => Some(self.resolve(subject, Reason::Recovered, sight, cx)),
            (None, None) => None,
        }
    }

    /// No sample has come, and that is fewer than there should be: what that fires. It clears nothing.
    pub(super) fn miss(
        &mut self,
        subject: &Subject,
        sight: Sight,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        let (before, worst) = (self.triggers, self.level());
        self.judge(sight, subject, cx);
        for (trigger, before) in self.triggers.iter_mut().zip(before) {
            if before.fires() && !trigger.fires() {
                *trigger = before;
            }
        }
        let level = self.level()?;
        let is_worse = worst.is_none_or(|before| before < level);
        is_worse.then(|| self.raise(subject, level, sight, cx))
    }

    /// Whether it counts samples and fewer are worse: then silence is no lack of data, but a count of none.
    pub(super) fn counts_silence(&self) -> bool {
        let rule = &*self.rule;
        rule.aggregate == Aggregate::Count
            && rule.when == Direction::Below
            && rule.no_data.then == NoDataPolicy::Keep
    }

    /// Steps the triggers and says whether there was a verdict. Without one, holds stay as they are: a lost sample is
    /// neither a breach nor an end of one.
    ///
    /// A guard that is no longer breached is recovery, or the alert could stay open for ever; it has no band of its own,
    /// so `keep_firing_for` is what steadies one that wavers.
    fn judge(&mut self, sight: Sight, subject: &Subject, cx: &mut Context) -> bool {
        let Some(value) = sight.value.filter(|value| value.is_finite()) else {
            return false;
        };
        if !sight.suffices {
            return false;
        }
        let (now, silence) = (cx.time.now(), self.silence(subject));
        let keep = match self.is_flapping(now) {
            true => self.rule.keep_firing_for.max(self.rule.flapping.within),
            false => self.rule.keep_firing_for,
        };
        let rule = &*self.rule;
        let when = rule.compares();
        let guard = LazyCell::new(|| match (&rule.guard, &self.guard) {
            (None, _) => Some(true),
            (Some(guard), Some(key)) => cx.guards.breached(guard, key, now, silence),
            (Some(_), None) => None,
        });
        let before = self.triggers;
        let mut is_worse = false;
        for level in Level::ALL {
            let trigger = &mut self.triggers[level as usize];
            let was = *trigger;
            *trigger = rule.levels.get(level).map_or(Trigger::Idle, |threshold| {
                let verdict = if !when.beyond(value, threshold.clear) {
                    Verdict::Recovered
                } else {
                    match *guard {
                        Some(false) => Verdict::Recovered,
                        Some(true) if when.beyond(value, threshold.fire) => Verdict::Breached,
                        // A guard without a value fires nothing, and is no recovery either.
                        Some(true) | None => Verdict::Between,
                    }
                };
                let next = was.step(verdict, now, rule.hold, keep);
                is_worse |= verdict == Verdict::Breached && next.is_relapse_of(was);
                next
            });
        }
        if is_worse {
            self.worsens(now);
        }
        if before != self.triggers {
            cx.revision += 1;
        }
        true
    }

    /// Takes note that it got worse.
    fn worsens(&mut self, now: Timestamp) {
        let most = self.rule.flapping.after as usize;
        if most == 0 {
            return;
        }
        if self.worsened.len() >= most {
            self.worsened.remove(0);
        }
        self.worsened.push(now);
    }

    /// Whether it has got worse so often, and not long ago, that it is held where it is.
    pub(super) fn is_flapping(&self, now: Timestamp) -> bool {
        let flapping = self.rule.flapping;
        let (oldest, newest) = (self.worsened.first(), self.worsened.last());
        let is_often = oldest.zip(newest).is_some_and(|(oldest, newest)| {
            newest.since(*oldest) < flapping.within && now.since(*newest) <= flapping.within
        });
        flapping.after > 0 && self.worsened.len() >= flapping.after as usize && is_often
    }

    /// The highest level that fires.
    pub(super) fn level(&self) -> Option<Level> {
        Level::ALL
            .into_iter()
            .rev()
            .find(|&level| self.triggers[level as usize].fires())
    }
}

fn guard_of(rule: &Rule, key: &SeriesKey) -> Option<Box<SeriesKey>> {
    let guard = rule.guard.as_ref()?;
    let name = MetricName::parse(&guard.metric).ok()?;
    Some(Box::new(SeriesKey {
        name,
        ..key.clone()
    }))
}
