//! `[alerts]`: the engine as a whole; what it watches is in the rules.

use std::time::Duration;

use super::{
    accept::{Span, Whole},
    table::Table,
};

/// The threshold engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Hold times go on over a restart that takes less than this.
    pub restart_grace: Duration,
    /// Resolved alerts kept; the oldest go first.
    pub history: usize,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            restart_grace: Duration::from_secs(300),
            history: 1000,
        }
    }
}

impl Alerts {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let alerts = Self {
            restart_grace: table.value(
                "restart_grace",
                &Span::seconds(0, 86_400),
                default.restart_grace,
            ),
            history: table.value("history", &Whole(0..=1_000_000), default.history),
        };
        table.close();
        alerts
    }
}
