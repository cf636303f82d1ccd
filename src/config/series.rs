//! `[series]`: how many there may be, and how long silent ones are remembered.

use std::time::Duration;

use super::{
    accept::{Span, Whole},
    table::Table,
};

/// The registry of series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The most series at once; samples of one more are refused and counted.
    pub max: usize,
    /// A series without a sample for this long is forgotten.
    pub idle: Duration,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            max: 10_000,
            idle: Duration::from_secs(86_400),
        }
    }
}

impl Series {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let series = Self {
            max: table.value("max", &Whole(1..=10_000_000), default.max),
            idle: table.value("idle", &Span::seconds(60, 365 * 86_400), default.idle),
        };
        table.close();
        series
    }
}
