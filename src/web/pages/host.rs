//! Everything of one host.

use askama::Template;

use super::{
    alerts::OpenAlerts,
    feed::ActivityLine,
    overview::HostView,
    shell::Shell,
    svg,
    view::{Bar, Drawing, Figure, Stack, State},
};

/// A disk or a network interface: two rates, and what else there is.
#[derive(Debug, Clone, Default)]
pub struct DeviceRow {
    /// Its name.
    pub name: String,
    /// Read, or received.
    pub input: String,
    /// Written, or sent.
    pub output: String,
    /// Both, newest last, as an SVG path in a box of 120 × 32.
    pub spark: String,
    /// Utilisation of a disk; errors and drops of an interface.
    pub note: String,
    /// How it stands.
    pub state: State,
}

/// A process.
#[derive(Debug, Clone, Default)]
pub struct ProcessRow {
    /// Its name, never its arguments.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// CPU, for people.
    pub cpu: String,
    /// 0–100, for the bar.
    pub cpu_percent: f64,
    /// Resident memory, for people.
    pub memory: String,
}

/// What the page of a host shows beside what the overview shows of it. Empty parts are not drawn.
#[derive(Debug, Clone, Default)]
pub struct HostDetail {
    /// One a core.
    pub cores: Vec<Bar>,
    /// User, system, waiting, …; of 100 %.
    pub modes: Stack,
    /// Used, cached, free; of all memory.
    pub memory: Stack,
    /// Beside the bar of memory: swap, committed, available.
    pub memory_figures: Vec<Figure>,
    /// Disks.
    pub disks: Vec<DeviceRow>,
    /// Network interfaces.
    pub interfaces: Vec<DeviceRow>,
    /// TCP: connections, retransmissions.
    pub tcp: Vec<Figure>,
    /// Stall of CPU, memory and I/O.
    pub pressure: Vec<Bar>,
    /// Temperatures.
    pub temperatures: Vec<Bar>,
    /// The busiest processes.
    pub processes: Vec<ProcessRow>,
}

macro_rules! detail_fragment {
    ($(#[$doc:meta])* $name:ident, $path:literal) => {
        $(#[$doc])*
        #[derive(Debug, Template)]
        #[template(path = $path)]
        pub struct $name<'a> {
            /// The detail.
            pub detail: &'a HostDetail,
        }
    };
}

detail_fragment!(
    /// Cores and modes.
    CpuFragment,
    "fragments/cpu.html"
);
detail_fragment!(
    /// Memory.
    MemoryFragment,
    "fragments/memory.html"
);
detail_fragment!(
    /// Disks.
    DisksFragment,
    "fragments/disks.html"
);
detail_fragment!(
    /// Interfaces and TCP.
    InterfacesFragment,
    "fragments/interfaces.html"
);
detail_fragment!(
    /// Pressure.
    PressureFragment,
    "fragments/pressure.html"
);
detail_fragment!(
    /// Temperatures.
    TemperaturesFragment,
    "fragments/temperatures.html"
);
detail_fragment!(
    /// The busiest processes.
    ProcessesFragment,
    "fragments/processes.html"
);

/// The page of a host.
#[derive(Debug, Template)]
#[template(path = "pages/host.html")]
pub struct HostPage {
    /// The frame.
    pub shell: Shell,
    /// What the overview shows of it.
    pub host: HostView,
    /// What it does not.
    pub detail: HostDetail,
    /// The open alerts of this host.
    pub open: OpenAlerts,
    /// What happened on this host.
    pub activity: Vec<ActivityLine>,
}
