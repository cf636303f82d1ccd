//! `[server]`: where it listens, where it keeps its data, who may ask.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{
    accept::{
        Accept, Address, Addresses, AllowedHost, ListOf, Network, Origin, Path, Raw, Size, Span,
        Switch, Whole,
    },
    fault::Fault,
    overrides::{COMMAND_LINE, Overrides},
    table::Table,
    walk::Walk,
};

/// The HTTP server and its data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address and port it listens on; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The directory of everything it keeps. Relative ones count from the working directory.
    pub data: PathBuf,
    /// Threads that serve; 0 for one a core.
    pub workers: usize,
    /// The most connections at once, over all workers.
    pub max_connections: usize,
    /// Likewise, from one address.
    pub max_connections_per_address: usize,
    /// Requests a second that one address may go on with for ever.
    pub requests_per_second: u32,
    /// Requests that one address may send at once.
    pub request_burst: u32,
    /// The largest head of a request, in bytes: its line and headers.
    pub max_head: usize,
    /// Addresses of which one speaks for many: limits of one address are not for them.
    pub unlimited_addresses: Vec<Network>,
    /// `Host` headers taken besides loopback names and the address listened on; lower case, without port.
    pub allowed_hosts: Vec<String>,
    /// Origins taken besides the server's own; lower case.
    pub allowed_origins: Vec<String>,
    /// Whether to listen beyond loopback although nobody is asked who they are.
    pub allow_unauthenticated: bool,
    /// How long a stop waits for what is under way.
    pub shutdown_timeout: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            data: PathBuf::from("data"),
            workers: 0,
            max_connections: 25_000,
            max_connections_per_address: 1000,
            requests_per_second: 200,
            request_burst: 1000,
            max_head: 32 << 10,
            unlimited_addresses: ["127.0.0.0/8", "::1"]
                .into_iter()
                .filter_map(Network::parse)
                .collect(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            allow_unauthenticated: false,
            shutdown_timeout: Duration::from_secs(2),
        }
    }
}

impl Server {
    pub(super) fn read(walk: &Walk<'_>, table: Table<'_>, overrides: &Overrides) -> Self {
        let default = Self::default();
        let mut server = Self {
            listen: table.value("listen", &Address, default.listen),
            data: table.value("data", &Path, default.data),
            workers: table.value("workers", &Whole(0..=256), default.workers),
            max_connections: table.value(
                "max_connections",
                &Whole(1..=1_000_000),
                default.max_connections,
            ),
            max_connections_per_address: table.value(
                "max_connections_per_address",
                &Whole(1..=1_000_000),
                default.max_connections_per_address,
            ),
            requests_per_second: table.value(
                "requests_per_second",
                &Whole(1..=1_000_000),
                default.requests_per_second,
            ),
            request_burst: table.value(
                "request_burst",
                &Whole(1..=1_000_000),
                default.request_burst,
            ),
            max_head: table.value("max_head", &Size(1 << 10..=128 << 10), default.max_head),
            unlimited_addresses: table.value(
                "unlimited_addresses",
                &ListOf(Addresses),
                default.unlimited_addresses,
            ),
            allowed_hosts: table.value(
                "allowed_hosts",
                &ListOf(AllowedHost),
                default.allowed_hosts,
            ),
            allowed_origins: table.value(
                "allowed_origins",
                &ListOf(Origin),
                default.allowed_origins,
            ),
            allow_unauthenticated: table.value(
                "allow_unauthenticated",
                &Switch,
                default.allow_unauthenticated,
            ),
            shutdown_timeout: table.value(
                "shutdown_timeout",
                &Span::millis(100, 300_000),
                default.shutdown_timeout,
            ),
        };
        if let Some(data) = &overrides.data {
            server.data.clone_from(data);
        }
        server.listen_knowingly(walk, &table, overrides);
        table.close();
        server
    }

    /// Takes `--listen`, and refuses an address that others can reach unless that is said to be meant.
    fn listen_knowingly(&mut self, walk: &Walk<'_>, table: &Table<'_>, overrides: &Overrides) {
        let refuse = |accepted: String| match &overrides.listen {
            Some(text) => {
                let found = format!("{text:?}");
                walk.fault(Fault::new(COMMAND_LINE, None, "--listen", &found, accepted));
            }
            None => table.refuse("listen", accepted),
        };
        if let Some(text) = &overrides.listen {
            match Address.read(Raw::Text(text)) {
                Some(address) => self.listen = address,
                None => return refuse(Address.accepted()),
            }
        }
        if !self.listen.ip().to_canonical().is_loopback() && !self.allow_unauthenticated {
            refuse(
                "a loopback address, like 127.0.0.1:8080 or [::1]:8080: on any other, whoever reaches the machine \
                 could read everything and send commands, since nobody is asked who they are; \
                 server.allow_unauthenticated = true allows that knowingly"
                    .to_owned(),
            );
        }
    }
}
