//! `[sources.*]`: what makes samples, and how often.

use std::time::Duration;

use crate::model::HostName;

use super::{
    accept::{Host, Span, Switch, Whole},
    table::Table,
};

/// The shortest and the longest time between two samples, in milliseconds.
const INTERVAL: (u64, u64) = (100, 3_600_000);

/// All sources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// This machine.
    pub host: HostSource,
    /// A machine and a shop that do not exist.
    pub simulated: SimulatedSource,
}

/// `[sources.host]`: this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSource {
    /// Whether it runs from the start.
    pub enabled: bool,
    /// The time between two samples.
    pub interval: Duration,
    /// What the host is called; none for the machine's own name.
    pub name: Option<HostName>,
    /// The time between two looks at the processes; never more often than `interval`.
    pub processes_interval: Duration,
    /// The time between two looks at the file systems; never more often than `interval`.
    pub filesystems_interval: Duration,
}

impl Default for HostSource {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(1),
            name: None,
            processes_interval: Duration::from_secs(5),
            filesystems_interval: Duration::from_secs(10),
        }
    }
}

/// `[sources.simulated]`: for demonstrations and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedSource {
    /// Whether it runs from the start.
    pub enabled: bool,
    /// The time between two samples.
    pub interval: Duration,
    /// The same seed makes the same samples.
    pub seed: u64,
}

impl Default for SimulatedSource {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: Duration::from_secs(1),
            seed: 1,
        }
    }
}

impl Sources {
    pub(super) fn read(table: Table<'_>, demo: bool) -> Self {
        let mut sources = Self {
            host: HostSource::read(table.child("host")),
            simulated: SimulatedSource::read(table.child("simulated")),
        };
        sources.simulated.enabled |= demo;
        table.close();
        sources
    }
}

impl HostSource {
    fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let interval = Span::millis(INTERVAL.0, INTERVAL.1);
        let host = Self {
            enabled: table.value("enabled", &Switch, default.enabled),
            interval: table.value("interval", &interval, default.interval),
            name: table.value("name", &Host, default.name),
            processes_interval: table.value(
                "processes_interval",
                &interval,
                default.processes_interval,
            ),
            filesystems_interval: table.value(
                "filesystems_interval",
                &interval,
                default.filesystems_interval,
            ),
        };
        table.close();
        host
    }
}

impl SimulatedSource {
    fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let interval = Span::millis(INTERVAL.0, INTERVAL.1);
        let simulated = Self {
            enabled: table.value("enabled", &Switch, default.enabled),
            interval: table.value("interval", &interval, default.interval),
            // TOML's integers end here.
            seed: table.value("seed", &Whole(0..=i64::MAX as u64), default.seed),
        };
        table.close();
        simulated
    }
}
