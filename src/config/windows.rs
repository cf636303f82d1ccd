//! `[windows]`: the newest samples of each series, kept in memory.

use std::time::Duration;

use super::{
    accept::{Span, Whole},
    table::Table,
};

/// The rolling window of each series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// How far back it reaches.
    pub span: Duration,
    /// The most samples kept for each series; the oldest go first.
    pub points: usize,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            span: Duration::from_secs(600),
            points: 600,
        }
    }
}

impl Windows {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let windows = Self {
            span: table.value("span", &Span::seconds(1, 86_400), default.span),
            points: table.value("points", &Whole(1..=100_000), default.points),
        };
        table.close();
        windows
    }
}
