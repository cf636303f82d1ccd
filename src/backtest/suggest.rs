//! Thresholds that would have been better.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Trial,
    report::{Outcome, SuggestedLevels, Suggestion},
};
use crate::model::{Direction, Level, Levels, Rule, Threshold};

/// Thresholds that are tried to find one, at most.
const MOST_TRIALS: u32 = 40;
/// For how long, at most.
const LONGEST_SEARCH: Duration = Duration::from_secs(20);

impl Trial {
    /// Thresholds at which people are told at most so often a week; see [`farther`](Self::farther).
    pub(super) fn suggest(&self, per_week: u32, as_it_is: &Outcome) -> Option<Suggestion> {
        let weeks = self.asked.to.since(self.asked.from).as_secs_f64() / (7.0 * 86_400.0);
        let most = (f64::from(per_week) * weeks).floor() as usize;
        let found = self.farther(as_it_is, |outcome| outcome.notifications <= most)?;
        Some(Suggestion {
            per_week,
            levels: SuggestedLevels::of(&found.0),
            notifications: found.1.notifications,
        })
    }

    /// Thresholds at which no alert would have opened in the time that was asked for; all of them further out by the same distance.
    pub fn quiet(&self) -> Option<SuggestedLevels> {
        let is_enough = |outcome: &Outcome| outcome.alerts == 0;
        let as_it_is = self.outcome(&self.asked.rule, is_enough);
        let found = self.farther(&as_it_is, is_enough)?;
        Some(SuggestedLevels::of(&found.0))
    }

    /// The nearest thresholds that are good enough, all of them further out by the same distance, which is right to about a
    /// hundredth and has two digits. `None` where the rule has no thresholds, or none were found. What was not good enough at
    /// some time never is again, so trials end there.
    fn farther(
        &self,
        as_it_is: &Outcome,
        is_enough: impl Fn(&Outcome) -> bool,
    ) -> Option<(Levels, Outcome)> {
        let rule = &self.asked.rule;
        let (_, first) = rule.levels.iter().next()?;
        if is_enough(as_it_is) {
            return Some((rule.levels, as_it_is.clone()));
        }
        let moved = |by: f64| {
            let levels = moved(&rule.levels, rule.compares(), by);
            let trial = Arc::new(Rule {
                levels,
                ..Rule::clone(rule)
            });
            (levels, self.outcome(&trial, &is_enough))
        };
        let began = Instant::now();
        let mut trials = 0;
        let mut may_go_on = |most| {
            trials += 1;
            trials < most && began.elapsed() < LONGEST_SEARCH && !self.is_stopped()
        };
        // Further and further out until it is enough, then back to where it just is.
        let mut near = 0.0;
        let mut far = (first.fire.abs() * 0.05)
            .max((first.fire - first.clear).abs())
            .max(1e-6);
        let mut found = moved(far);
        while !is_enough(&found.1) {
            if !may_go_on(MOST_TRIALS / 2) {
                return None;
            }
            near = far;
            far *= 2.0;
            found = moved(far);
        }
        while far - near > (far.abs() * 0.01).max(1e-9) && may_go_on(MOST_TRIALS) {
            let middle = near + (far - near) / 2.0;
            let tried = moved(middle);
            match is_enough(&tried.1) {
                true => (far, found) = (middle, tried),
                false => near = middle,
            }
        }
        let short = moved(two_digits_up(far));
        Some(match is_enough(&short.1) {
            true => short,
            false => found,
        })
    }
}

/// The least number of two digits that is not below this positive one.
fn two_digits_up(value: f64) -> f64 {
    let two_digits = |value: f64| format!("{value:.1e}").parse().unwrap_or(value);
    let nearest: f64 = two_digits(value);
    match nearest >= value {
        true => nearest,
        false => two_digits(nearest + 10f64.powi(value.log10().floor() as i32 - 1)),
    }
}

/// All thresholds this much further out.
fn moved(levels: &Levels, when: Direction, by: f64) -> Levels {
    let by = match when {
        Direction::Above => by,
        Direction::Below => -by,
    };
    let band = |level| {
        let Threshold { fire, clear } = levels.get(level)?;
        Some(Threshold {
            fire: fire + by,
            clear: clear + by,
        })
    };
    Levels {
        info: band(Level::Info),
        warning: band(Level::Warning),
        critical: band(Level::Critical),
    }
}
