//! What happens to an alert, as the stream tells it.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    process::ProcessRow,
    rule::{Aggregate, Direction, Level, Tags},
    series::SeriesKey,
    time::Timestamp,
};

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The value is over its threshold.
    Firing,
    /// The series is silent. Open; never taken for recovery.
    NoData,
    /// Over.
    Resolved,
}

impl AlertState {
    /// Firing or silent.
    pub fn is_open(self) -> bool {
        self != Self::Resolved
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::NoData => "no_data",
            Self::Resolved => "resolved",
        }
    }
}

/// What just happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// It opened; or its data came back and it still fires.
    Fired,
    /// It got worse.
    Escalated,
    /// It got better, but is not over.
    Deescalated,
    /// Its series fell silent.
    NoData,
    /// It is over; see [`Reason`].
    Resolved,
    /// Somebody has seen it.
    Acknowledged,
    /// From now on nobody is told of it; see [`SilencedBy`].
    Silenced,
    /// People are told of it again.
    Unsilenced,
    /// It goes on, and nobody has acknowledged it.
    Reminder,
}

/// Why nobody is told of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilencedBy {
    /// Somebody silenced it.
    Silence(Uuid),
    /// A maintenance window, by name.
    Maintenance(Arc<str>),
    /// Another rule fires on the same host that mutes it, by name.
    Rule(Arc<str>),
}

/// Who did something: the name that was given, or where the request came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Person(Arc<str>);

impl Person {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 100;

    /// A name without the space around it: 1 to 100 bytes without control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let fits =
            (1..=Self::MAX_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
        fits.then(|| Self(name.into()))
    }

    /// Somebody of whom nothing is known.
    pub fn nobody() -> Self {
        Self("unknown".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an alert was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The value came back.
    Recovered,
    /// Its rule is no longer there.
    RuleRemoved,
    /// Its series has ended.
    SeriesGone,
}

/// Why an alert is what it is: the rule's terms and what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// How the window became a value.
    pub aggregate: Aggregate,
    /// The side that is bad.
    pub when: Direction,
    /// The level's fire value, if a threshold made the alert.
    pub fire: Option<f64>,
    /// The level's clear value.
    pub clear: Option<f64>,
    /// The rule's window, in seconds; 0 for the newest sample alone.
    pub window_seconds: f64,
    /// The rule's `for`, in seconds.
    pub for_seconds: f64,
    /// Over the window: the newest sample.
    pub last: Option<f64>,
    /// Over the window: the mean.
    pub avg: Option<f64>,
    /// Over the window: the smallest.
    pub min: Option<f64>,
    /// Over the window: the largest.
    pub max: Option<f64>,
    /// Over the window: how many samples.
    pub samples: usize,
    /// What the host was busiest with just then, where that is known: a hint, not a cause.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub busiest: Vec<Busy>,
}

/// A process that was busy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// Its name, never its arguments.
    pub name: String,
    /// Percent of one core.
    pub cpu_percent: f64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}

impl Busy {
    /// How many are named, at most.
    pub const MOST: usize = 5;

    /// The busiest of these, by CPU.
    pub fn of(rows: &[ProcessRow]) -> Vec<Self> {
        let mut rows: Vec<_> = rows.iter().filter(|row| row.cpu_percent > 0.0).collect();
        rows.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent));
        let rows = rows.into_iter().take(Self::MOST);
        rows.map(|row| Self {
            name: row.name.clone(),
            cpu_percent: row.cpu_percent,
            memory_bytes: row.memory_bytes,
        })
        .collect()
    }
}

/// One transition of one alert, complete in itself: the newest one of an alert is also its present state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The alert (uuid v7); one from opening to resolution.
    pub id: Uuid,
    /// The rule that made it.
    pub rule: Arc<str>,
    /// Where it stands after this.
    pub state: AlertState,
    /// What happened.
    pub transition: Transition,
    /// Why it was resolved; only with [`Transition::Resolved`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// How bad; after resolution, how bad it was last.
    pub level: Level,
    /// The level before, where this changed it: an escalation, a de-escalation, or data that came back at another level.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_level: Option<Level>,
    /// Somebody has seen it as bad as it is: a rise of the level takes this back.
    pub acknowledged: bool,
    /// Who did what happened, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Person>,
    /// Nobody is told of it.
    pub silenced: bool,
    /// And why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub silenced_by: Option<SilencedBy>,
    /// It wavered, and so is held as bad as it was.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub flapping: bool,
    /// The sentence for people.
    pub message: String,
    /// The series, its parts beside the other fields.
    #[serde(flatten)]
    pub series: SeriesKey,
    /// The unit of the value: the series', or what its aggregate makes of that.
    pub unit: String,
    /// The value that was compared; `None` where silence made the alert.
    pub value: Option<f64>,
    /// The fire value it was compared with (the clear value when resolved).
    pub threshold: Option<f64>,
    /// When the alert opened.
    pub since: Timestamp,
    /// When this happened.
    pub timestamp: Timestamp,
    /// The rule's own words.
    #[serde(skip_serializing_if = "Tags::is_empty", default)]
    pub tags: Tags,
    /// Whether its rule asks for people to be told.
    pub notify: bool,
    /// The rule's terms and what was observed.
    pub why: Explanation,
}

impl AlertEvent {
    /// Whether it is this silence that keeps people from being told.
    pub fn is_silenced_by(&self, silence: Uuid) -> bool {
        self.silenced_by == Some(SilencedBy::Silence(silence))
    }

    /// Whether something was compared, or found silent, just now; not only said again, or by somebody.
    pub fn is_new_value(&self) -> bool {
        matches!(
            self.transition,
            Transition::Fired
                | Transition::Escalated
                | Transition::Deescalated
                | Transition::NoData
                | Transition::Resolved
        )
    }

    /// How long the alert has been, or was, open.
    pub fn duration(&self) -> Duration {
        self.timestamp.since(self.since)
    }
}
