//! Threshold rules, checked: what a rule may say, not how it is run.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The newest sample; needs no window.
    Last,
    /// The arithmetic mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// All values added up.
    Sum,
    /// How many samples there are.
    Count,
    /// The 95th percentile by nearest rank: the smallest value that is not below 95 % of all. To a thousandth of it.
    P95,
    /// The newest value less the oldest, by the seconds between them.
    Rate,
    /// The newest value less the oldest.
    Delta,
    /// The hours after which the line that fits the window best (least squares) reaches [`Rule::until`]; 0 once it has,
    /// infinite where it leads away. Less is worse, whatever [`Rule::when`] says: that is the side of the goal.
    HoursUntil,
}

impl Aggregate {
    /// The word on the wire and in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::P95 => "p95",
            Self::Rate => "rate",
            Self::Delta => "delta",
            Self::HoursUntil => "hours_until",
        }
    }

    /// Whether the value lies among the samples, so that a threshold can be drawn beside them.
    pub const fn lies_among_samples(self) -> bool {
        matches!(
            self,
            Self::Last | Self::Avg | Self::Min | Self::Max | Self::P95
        )
    }

    /// The unit of the value, given that of the samples.
    pub fn unit(self, of_samples: &str) -> String {
        match self {
            Self::Count => String::new(),
            Self::HoursUntil => "h".to_owned(),
            Self::Rate if of_samples == "s" => String::new(),
            Self::Rate => format!("{of_samples}/s"),
            _ => of_samples.to_owned(),
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Fires beyond this.
    pub fire: f64,
    /// Is over once the value is not beyond this.
    pub clear: f64,
}

/// The thresholds of a rule by level; any of them may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Levels {
    /// For [`Level::Info`].
    pub info: Option<Threshold>,
    /// For [`Level::Warning`].
    pub warning: Option<Threshold>,
    /// For [`Level::Critical`].
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDataPolicy {
    /// An open alert stays open and says `no_data`; none is opened.
    Keep,
    /// As `keep`, and where no alert is open one is opened.
    Fire,
    /// An open alert is resolved with the reason `series_gone`.
    Resolve,
}

/// The no-data rule of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoData {
    /// Silence longer than this counts (and never less than three of the source's intervals).
    pub after: Duration,
    /// And then.
    pub then: NoDataPolicy,
    /// The level of an alert that silence opens.
    pub level: Level,
}

/// A second condition on the same host and labels, which must hold for the first to count as breached.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// The metric whose newest value is looked at.
    pub metric: Arc<str>,
    /// The side that counts as breached.
    pub when: Direction,
    /// The limit, in that metric's unit.
    pub value: f64,
}

/// How long people wait before they are told again of what still fires and nobody has acknowledged; by level, `None` for
/// never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeat(pub [Option<Duration>; 3]);

impl Repeat {
    /// For alerts of one level.
    pub fn get(&self, level: Level) -> Option<Duration> {
        self.0[level as usize]
    }
}

/// When an alert wavers: one that got worse (opened, or rose a level) this often within this time stays as bad as it is
/// until its series has been in order for as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    /// So often; 0 for never.
    pub after: u32,
    /// Within this time.
    pub within: Duration,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Nobody: it is only shown.
    Nobody,
    /// Whoever the routes say.
    Routed,
    /// These channels, by name, whatever the routes say.
    Channels(Vec<Arc<str>>),
}

impl Notify {
    /// Whether people are told.
    pub fn anybody(&self) -> bool {
        *self != Self::Nobody
    }
}

/// Words by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Tags(Arc<BTreeMap<String, String>>);

impl Tags {
    /// From pairs; of a name that comes twice the later one.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Name and word, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, word)| (name.as_str(), word.as_str()))
    }

    /// Whether one of them fits; its absence fits only where an empty pattern asks for it.
    pub fn fit(&self, name: &str, globs: &Globs) -> bool {
        let word = self.0.get(name);
        word.map_or_else(|| globs.match_absence(), |word| globs.matches(word))
    }
}

/// A threshold rule. It makes one alert for each series it matches. How it is written is `config::rule`'s.
#[derive(Debug, Clone, PartialEq)]
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
    pub window: Duration,
    /// The value that [`Aggregate::HoursUntil`] counts to; `None` with any other.
    pub until: Option<f64>,
    /// The bad side; see [`compares`](Self::compares).
    pub when: Direction,
    /// The thresholds.
    pub levels: Levels,
    /// A second condition.
    pub guard: Option<Guard>,
    /// `for`: the breach must last this long before it fires.
    pub hold: Duration,
    /// The recovery must last this long before it counts.
    pub keep_firing_for: Duration,
    /// What steadies an alert that wavers.
    pub flapping: Flapping,
    /// What silence means.
    pub no_data: NoData,
    /// Rules, by pattern, whose alerts on the same host tell nobody while one of this rule is open.
    pub mutes: Globs,
    /// When people are told again.
    pub repeat: Repeat,
    /// Words of the rule's own that its alerts carry, for routes, silences and people.
    pub tags: Tags,
    /// The sentence for people.
    pub message: Template,
    /// Whether people are told, and who.
    pub notify: Notify,
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

    /// The side of the thresholds that is bad.
    pub fn compares(&self) -> Direction {
        match self.aggregate {
            Aggregate::HoursUntil => Direction::Below,
            _ => self.when,
        }
    }

    /// Whether it mutes the alerts of the rule called so; never its own.
    pub fn mutes(&self, rule: &str) -> bool {
        !self.mutes.is_empty() && *rule != *self.name && self.mutes.matches(rule)
    }
}
