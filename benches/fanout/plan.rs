//! What one run is to do and what it found: the words that the program and its load process exchange.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A server that is measured.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A loop of one `write(2)` for each client and tick: what no server can be below.
    Floor,
    /// tickwire's `GET /api/events/metrics`.
    TickwireSse,
    /// tickwire's `GET /ws`, subscribed to metrics.
    TickwireWs,
    /// nginx with nchan, as Debian ships them.
    Nchan,
    /// axum's `Sse` over `tokio::sync::broadcast`.
    Axum,
    /// actix-web-lab's `sse` over `tokio::sync::broadcast`.
    Lab,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 6] = [
        Self::Floor,
        Self::TickwireSse,
        Self::TickwireWs,
        Self::Nchan,
        Self::Axum,
        Self::Lab,
    ];
    /// Those that are somebody else's.
    pub const OTHERS: [Self; 3] = [Self::Nchan, Self::Axum, Self::Lab];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::TickwireSse => "tickwire SSE",
            Self::TickwireWs => "tickwire WebSocket",
            Self::Nchan => "nchan (nginx)",
            Self::Axum => "axum Sse + broadcast",
            Self::Lab => "actix-web-lab sse + broadcast",
        }
    }
}

/// The order for one load process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub server: Kind,
    pub address: SocketAddr,
    /// The processes whose CPU time and memory count as the server's.
    pub pids: Vec<u32>,
    /// Clients that read.
    pub clients: usize,
    /// Further clients that connect and then never read.
    pub stalled: usize,
    /// Clients that come and as many that go, in a second, beside the others.
    pub churn: u32,
    /// Different filters among the clients; 1 is none at all. Only tickwire knows filters.
    pub views: usize,
    /// Samples in a tick.
    pub samples: u32,
    /// Ticks a second in the paced part.
    pub rate: f64,
    /// Ticks before anything is measured, one right after the other.
    pub warmup: u32,
    /// Ticks of the paced part.
    pub ticks: u32,
    /// The paced part ends after this long even if ticks are left, but not before the third tick.
    pub paced_seconds: f64,
    /// How long ticks are published one right after the other at the end; 0 leaves it out.
    pub saturated_seconds: f64,
}

/// What a load process measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// From the first connect to the head of the last answer.
    pub accept_seconds: f64,
    /// Bytes read for each event in the paced part, framing of HTTP or WebSocket included.
    pub bytes_per_event: f64,
    pub paced: Part,
    pub saturated: Part,
    /// Delays from before the write of the publishing POST to after the read that brought a client the last event of the
    /// tick, in microseconds; of the paced part, over all reading clients and ticks.
    pub latency: Latency,
    /// Ticks of the paced part that began more than a tenth of a period late, because the tick before was not through.
    pub late_ticks: u32,
    /// Events that a reading client did not get.
    pub lost: u64,
    /// Events that a reading client got twice or out of order.
    pub doubled: u64,
    /// Connections that ended or answered something else than a stream.
    pub broken: u64,
    /// Clients that came and clients that went while ticks went on.
    pub joined: u64,
    pub left: u64,
    /// Publishing POSTs that were not answered with 2xx.
    pub refused: u64,
    pub memory: Memory,
    /// CPU time that neither server nor load used, as a share of the machine, over the paced and saturated parts.
    pub foreign_share: f64,
}

impl Outcome {
    /// Whether every client got every event once.
    pub fn is_complete(&self) -> bool {
        self.lost + self.doubled + self.broken + self.refused == 0 && self.paced.events > 0
    }
}

/// A stretch of ticks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    pub ticks: u32,
    /// Events delivered, over all clients.
    pub events: u64,
    pub seconds: f64,
    /// CPU time of the server, user and system, in microseconds for each event delivered.
    pub cpu_us_per_event: f64,
    /// Events delivered in a second.
    pub events_per_second: f64,
}

/// Delays in microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Memory in KiB for each connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Resident memory of the server: connected, nothing sent yet.
    pub idle: f64,
    /// Resident memory of the server after all ticks.
    pub used: f64,
    /// The kernel's pages of TCP buffers and its slab, both ends of the connection, connected and idle.
    pub kernel: f64,
}
