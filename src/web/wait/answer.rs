//! What a wait says in the end: what held, or for each series why not.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::condition::{Condition, State, Terms, Track};
use crate::model::{Direction, Position, SeriesKey, Timestamp};

/// Series told when the time was up; those that held come last.
const TOLD: usize = 10;

/// How far the condition got. In the 200 as it is, in the 412 as members of the problem.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    position: Position,
    #[serde(flatten)]
    limit: Limit,
    #[serde(rename = "for_seconds", serialize_with = "as_seconds")]
    hold: Duration,
    #[serde(rename = "waited_seconds", serialize_with = "as_seconds")]
    waited: Duration,
    /// When all of it began to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    matching: usize,
    held: usize,
    series: Vec<Line<'a>>,
}

/// A series in the report.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    key: &'a SeriesKey,
    unit: &'a str,
    state: State,
    value: f64,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(rename = "held_seconds", serialize_with = "as_seconds")]
    held: Duration,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Limit {
    Above(f64),
    Below(f64),
}

impl<'a> Report<'a> {
    /// Of a condition that is true.
    pub fn held(
        condition: &'a Condition,
        position: Position,
        now: Timestamp,
        waited: Duration,
    ) -> Self {
        let mut report = Self::new(condition, position, now, waited, usize::MAX);
        report.since = report.series.iter().filter_map(|line| line.since).max();
        report
    }

    /// Of one that is not: the first few series, those that are worst first.
    pub fn not_held(
        condition: &'a Condition,
        position: Position,
        now: Timestamp,
        waited: Duration,
    ) -> Self {
        Self::new(condition, position, now, waited, TOLD)
    }

    fn new(
        condition: &'a Condition,
        position: Position,
        now: Timestamp,
        waited: Duration,
        told: usize,
    ) -> Self {
        let tracks = condition.tracks();
        let matching = tracks.len();
        let mut tracks: Vec<(State, &Track)> =
            tracks.map(|t| (condition.state(t, now), t)).collect();
        tracks.sort_by_key(|(state, track)| (*state, track.series.key()));
        let held = tracks.iter().filter(|(state, _)| *state == State::Held);
        let Terms {
            when, limit, hold, ..
        } = *condition.terms();
        Self {
            position,
            limit: match when {
                Direction::Above => Limit::Above(limit),
                Direction::Below => Limit::Below(limit),
            },
            hold,
            waited,
            since: None,
            matching,
            held: held.count(),
            series: tracks.into_iter().take(told).map(Line::new).collect(),
        }
    }

    /// In a sentence, why it did not hold.
    pub fn why(&self) -> String {
        let waited = format!("after {} s", self.waited.as_secs_f64());
        let limit = match self.limit {
            Limit::Above(limit) => format!("above {limit}"),
            Limit::Below(limit) => format!("below {limit}"),
        };
        let hold = match self.hold {
            Duration::ZERO => String::new(),
            hold => format!(" for {} s", hold.as_secs_f64()),
        };
        let Some(worst) = self.series.first() else {
            return format!("{waited}, no series matches: none is {limit}{hold}");
        };
        let Self { held, matching, .. } = self;
        format!(
            "{waited}, {held} of {matching} series held {limit}{hold}: {}",
            worst.why()
        )
    }
}

impl<'a> Line<'a> {
    fn new((state, track): (State, &'a Track)) -> Self {
        Self {
            key: track.series.key(),
            unit: track.series.spec.unit.as_str(),
            state,
            value: track.last.value,
            timestamp: track.last.timestamp,
            since: track.since,
            held: track.held(),
        }
    }

    fn why(&self) -> String {
        let Self {
            key,
            value,
            timestamp,
            ..
        } = self;
        match self.state {
            State::Silent => format!("{key} is silent since {timestamp}"),
            State::Failing => format!("{key} is at {value}"),
            State::Waiting => format!("{key} has sent nothing that counts, last {timestamp}"),
            State::Holding | State::Held => {
                format!(
                    "{key} is at {value} and held for {} s",
                    self.held.as_secs_f64()
                )
            }
        }
    }
}

fn as_seconds<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(duration.as_secs_f64())
}
