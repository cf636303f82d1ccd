//! The state of the server, told to those who follow it: when something in it changes, at most once a second.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    model::{Activity, Clock, Timestamp},
    pipeline::Inlet,
    sources::supervisor::{Running, SourceStatus, Supervisor},
    stream::Stream,
};

/// What a `status` event says.
#[derive(Serialize)]
struct Told<'a> {
    clients: usize,
    started: Timestamp,
    version: &'static str,
    sources: &'a [SourceStatus],
    timestamp: Timestamp,
}

/// What must change for another one: everything but what changes all the time.
#[derive(PartialEq)]
struct Essence {
    clients: usize,
    sources: Vec<(Running, Option<String>)>,
}

/// Watches and tells.
pub struct Teller {
    clock: Arc<Clock>,
    started: Timestamp,
    stream: Stream,
    /// The way into the feed.
    inlet: Inlet,
    sources: Supervisor,
    /// What was told last.
    known: Option<Essence>,
}

impl Teller {
    /// One that has told nothing yet.
    pub fn new(
        clock: Arc<Clock>,
        started: Timestamp,
        stream: Stream,
        inlet: Inlet,
        sources: Supervisor,
    ) -> Self {
        Self {
            clock,
            started,
            stream,
            inlet,
            sources,
            known: None,
        }
    }

    /// Looks for changes, and tells what there are.
    pub fn look(&mut self) {
        let sources = self.sources.status();
        let clients = self.stream.counters().clients();
        let essence = Essence {
            clients,
            sources: sources
                .iter()
                .map(|s| (s.state, s.last_error.clone()))
                .collect(),
        };
        if self.known.as_ref() == Some(&essence) {
            return;
        }
        if self.known.as_ref().is_some_and(|k| k.clients != clients) {
            self.tell_clients(clients);
        }
        self.known = Some(essence);
        let told = Told {
            clients,
            started: self.started,
            version: env!("CARGO_PKG_VERSION"),
            sources: &sources,
            timestamp: self.clock.now(),
        };
        let json = serde_json::to_string(&told).unwrap_or_default();
        let fields = json.trim_start_matches('{').trim_end_matches('}');
        self.stream.set_status(format!(",{fields}"));
    }

    fn tell_clients(&self, clients: usize) {
        let plural = if clients == 1 { "client" } else { "clients" };
        let message = format!("{clients} {plural} connected");
        let now = self.clock.now();
        // A full inlet has more important things in it.
        let _ = self.inlet.activity(Activity::new("clients", message, now));
    }
}
