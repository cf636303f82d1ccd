//! Times in which people are not told: silences, which somebody makes once, and maintenance windows, which come again.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeZone as _, Timelike as _, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    alert::{AlertEvent, Person},
    glob::Globs,
    rule::{Level, Tags},
    series::{Labels, SeriesKey},
    time::Timestamp,
};

/// Which alerts: all that is asked for must fit, and what is not asked for always does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matcher {
    /// Rules, by name.
    #[serde(skip_serializing_if = "Globs::is_empty")]
    pub rules: Globs,
    /// Hosts.
    #[serde(skip_serializing_if = "Globs::is_empty")]
    pub hosts: Globs,
    /// Metrics.
    #[serde(skip_serializing_if = "Globs::is_empty")]
    pub names: Globs,
    /// Labels of the series; the pattern `""` asks for the absence of one.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub labels: Patterns,
    /// The series must have each of these labels, whatever is asked of it, and no other.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exact_labels: bool,
    /// Tags of the rule, likewise.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub tags: Patterns,
    /// Levels; none for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
}

/// Patterns by name, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patterns(std::collections::BTreeMap<String, Globs>);

impl Patterns {
    /// From pairs; of a name that comes twice the later one.
    pub fn new(pairs: impl IntoIterator<Item = (String, Globs)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they are of the same names as these labels.
    fn are_all_of(&self, labels: &Labels) -> bool {
        self.0.keys().eq(labels.iter().map(|(name, _)| name))
    }

    /// Name and patterns, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Globs)> {
        self.0.iter().map(|(name, globs)| (name.as_str(), globs))
    }
}

impl Matcher {
    /// Of this rule on this series, and no other.
    pub fn exactly(rule: &str, series: &SeriesKey) -> Self {
        let labels = series.labels.iter();
        let labels = labels.map(|(name, value)| (name.to_owned(), Globs::literal(value)));
        Self {
            rules: Globs::literal(rule),
            hosts: Globs::literal(series.host.as_str()),
            names: Globs::literal(series.name.as_str()),
            labels: Patterns::new(labels),
            exact_labels: true,
            ..Self::default()
        }
    }

    /// Everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is about this alert.
    pub fn matches(&self, alert: &AlertEvent) -> bool {
        self.fits(&alert.rule, &alert.tags, &alert.series, alert.level)
    }

    /// Whether it is about alerts of a rule on a series at a level.
    pub fn fits(&self, rule: &str, tags: &Tags, series: &SeriesKey, level: Level) -> bool {
        self.rules.matches(rule)
            && self.hosts.matches(series.host.as_str())
            && self.names.matches(series.name.as_str())
            && (self.levels.is_empty() || self.levels.contains(&level))
            && self
                .labels
                .iter()
                .all(|(name, g)| series.labels.fit(name, g))
            && (!self.exact_labels || self.labels.are_all_of(&series.labels))
            && self.tags.iter().all(|(name, globs)| tags.fit(name, globs))
    }
}

/// `rules cpu_*, hosts web1`; `everything`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (word, globs) in [
            ("rule", &self.rules),
            ("host", &self.hosts),
            ("metric", &self.names),
        ] {
            if !globs.is_empty() {
                parts.push(format!("{word} {}", joined(globs)));
            }
        }
        for (name, globs) in self.labels.iter() {
            parts.push(format!("label {name} {}", joined(globs)));
        }
        if self.exact_labels {
            parts.push(match self.labels.is_empty() {
                true => "no label".to_owned(),
                false => "no other label".to_owned(),
            });
        }
        for (name, globs) in self.tags.iter() {
            parts.push(format!("tag {name} {}", joined(globs)));
        }
        if !self.levels.is_empty() {
            let levels: Vec<_> = self.levels.iter().map(|level| level.as_str()).collect();
            parts.push(format!("level {}", levels.join(" or ")));
        }
        match parts.is_empty() {
            true => f.write_str("everything"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

fn joined(globs: &Globs) -> String {
    let shown = |glob: &str| match glob {
        "" => "absent".to_owned(),
        glob => glob.to_owned(),
    };
    globs.iter().map(shown).collect::<Vec<_>>().join(" or ")
}

/// Somebody does not want people to be told of some alerts, for a time. It always has an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its id (uuid v7).
    pub id: Uuid,
    /// Of which alerts.
    pub matcher: Matcher,
    /// From when on.
    pub from: Timestamp,
    /// Until when, not with it.
    pub until: Timestamp,
    /// Whether it ends sooner: once an alert it silenced was there and none is any more.
    pub until_resolved: bool,
    /// Whether one has been there.
    pub has_covered: bool,
    /// Why, for others.
    pub reason: String,
    /// Who made it.
    pub by: Person,
    /// When.
    pub created: Timestamp,
}

impl Silence {
    /// The longest one.
    pub const LONGEST: Duration = Duration::from_secs(90 * 86_400);

    /// Whether it silences at this time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// A time of the week in which people are not told of some alerts, every week again.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// Its name.
    pub name: Arc<str>,
    /// Of which alerts.
    pub matcher: Matcher,
    /// When.
    pub schedule: Schedule,
    /// Why, for others.
    pub reason: String,
}

/// A time of the week: on some days from one time of day to another, by the clocks of a place. One that ends before it
/// begins ends on the next day, and the days are those on which it begins; one that ends when it begins takes a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The days on which it begins; none for all.
    pub days: Vec<Weekday>,
    /// The time of day at which it begins.
    pub from: NaiveTime,
    /// The time of day at which it ends.
    pub to: NaiveTime,
    /// Whose clocks.
    pub zone: Tz,
}

impl Schedule {
    /// Whether it is that time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        let Some(utc) = DateTime::from_timestamp_millis(now.as_millis()) else {
            return false;
        };
        let local = utc.with_timezone(&self.zone);
        let time = local.time().with_nanosecond(0).unwrap_or_default();
        let begins_on = |days_ago: u64| {
            let date = local.date_naive().checked_sub_days(Days::new(days_ago));
            date.is_some_and(|date| self.days.is_empty() || self.days.contains(&date.weekday()))
        };
        match self.from < self.to {
            true => begins_on(0) && self.from <= time && time < self.to,
            false => begins_on(0) && self.from <= time || begins_on(1) && time < self.to,
        }
    }

    /// When it begins next after `now`, within eight days.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let utc = DateTime::from_timestamp_millis(now.as_millis())?;
        let today = utc.with_timezone(&self.zone).date_naive();
        (0..=8).find_map(|ahead| {
            let date = today.checked_add_days(Days::new(ahead))?;
            if !self.days.is_empty() && !self.days.contains(&date.weekday()) {
                return None;
            }
            // A time of day that a change of the clocks leaves out begins when that is over.
            let begins = (0..=120).find_map(|minutes| {
                let time = date.and_time(self.from) + chrono::Duration::minutes(minutes);
                self.zone.from_local_datetime(&time).earliest()
            })?;
            let begins = Timestamp::from_millis(begins.timestamp_millis());
            (begins > now).then_some(begins)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostName, MetricName};
    use proptest::prelude::*;

    fn series(labels: &[(String, String)]) -> SeriesKey {
        let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
        SeriesKey {
            host: HostName::parse("web*").unwrap(),
            name: MetricName::parse("cpu").unwrap(),
            labels: Labels::parse(pairs).unwrap(),
        }
    }

    fn any_labels() -> impl Strategy<Value = Vec<(String, String)>> {
        let pairs = proptest::collection::btree_map("[ab]", "[a*?\\[\\]]{0,3}", 0..3);
        pairs.prop_map(|pairs| pairs.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_of_one_series_exactly_is_of_no_other(one in any_labels(), other in any_labels()) {
            let (one, other) = (series(&one), series(&other));
            let matcher = Matcher::exactly("cpu_high", &one);
            let fits = |series| matcher.fits("cpu_high", &Tags::default(), series, Level::Info);
            prop_assert!(fits(&one));
            prop_assert_eq!(fits(&other), one == other);
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn schedule(days: &[Weekday], from: &str, to: &str, zone: &str) -> Schedule {
        Schedule {
            days: days.to_vec(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            zone: zone.parse().unwrap(),
        }
    }

    #[test]
    fn a_window_is_by_the_clocks_of_its_place_in_summer_and_winter() {
        let nightly = schedule(&[], "02:00:00", "04:00:00", "Europe/Berlin");
        assert!(nightly.is_active(at("2026-01-10T01:00:00Z")));
        assert!(!nightly.is_active(at("2026-01-10T00:59:59.999Z")));
        assert!(!nightly.is_active(at("2026-01-10T03:00:00Z")));
        assert!(nightly.is_active(at("2026-07-10T00:00:00Z")));
        assert!(!nightly.is_active(at("2026-07-10T02:00:00Z")));
    }

    #[test]
    fn one_that_passes_midnight_belongs_to_the_day_it_begins_on() {
        // 2026-11-28 is a Saturday.
        let weekend = schedule(&[Weekday::Sat], "22:00:00", "06:00:00", "UTC");
        assert!(weekend.is_active(at("2026-11-28T23:00:00Z")));
        assert!(weekend.is_active(at("2026-11-29T05:59:59Z")));
        assert!(!weekend.is_active(at("2026-11-29T23:00:00Z")));
        assert!(!weekend.is_active(at("2026-11-28T05:00:00Z")));
        let all_day = schedule(&[Weekday::Sat], "00:00:00", "00:00:00", "UTC");
        assert!(all_day.is_active(at("2026-11-28T00:00:00Z")));
        assert!(all_day.is_active(at("2026-11-28T23:59:59.999Z")));
        assert!(!all_day.is_active(at("2026-11-29T00:00:00Z")));
    }

    #[test]
    fn the_next_one_is_found_also_where_its_hour_does_not_exist() {
        let weekly = schedule(&[Weekday::Sun], "02:30:00", "05:00:00", "Europe/Berlin");
        let next = |now| weekly.next(at(now)).unwrap();
        assert_eq!(next("2026-11-25T00:00:00Z"), at("2026-11-29T01:30:00Z"));
        assert_eq!(next("2026-11-29T01:30:00Z"), at("2026-12-06T01:30:00Z"));
        // On 2026-03-29 clocks go from 02:00 to 03:00.
        assert_eq!(next("2026-03-28T00:00:00Z"), at("2026-03-29T01:00:00Z"));
        assert!(weekly.is_active(at("2026-03-29T01:00:00Z")));
    }
}
