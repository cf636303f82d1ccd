//! Charts: what they show is handed to the page as data; a script draws it, and the server's line stands in until then.

use serde::Serialize;

use super::svg::{self, Scale};
use crate::model::Level;

/// A chart of one host.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// Unique on the page and safe as an id.
    pub id: String,
    /// `CPU`.
    pub title: String,
    /// The unit of its values, as on the wire.
    pub unit: String,
    /// Whose series it shows.
    pub host: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// The top of its scale where that is fixed (100 for percentages); otherwise it follows the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Its series; the n-th has the n-th colour.
    pub series: Vec<ChartSeries>,
    /// Lines across it.
    pub thresholds: Vec<ChartLine>,
    /// When the first value was measured, in unix milliseconds.
    pub start: i64,
    /// From one value to the next, in milliseconds: at least two of the source's intervals, so that no jitter of its
    /// clock is taken for a gap.
    pub step: i64,
    /// The time it shows, in unix milliseconds; none where that goes with the present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(i64, i64)>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// Lines.
    #[default]
    Line,
    /// Lines, filled below.
    Area,
    /// Columns; for few, wide steps.
    Bar,
}

/// A series of a chart.
#[derive(Debug, Clone, Serialize)]
pub struct ChartSeries {
    /// The metric.
    pub name: String,
    /// Its labels, sorted by name.
    pub labels: std::collections::BTreeMap<String, String>,
    /// For people.
    pub title: String,
    /// One a step from the chart's start; `null` where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// Samples in the newest step, whose mean goes on with those that come.
    #[serde(skip_serializing_if = "is_few")]
    pub newest: u32,
    /// Where samples are rarer than steps, a value holds until the next one unless that is more than so many steps away.
    #[serde(skip_serializing_if = "is_none")]
    pub holds: usize,
    /// The smallest and the largest in each step, where a step has several samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Vec<Option<(f64, f64)>>>,
    /// The values of the time before, of the same length, step by step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<Option<f64>>>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // what serde calls it with
fn is_few(count: &u32) -> bool {
    *count < 2
}

#[allow(clippy::trivially_copy_pass_by_ref)] // likewise
fn is_none(steps: &usize) -> bool {
    *steps == 0
}

/// A threshold as a line.
#[derive(Debug, Clone, Serialize)]
pub struct ChartLine {
    /// In the chart's unit.
    pub value: f64,
    /// Its level.
    pub level: Level,
}

impl Chart {
    /// The chart as JSON that may stand inside a `script` element.
    pub fn json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_default()
            .replace('<', "\\u003c")
    }

    /// What two drawings must have in common so that one can go on as the other: kind, unit and the top of the scale.
    pub fn like(&self) -> String {
        let top = self.max.map_or(String::new(), |max| max.to_string());
        format!("{:?} {} {top}", self.kind, self.unit)
    }

    /// Each series as an SVG path in a box of 300 × 100, on one scale.
    pub fn paths(&self) -> Vec<String> {
        let all: Vec<Option<f64>> = self
            .series
            .iter()
            .flat_map(|s| s.values.iter().copied())
            .collect();
        let scale = match self.max {
            Some(high) => Scale { low: 0.0, high },
            None => Scale::from_zero(&all),
        };
        self.series
            .iter()
            .map(|s| svg::line(&s.values, scale, 300.0, 100.0))
            .collect()
    }
}
