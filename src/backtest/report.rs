//! What came of trying a rule on the past.

use std::collections::VecDeque;

use serde::Serialize;

use crate::model::{AlertEvent, AlertState, Level, Levels, SeriesKey, Threshold, Timestamp};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// From when it was tried; later than asked for where there were too many samples.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Samples that it looked at.
    pub samples: usize,
    /// Series that the rule matches.
    pub series: usize,
    /// What the rule would have done.
    pub rule: Outcome,
    /// What the saved one would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<Outcome>,
    /// A threshold that tells people seldom enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested: Option<Suggestion>,
}

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// How often an alert opened.
    pub alerts: usize,
    /// How long some alert of this level fired, in seconds, by level; two at the same time count twice.
    pub firing_seconds: BySeverity,
    /// How often people would have been told, were there one channel that gathers nothing.
    pub notifications: usize,
    /// How many transitions there were.
    pub transitions: usize,
    /// The first of them.
    pub first: Vec<AlertEvent>,
    /// The alerts, in the order in which they opened; the newest.
    #[serde(skip)]
    pub episodes: VecDeque<Episode>,
}

/// An alert that would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Of which series.
    pub series: SeriesKey,
    /// When it opened.
    pub from: Timestamp,
    /// When it was over, if it was.
    pub to: Option<Timestamp>,
    /// Where it stood: open, or silent.
    pub state: AlertState,
    /// How bad it was at most.
    pub level: Level,
    /// What it said first.
    pub message: String,
}

impl Episode {
    pub(super) fn opening(event: &AlertEvent) -> Self {
        Self {
            series: event.series.clone(),
            from: event.since,
            to: None,
            state: event.state,
            level: event.level,
            message: event.message.clone(),
        }
    }

    pub(super) fn take(&mut self, event: &AlertEvent) {
        self.level = self.level.max(event.level);
        match event.state {
            AlertState::Resolved => self.to = Some(event.timestamp),
            state => self.state = state,
        }
    }
}

/// A figure for each level.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct BySeverity {
    /// Info.
    pub info: f64,
    /// Warning.
    pub warning: f64,
    /// Critical.
    pub critical: f64,
}

impl BySeverity {
    pub(super) fn add(&mut self, level: Level, seconds: f64) {
        *match level {
            Level::Info => &mut self.info,
            Level::Warning => &mut self.warning,
            Level::Critical => &mut self.critical,
        } += seconds;
    }
}

/// Other thresholds for the same rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// How often a week people may be told.
    pub per_week: u32,
    /// The thresholds, by level.
    #[serde(flatten)]
    pub levels: SuggestedLevels,
    /// How often they would have been told with it, in the time that was tried.
    pub notifications: usize,
}

/// The thresholds of a [`Suggestion`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SuggestedLevels {
    /// Of info.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Band>,
    /// Of warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Band>,
    /// Of critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<Band>,
}

/// Where a level fires and clears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Fires beyond this.
    pub fire: f64,
    /// Is over once the value is not beyond this.
    pub clear: f64,
}

impl SuggestedLevels {
    /// Those of a rule.
    pub fn of(levels: &Levels) -> Self {
        let band = |level| {
            let Threshold { fire, clear } = levels.get(level)?;
            Some(Band { fire, clear })
        };
        Self {
            info: band(Level::Info),
            warning: band(Level::Warning),
            critical: band(Level::Critical),
        }
    }
}
