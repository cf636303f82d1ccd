//! Pieces that several pages show: a state, a moment, a card of one metric, a bar.

use super::svg;
use crate::model::{AlertState, Level, Timestamp, quantity};

/// How a thing stands. Never told by colour alone: each has a word, and in the pages a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Nothing is known to be wrong.
    #[default]
    Ok,
    /// An open alert of this level.
    Level(Level),
    /// No data for too long: what is shown is old.
    Stale,
}

impl State {
    /// The state of an alert: its level, unless it is over or its series is silent.
    pub fn of_alert(state: AlertState, level: Level) -> Self {
        match state {
            AlertState::Firing => Self::Level(level),
            AlertState::NoData => Self::Stale,
            AlertState::Resolved => Self::Ok,
        }
    }

    /// The CSS class.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Level(level) => level.as_str(),
            Self::Stale => "stale",
        }
    }

    /// The word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Level(level) => level.as_str(),
            Self::Stale => "no data",
        }
    }

    /// Whether there is nothing to say.
    pub fn is_ok(&self) -> bool {
        *self == Self::Ok
    }
}

/// A moment: RFC 3339 for machines, the time of day (UTC) for people. Scripts put it into the reader's own zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moment {
    /// `2026-11-21T03:04:05.678Z`.
    pub iso: String,
    /// `03:04:05`.
    pub text: String,
}

impl Moment {
    /// With its date: `2026-11-21 03:04:05`.
    pub fn full(&self) -> String {
        self.input().replace('T', " ")
    }

    /// As a `datetime-local` input has it, in UTC: `2026-11-21T03:04:05`.
    pub fn input(&self) -> &str {
        self.iso.get(..19).unwrap_or_default()
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        let iso = time.to_string();
        let text = iso.get(11..19).unwrap_or(&iso).to_owned();
        Self { iso, text }
    }
}

/// A duration in words that change rarely: `12 s` by fives, then `3 min`, `2 h 5 min`, `4 d 3 h`.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{} s", seconds / 5 * 5),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A duration that is over: exact below a minute.
pub fn lasted(seconds: u64) -> String {
    match seconds {
        0 => "less than 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        _ => duration(seconds),
    }
}

/// A labelled number.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// For people.
    pub value: String,
    /// Exact, with its unit; shown on hover.
    pub exact: String,
    /// How it stands.
    pub state: State,
}

impl Figure {
    /// From a value in a unit of the wire.
    pub fn new(label: &str, value: f64, unit: &str) -> Self {
        Self {
            label: label.to_owned(),
            value: quantity::figure(value, unit),
            exact: format!("{value} {unit}").trim_end().to_owned(),
            state: State::Ok,
        }
    }

    /// From words.
    pub fn text(label: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            label: label.to_owned(),
            exact: value.clone(),
            value,
            state: State::Ok,
        }
    }
}

/// A part of a whole as a bar.
#[derive(Debug, Clone, Default)]
pub struct Bar {
    /// What it is: a mount point, a core, a resource.
    pub label: String,
    /// Words beside it: `81.2 of 120 GiB`.
    pub detail: String,
    /// 0–100.
    pub percent: f64,
    /// The percentage for people.
    pub value: String,
    /// Where thresholds are, 0–100.
    pub marks: Vec<f64>,
    /// How it stands.
    pub state: State,
}

/// One piece of a [`Stack`].
#[derive(Debug, Clone)]
pub struct Part {
    /// What it is.
    pub label: String,
    /// For people.
    pub value: String,
    /// Where it starts, 0–100.
    pub start: f64,
    /// How much it is, 0–100.
    pub width: f64,
}

/// A bar of several parts; the n-th part has the n-th colour.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// What the whole is.
    pub label: String,
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// What is left of the whole, and how much that is for people: the empty end of the bar.
    pub rest: Option<(String, String)>,
}

impl Stack {
    /// From `(label, words, percent)`; the parts lie one behind the other, and end at 100.
    pub fn new(label: &str, parts: impl IntoIterator<Item = (String, String, f64)>) -> Self {
        let mut start = 0.0;
        let parts = parts
            .into_iter()
            .map(|(label, value, percent)| {
                let width = percent.clamp(0.0, 100.0 - start);
                let part = Part {
                    label,
                    value,
                    start,
                    width,
                };
                start += width;
                part
            })
            .collect();
        Self {
            label: label.to_owned(),
            parts,
            rest: None,
        }
    }
}

/// What a card draws beside its number.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Drawing {
    /// Nothing.
    #[default]
    None,
    /// An arc, 0–100, with thresholds on it.
    Gauge {
        /// 0–100.
        percent: f64,
        /// Where thresholds are.
        marks: Vec<f64>,
    },
    /// A bar, 0–100, with thresholds on it.
    Bar {
        /// 0–100.
        percent: f64,
        /// Where thresholds are.
        marks: Vec<f64>,
    },
}

/// A card: one metric of one host over its window in memory.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// Unique on the page and safe as an id; [`super::svg::short_id`] makes one.
    pub id: String,
    /// `CPU`, `Memory`.
    pub title: String,
    /// The newest value without its unit; a dash without data.
    pub current: String,
    /// The unit of `current`.
    pub unit: String,
    /// The newest value exactly, and when.
    pub exact: String,
    /// More words under the number: `5.9 of 15.6 GiB`; may be empty.
    pub detail: String,
    /// The window's smallest value.
    pub min: String,
    /// The window's mean.
    pub avg: String,
    /// The window's largest value.
    pub max: String,
    /// How many samples the window holds.
    pub samples: String,
    /// The newest values as an SVG path in a box of 120 × 32; see [`super::svg::line`].
    pub spark: String,
    /// Beside the number.
    pub drawing: Drawing,
    /// How it stands.
    pub state: State,
}

/// The newest value of a card, and its drawing: every second.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/figures.html")]
pub struct Figures<'a> {
    /// The card.
    pub card: &'a Card,
}

/// What the window of a card holds: every few seconds.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/stats.html")]
pub struct Stats<'a> {
    /// The card.
    pub card: &'a Card,
}

/// The sparkline of a card: every few seconds.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/spark.html")]
pub struct Spark<'a> {
    /// The card.
    pub card: &'a Card,
}
