//! What every handler can reach; a cheap handle, one for the whole server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpRequest, http::StatusCode};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{connection::Door, ingest::Caches, limits::Limits, problem::Problem};
use crate::{
    config::{Ingest, Server, WebSocket},
    control::Control,
    model::{Clock, Timestamp},
    pipeline::{Inlet, Live},
    replay::scene::Frame,
    series::Registry,
    sources::supervisor::Supervisor,
    store::Store,
    stream::{Stream, shard::Shard},
};

/// The parts that handlers use.
pub struct Parts {
    /// The clock everybody uses.
    pub clock: Arc<Clock>,
    /// When the server started.
    pub started: Timestamp,
    /// `[server]`
    pub server: Server,
    /// `[websocket]`
    pub websocket: WebSocket,
    /// `[ingest]`
    pub ingest: Ingest,
    /// The present.
    pub live: Live,
    /// The streaming core.
    pub stream: Stream,
    /// The series.
    pub registry: Registry,
    /// Commands.
    pub control: Control,
    /// The sources.
    pub sources: Supervisor,
    /// The way into the pipeline.
    pub inlet: Inlet,
    /// What remembers.
    pub store: Store,
    /// How large a page of the past may be.
    pub frame: Frame,
    /// What was pushed as text before.
    pub known: Caches,
    /// Rules that may be tried on the past at once.
    pub trials: Arc<Semaphore>,
    /// The terms on which streams are served.
    pub door: Door,
    /// How much of everything there may be.
    pub limits: Limits,
    /// The open streams, sockets and waits.
    pub streams: TaskTracker,
    /// Off as soon as the server begins to stop.
    pub ready: AtomicBool,
}

/// See the module.
#[derive(Clone)]
pub struct State(Arc<Parts>);

impl State {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The state of the server that a request came to.
    pub fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        request.app_data::<Self>().ok_or_else(missing)
    }

    /// The shard of the worker that a request came to.
    pub fn shard(request: &HttpRequest) -> Result<&Shard, Problem> {
        request.app_data::<Shard>().ok_or_else(missing)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The streaming core.
    pub fn stream(&self) -> &Stream {
        &self.0.stream
    }

    /// The present.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// Commands.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// The terms on which streams are served.
    pub fn door(&self) -> Door {
        self.0.door.clone()
    }

    /// The open streams, sockets and waits, each a task of its own on the worker that took it over.
    pub fn streams(&self) -> &TaskTracker {
        &self.0.streams
    }

    /// How much of everything there may be.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// `[websocket]`
    pub fn websocket(&self) -> &WebSocket {
        &self.0.websocket
    }

    /// All parts.
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// Whether requests should come here.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// Asks for no more requests.
    pub fn set_unready(&self) {
        self.0.ready.store(false, Ordering::Release);
    }
}

fn missing() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the server is not set up completely",
    )
}
