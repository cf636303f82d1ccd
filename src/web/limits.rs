//! Limits: who gets a place, who is refused, and how often that was. Every limit is a key of the configuration, which
//! its error names and its counter is labelled with.
//!
//! - `addresses`: what each address has open, and how much it asks
//! - [`gate`]: where requests are held to theirs
//!
//! A place is a value that gives itself back when it is dropped: a [`Permit`] lives as long as its connection, also
//! after that was taken over; a [`Place`] as long as its stream, socket or wait.

mod addresses;
pub mod gate;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;

pub use self::addresses::Account;
use self::addresses::{Addresses, Caller, Rate};
use super::problem::Problem;
use crate::config;

/// What there is a limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Connections of all kinds.
    Connections,
    /// Those from one address.
    ConnectionsPerAddress,
    /// Requests a second from one address.
    Requests,
    /// The bytes before a request's body.
    Head,
    /// Streams, sockets and waits.
    Clients,
    /// Requests that wait for a condition.
    Waits,
    /// Pages of the past that are played back.
    Playbacks,
    /// Different views.
    Views,
    /// The bytes of a request's body.
    Body,
    /// These unpacked.
    Unpacked,
    /// The bytes of a socket's frame.
    Frame,
    /// A socket's subscriptions.
    Subscriptions,
    /// A socket's commands a second.
    Commands,
}

impl Limit {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Requests,
        Self::Head,
        Self::Clients,
        Self::Waits,
        Self::Playbacks,
        Self::Views,
        Self::Body,
        Self::Unpacked,
        Self::Frame,
        Self::Subscriptions,
        Self::Commands,
    ];

    /// The key that sets it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Connections => "server.max_connections",
            Self::ConnectionsPerAddress => "server.max_connections_per_address",
            Self::Requests => "server.requests_per_second",
            Self::Head => "server.max_head",
            Self::Clients => "stream.max_clients",
            Self::Waits => "stream.max_waits",
            Self::Playbacks => "stream.max_playbacks",
            Self::Views => "stream.max_views",
            Self::Body => "ingest.max_body",
            Self::Unpacked => "ingest.max_decompressed",
            Self::Frame => "websocket.max_frame",
            Self::Subscriptions => "websocket.max_subscriptions",
            Self::Commands => "websocket.commands_per_second",
        }
    }
}

/// Refused connections that are told so at once; any more are closed without a word.
pub const FAREWELLS: usize = 256;

/// The limits of the server; a cheap handle.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: config::Server,
    /// Streams, sockets and waits, at most; fewer than wanted if they would leave no connections for requests.
    max_clients: usize,
    wanted_clients: usize,
    max_waits: usize,
    max_playbacks: usize,
    connections: AtomicUsize,
    clients: AtomicUsize,
    waits: AtomicUsize,
    playbacks: AtomicUsize,
    farewells: AtomicUsize,
    addresses: Mutex<Addresses>,
    refused: [AtomicU64; Limit::ALL.len()],
}

impl Limits {
    /// Those of the configuration.
    pub fn new(server: &config::Server, stream: &config::Stream) -> Self {
        let reserve = server.max_connections.div_ceil(10);
        let left = (server.max_connections - reserve).max(1);
        let rate = Rate::new(server.requests_per_second, server.request_burst);
        let addresses = Addresses::new(rate, server.max_connections_per_address, Instant::now());
        Self(Arc::new(Inner {
            server: server.clone(),
            max_clients: stream.max_clients.min(left),
            wanted_clients: stream.max_clients,
            max_waits: stream.max_waits,
            max_playbacks: stream.max_playbacks,
            connections: AtomicUsize::new(0),
            clients: AtomicUsize::new(0),
            waits: AtomicUsize::new(0),
            playbacks: AtomicUsize::new(0),
            farewells: AtomicUsize::new(0),
            addresses: Mutex::new(addresses),
            refused: Default::default(),
        }))
    }

    /// The largest head of a request, in bytes.
    pub fn max_head(&self) -> usize {
        self.0.server.max_head
    }

    /// Lets a connection in, or says why not.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<Permit, Problem> {
        let Some(place) = Taken::new(&self.0, |i| &i.connections, self.0.server.max_connections)
        else {
            let max = self.0.server.max_connections;
            return Err(self.refuse(Limit::Connections, &format!("{max} connections are open")));
        };
        let caller = self.caller(address);
        if let Some(caller) = caller
            && !self.0.addresses.lock().connect(caller)
        {
            let max = self.0.server.max_connections_per_address;
            let detail = format!("{max} connections of your address are open");
            return Err(self.refuse(Limit::ConnectionsPerAddress, &detail));
        }
        Ok(Permit { caller, place })
    }

    /// Lets a request through, or says when to come back.
    pub fn request(&self, address: Option<IpAddr>, account: Account) -> Result<(), Problem> {
        let Some(caller) = self.caller(address) else {
            return Ok(());
        };
        let now = Instant::now();
        let asked = self.0.addresses.lock().request(caller, account, now);
        asked.map_err(|wait| {
            let server = &self.0.server;
            let detail = format!(
                "your address may ask {} times a second, {} times at once",
                server.requests_per_second, server.request_burst
            );
            let seconds = wait.as_secs_f64().ceil() as u32;
            self.refuse(Limit::Requests, &detail).retry_after(seconds)
        })
    }

    /// A place for a stream, a socket or a wait.
    pub fn client(&self) -> Result<Place, Problem> {
        let max = self.0.max_clients;
        Taken::new(&self.0, |i| &i.clients, max)
            .map(|taken| Place { _taken: taken })
            .ok_or_else(|| {
                let mut detail = format!("{max} streams, sockets and waits are open");
                if max < self.0.wanted_clients {
                    detail.push_str(" (nine tenths of server.max_connections)");
                }
                self.refuse(Limit::Clients, &detail)
            })
    }

    /// A place for a wait: one of its own, and one among the clients, who leave connections for requests.
    pub fn wait(&self) -> Result<[Place; 2], Problem> {
        let max = self.0.max_waits;
        let Some(taken) = Taken::new(&self.0, |i| &i.waits, max) else {
            return Err(self.refuse(
                Limit::Waits,
                &format!("{max} requests wait for a condition"),
            ));
        };
        Ok([Place { _taken: taken }, self.client()?])
    }

    /// A place for a page of the past that is played back, or drawn: each holds windows of its own.
    pub fn playback(&self) -> Result<Place, Problem> {
        let max = self.0.max_playbacks;
        Taken::new(&self.0, |i| &i.playbacks, max)
            .map(|taken| Place { _taken: taken })
            .ok_or_else(|| {
                let detail = format!("{max} pages of the past are open");
                self.refuse(Limit::Playbacks, &detail)
            })
    }

    /// A place among those who are told why they are refused.
    pub fn farewell(&self) -> Option<Place> {
        let taken = Taken::new(&self.0, |i| &i.farewells, FAREWELLS)?;
        Some(Place { _taken: taken })
    }

    /// What is said to a head that is too long.
    pub fn head_too_large(&self) -> Problem {
        let max = self.max_head();
        let detail = format!("the request's head is over {max} bytes, or has over 96 headers");
        self.refuse(Limit::Head, &detail)
    }

    /// Counts a refusal and puts it into words; `detail` is what is the case.
    pub fn refuse(&self, limit: Limit, detail: &str) -> Problem {
        self.count(limit);
        Problem::limit(limit, detail)
    }

    /// Counts a refusal that is told in another way than by a problem.
    pub fn count(&self, limit: Limit) {
        self.0.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each limit has refused something.
    pub fn refused(&self) -> impl Iterator<Item = (Limit, u64)> {
        let counted = |limit: Limit| self.0.refused[limit as usize].load(Ordering::Relaxed);
        Limit::ALL
            .into_iter()
            .map(move |limit| (limit, counted(limit)))
    }

    /// Open connections of all kinds.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Requests that wait for a condition.
    pub fn waits(&self) -> usize {
        self.0.waits.load(Ordering::Relaxed)
    }

    /// Pages of the past that are played back.
    pub fn playbacks(&self) -> usize {
        self.0.playbacks.load(Ordering::Relaxed)
    }

    /// Addresses that something is remembered about.
    pub fn addresses(&self) -> usize {
        self.0.addresses.lock().count(Instant::now())
    }

    /// Who is limited at this address; `None` is nobody.
    fn caller(&self, address: Option<IpAddr>) -> Option<Caller> {
        let address = address?;
        let unlimited = &self.0.server.unlimited_addresses;
        let limited = !unlimited.iter().any(|network| network.contains(address));
        limited.then(|| Caller::of(address))
    }
}

/// One of so many places.
struct Taken {
    of: Arc<Inner>,
    counter: fn(&Inner) -> &AtomicUsize,
}

impl Taken {
    fn new(of: &Arc<Inner>, counter: fn(&Inner) -> &AtomicUsize, max: usize) -> Option<Self> {
        let free = |taken| (taken < max).then_some(taken + 1);
        let taken = counter(of).fetch_update(Ordering::AcqRel, Ordering::Acquire, free);
        taken.is_ok().then(|| Self {
            of: of.clone(),
            counter,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        (self.counter)(&self.of).fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection's place; goes with its socket.
pub struct Permit {
    caller: Option<Caller>,
    place: Taken,
}

impl Permit {
    /// What it is of.
    pub fn limits(&self) -> Limits {
        Limits(self.place.of.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(caller) = self.caller {
            let now = Instant::now();
            self.place.of.addresses.lock().disconnect(caller, now);
        }
    }
}

/// Another place, of a stream, a socket, a wait or somebody who is told goodbye.
pub struct Place {
    _taken: Taken,
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Permit").field(&self.caller).finish()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}
