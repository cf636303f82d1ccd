//! Threshold rules, checked: what a rule may say, not how it is run.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    glob::{Glob, Globs},
    template::Template,
};

/// How bad it is. Ordered.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// Worth getting up for.
    Critical,
}

impl Level {
    /// All levels, least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the samples of a window become the one value that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The newest sample; needs no window.
    Last,
    /// The arithmetic mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// Which side of a threshold is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Fires when the value is greater than `fire`, and is over when it is at or below `clear`.
    Above,
    /// Fires when the value is less than `fire`, and is over when it is at or above `clear`.
    Below,
}

impl Direction {
    /// Whether `value` is on the bad side of `limit`.
    pub fn beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::Below => value < limit,
        }
    }
}

/// One level's hysteresis band, in the unit of the metric.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Threshold {
    /// Fires beyond this.
    pub fire: f64,
    /// Is over once the value is not beyond this.
    pub clear: f64,
}

/// The thresholds of a rule by level; any of them may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Levels {
    /// For [`Level::Info`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Threshold>,
    /// For [`Level::Warning`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Threshold>,
    /// For [`Level::Critical`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<Threshold>,
}

impl Levels {
    /// The threshold of one level.
    pub fn get(&self, level: Level) -> Option<Threshold> {
        match level {
            Level::Info => self.info,
            Level::Warning => self.warning,
            Level::Critical => self.critical,
        }
    }

    /// The levels that have a threshold, least first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Level, Threshold)> {
        Level::ALL
            .into_iter()
            .filter_map(|l| Some((l, self.get(l)?)))
    }
}

/// What to do when a series falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoDataPolicy {
    /// An open alert stays open and says `no_data`; none is opened.
    Keep,
    /// As `keep`, and where no alert is open one is opened.
    Fire,
    /// An open alert is resolved with the reason `series_gone`.
    Resolve,
}

/// The no-data rule of a rule.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct NoData {
    /// Silence longer than this counts (and never less than three of the source's intervals).
    #[serde(serialize_with = "as_seconds")]
    pub after: Duration,
    /// And then.
    pub then: NoDataPolicy,
    /// The level of an alert that silence opens.
    pub level: Level,
}

/// A second condition on the same host and labels, which must hold for the first to count as breached.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Guard {
    /// The metric whose newest value is looked at.
    pub metric: Arc<str>,
    /// The side that counts as breached.
    pub when: Direction,
    /// The limit, in that metric's unit.
    pub value: f64,
}

/// A threshold rule. It makes one alert for each series it matches.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Rule {
    /// Its name, unique among the rules: `[a-zA-Z_][a-zA-Z0-9_]*`.
    pub name: Arc<str>,
    /// The metrics it watches.
    pub metric: Glob,
    /// The hosts it watches.
    pub hosts: Globs,
    /// Labels that must match, by name. The pattern `""` asks for a label's absence, `*` for its presence.
    pub labels: Vec<(String, Globs)>,
    /// How the window becomes a value.
    pub aggregate: Aggregate,
    /// The window; zero with [`Aggregate::Last`].
    #[serde(rename = "window_seconds", serialize_with = "as_seconds")]
    pub window: Duration,
    /// The bad side.
    pub when: Direction,
    /// The thresholds.
    #[serde(flatten)]
    pub levels: Levels,
    /// A second condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// `for`: the breach must last this long before it fires.
    #[serde(rename = "for_seconds", serialize_with = "as_seconds")]
    pub hold: Duration,
    /// The recovery must last this long before it counts.
    #[serde(rename = "keep_firing_for_seconds", serialize_with = "as_seconds")]
    pub keep_firing_for: Duration,
    /// What silence means.
    pub no_data: NoData,
    /// The sentence for people.
    pub message: Template,
    /// Whether people are told, or it is only shown.
    pub notify: bool,
    /// Whether it runs.
    pub enabled: bool,
}

impl Rule {
    /// Whether this rule watches a series.
    pub fn matches(&self, key: &super::series::SeriesKey) -> bool {
        self.metric.matches(key.name.as_str())
            && self.hosts.matches(key.host.as_str())
            && self
                .labels
                .iter()
                .all(|(name, globs)| key.labels.fit(name, globs))
    }
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(duration.as_secs_f64())
}
