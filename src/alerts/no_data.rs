//! Silence of a series, as one rule takes it: with a hold of its own, and never a recovery.

use std::time::Duration;

use super::{
    context::Context,
    trigger::Trigger,
    watch::{Sight, Watch},
    watched::Subject,
};
use crate::model::{AlertEvent, AlertState, NoDataPolicy, Reason, Transition};

/// Silence is never shorter than this many of the source's intervals.
const LEAST_INTERVALS: u32 = 3;

impl Watch {
    /// The series has been silent for as long as the rule allows; to find it again changes nothing. Nobody knows what
    /// the value did meanwhile, so holds start again; what fires goes on firing, except where the rule takes silence for
    /// the end.
    pub(super) fn fall_silent(
        &mut self,
        subject: &Subject,
        sight: Sight,
        cx: &mut Context,
    ) -> Option<AlertEvent> {
        if self.counts_silence() {
            return None;
        }
        self.break_holds(cx);
        let no_data = self.rule.no_data;
        let silent = (Transition::NoData, None);
        match (no_data.then, &self.open) {
            (NoDataPolicy::Resolve, Some(_)) => {
                self.triggers = Default::default();
                Some(self.resolve(subject, Reason::SeriesGone, sight, cx))
            }
            (_, Some(alert)) if alert.state == AlertState::NoData => None,
            (NoDataPolicy::Keep | NoDataPolicy::Fire, Some(alert)) => {
                let level = alert.level;
                Some(self.change(subject, silent, level, sight, cx))
            }
            (NoDataPolicy::Fire, None) => {
                Some(self.change(subject, silent, no_data.level, sight, cx))
            }
            (NoDataPolicy::Keep | NoDataPolicy::Resolve, None) => None,
        }
    }

    /// A time that nobody watched: holds do not count across it.
    pub(super) fn break_holds(&mut self, cx: &mut Context) {
        let before = self.triggers;
        self.triggers = before.map(Trigger::without_hold);
        if before != self.triggers {
            cx.revision += 1;
        }
    }

    /// How long the series must say nothing for the rule to call it silent.
    pub(super) fn silence(&self, subject: &Subject) -> Duration {
        let intervals = subject.interval.unwrap_or_default();
        let intervals = intervals.saturating_mul(LEAST_INTERVALS);
        self.rule.no_data.after.max(intervals)
    }
}
