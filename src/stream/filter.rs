//! What a client wants to see: topics, and globs over the fields of events.
//!
//! A filter touches only events that have the field: `hosts=` does not hide an activity that is about no host.

pub mod written;

use crate::model::{Activity, AlertEvent, Globs, Level, SeriesKey};

/// A kind of event that a client can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Topic {
    /// Samples.
    Metrics = 1,
    /// Transitions of alerts.
    Alerts = 2,
    /// The feed.
    Activity = 4,
    /// The state of the server.
    Status = 8,
    /// What becomes of messages to people.
    Notifications = 16,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 5] = [
        Self::Metrics,
        Self::Alerts,
        Self::Activity,
        Self::Notifications,
        Self::Status,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Alerts => "alerts",
            Self::Activity => "activity",
            Self::Status => "status",
            Self::Notifications => "notifications",
        }
    }

    /// From the word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == word)
    }
}

/// A set of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Topics(u8);

impl Topics {
    /// Of these.
    pub fn of(topics: &[Topic]) -> Self {
        Self(topics.iter().fold(0, |bits, t| bits | *t as u8))
    }

    /// Everything.
    pub fn all() -> Self {
        Self::of(&Topic::ALL)
    }

    /// Whether it holds a topic.
    pub fn contains(self, topic: Topic) -> bool {
        self.0 & topic as u8 != 0
    }

    /// All but one.
    pub fn without(self, topic: Topic) -> Self {
        Self(self.0 & !(topic as u8))
    }

    /// The topics in it.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |t| self.contains(*t))
    }
}

/// A set of levels; empty means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LevelSet(u8);

impl LevelSet {
    /// With one more.
    pub fn with(self, level: Level) -> Self {
        Self(self.0 | 1 << level as u8)
    }

    fn contains(self, level: Level) -> bool {
        self.0 == 0 || self.0 & (1 << level as u8) != 0
    }
}

/// Conditions on events; all must hold. The default lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    /// Metric names.
    pub names: Globs,
    /// Hosts.
    pub hosts: Globs,
    /// Label values, by label name, sorted. The pattern `""` asks for the absence of a label.
    pub labels: Vec<(String, Globs)>,
    /// Alert levels: the new or the old one.
    pub levels: LevelSet,
    /// Rules.
    pub rules: Globs,
}

impl Filter {
    /// Whether the samples of a series pass.
    pub fn series(&self, key: &SeriesKey) -> bool {
        self.names.matches(key.name.as_str())
            && self.hosts.matches(key.host.as_str())
            && self
                .labels
                .iter()
                .all(|(name, globs)| key.labels.fit(name, globs))
    }

    /// Whether an alert event passes.
    pub fn alert(&self, event: &AlertEvent) -> bool {
        let level = self.levels.contains(event.level)
            || event
                .previous_level
                .is_some_and(|l| self.levels.contains(l));
        level && self.rules.matches(&event.rule) && self.series(&event.series)
    }

    /// Whether a line of the feed passes.
    pub fn activity(&self, activity: &Activity) -> bool {
        activity
            .host
            .as_ref()
            .is_none_or(|host| self.hosts.matches(host.as_str()))
    }
}
