//! The only place that knows everyone: builds the rooms, starts their tasks, stops them in order.

mod descriptors;
mod http;
pub mod listener;
mod refill;

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
    time::Duration,
};

use actix_server::ServerHandle;
use tokio::{sync::Semaphore, task::JoinHandle as Task};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    alerts::{self as engine, Engine},
    config::{self, Config},
    control::{Control, reload::Reload, status::Teller},
    model::{
        Activity, AlertEvent, AlertState, Clock, HostName, Reason, SourceId, Timestamp, Transition,
    },
    notify::{self, Notifier},
    pipeline::{self, Annotations, Closer, Live, Pipeline},
    replay::{self, scene::Frame},
    rules::Book,
    series::Registry,
    sources::{
        host::{HostOptions, HostSource},
        simulated::SimulatedSource,
        supervisor::{Action, Plan, Supervisor},
    },
    store::{self, OpenError, Past, Store, retention::Retention},
    stream::Stream,
    web::{
        connection::Door,
        limits::Limits,
        state::{Parts, State},
    },
    windows::Windows,
};

/// How long the streams may take to say goodbye.
const STREAMS_GRACE: Duration = Duration::from_secs(1);

/// How long each later part may take to end. The store gets more: what it has not written is lost.
const STAGE: Duration = Duration::from_millis(500);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A thread or the HTTP server could not be started.
    #[error("cannot start {what}")]
    Start {
        /// What.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// A running server.
pub struct App {
    address: SocketAddr,
    state: State,
    sources: Supervisor,
    store: Store,
    draining: CancellationToken,
    stop: CancellationToken,
    http: ServerHandle,
    serving: Task<io::Result<()>>,
    /// Without it the pipeline ends, and gives the store back.
    inlet: Closer,
    pipeline: JoinHandle<()>,
    replays: Task<()>,
    watching: Task<()>,
    telling: CancellationToken,
    notifying: Task<()>,
    store_threads: Vec<JoinHandle<()>>,
    shutdown_timeout: Duration,
}

impl App {
    /// Builds and starts everything; when it returns, requests are answered. `source` is where `config` was read from and is
    /// read again.
    pub async fn start(config: Config, source: config::Source) -> Result<Self, StartError> {
        let clock = Arc::new(Clock::default());
        let started = clock.now();
        let listener =
            listener::bind(config.server.listen).map_err(|source| StartError::Listen {
                address: config.server.listen,
                source,
            })?;
        let unstartable = |what| move |source| StartError::Start { what, source };
        let address = listener.local_addr().map_err(unstartable("the listener"))?;
        let (store, threads, past) =
            Store::open(&config.server.data, store_options(&config, started))?;
        let store_threads = start_store(threads).map_err(unstartable("the store's threads"))?;

        let draining = CancellationToken::new();
        let stop = CancellationToken::new();
        let stream = Stream::new(
            &config.stream,
            past.epoch,
            past.earlier.clone(),
            replay::archive(&store),
            draining.clone(),
        );
        let (registry, mut series) = Registry::new(config.series.max);
        let mut windows = Windows::new(config.windows.span, config.windows.points);
        let book = Book::new(
            config.rules.clone(),
            config.has_shipped_rules(),
            past.rules.clone(),
        );
        let mut engine = Engine::new(
            book.rules().to_vec(),
            rand::random(),
            config.alerts.restart_grace,
        );
        // Before what was silenced by them is looked at.
        let mut restored = engine.maintain(config.maintenance.clone(), started);
        restored.extend(restore(&mut engine, &past, started));
        refill::refill(
            &stream,
            &config.windows,
            book.rules(),
            &mut series,
            &mut windows,
            &mut engine,
            started,
        )
        .await;
        let annotations =
            Annotations::new(Retention::of(&config.store).longest(), past.annotations);
        let live = Live::new(
            windows,
            past.alerts.clone(),
            config.alerts.history,
            annotations,
            book,
        );
        live.maintain(config.maintenance.clone());
        let untold = refill::feed(&store, &live, started).await;
        let parts = pipeline::Parts {
            clock: clock.clone(),
            writer: series,
            engine,
            live: live.clone(),
            stream: stream.clone(),
            store: store.clone(),
            series_idle: config.series.idle,
        };
        let (pipeline, inlet) = Pipeline::new(parts, config.ingest.queue);
        pipeline.restored(restored);
        let replays = tokio::spawn(stream.replays().clone().run(stop.clone()));

        let sources = Supervisor::new(clock.clone(), inlet.clone(), plans(&config));
        let settings = notify::Settings::new(config.notify.clone(), format!("http://{address}"));
        let parts = notify::Parts {
            clock: clock.clone(),
            stream: stream.clone(),
            live: live.clone(),
            store: store.clone(),
            inlet: inlet.clone(),
            left: past.notifications,
            untold,
        };
        let (notifier, runner) = Notifier::new(settings, parts);
        let telling = CancellationToken::new();
        let notifying = tokio::spawn(runner.run(telling.clone()));
        let reload = Reload::new(
            clock.clone(),
            inlet.clone(),
            notifier.clone(),
            source,
            config.clone(),
        );
        let watching = tokio::spawn(reload.clone().run(stop.clone()));
        let control = Control::new(
            clock.clone(),
            inlet.clone(),
            sources.clone(),
            reload,
            notifier,
        );
        let closer = inlet.closer();
        if let Some(message) = past.notice {
            // There is room: nobody else has the inlet yet.
            let _ = inlet.activity(Activity::new("store", message, started));
        }
        let mut teller = Teller::new(
            clock.clone(),
            started,
            stream.clone(),
            inlet.clone(),
            sources.clone(),
        );
        let pipeline = std::thread::Builder::new()
            .name("pipeline".to_owned())
            .spawn(move || pipeline.run(|| teller.look()))
            .map_err(unstartable("the pipeline's thread"))?;
        let door = Door::new(clock.clone(), &stream, &config.stream);
        let mut server = config.server.clone();
        server.listen = address;
        server.max_connections = descriptors::allow(server.max_connections);
        let state = State::new(Parts {
            clock,
            started,
            limits: Limits::new(&server, &config.stream),
            server,
            websocket: config.websocket.clone(),
            known: Default::default(),
            ingest: config.ingest.clone(),
            live,
            stream: stream.clone(),
            registry,
            control,
            sources: sources.clone(),
            inlet,
            store: store.clone(),
            frame: Frame {
                span: config.windows.span,
                points: config.windows.points,
                series: config.series.max,
            },
            // It takes memory and a core, of which there may be two.
            trials: Arc::new(Semaphore::new(1)),
            door,
            streams: TaskTracker::new(),
            ready: AtomicBool::new(true),
        });
        let serving =
            http::serve(&config.server, listener, &state, &stop).map_err(unstartable("HTTP"))?;
        let http = serving.handle();
        let serving = tokio::spawn(serving);

        start_sources(&sources, &config).await;
        Ok(Self {
            address,
            state,
            sources,
            store,
            draining,
            stop,
            http,
            serving,
            inlet: closer,
            pipeline,
            replays,
            watching,
            telling,
            notifying,
            store_threads,
            shutdown_timeout: config.server.shutdown_timeout,
        })
    }

    /// Commands to it.
    pub fn control(&self) -> &Control {
        self.state.control()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: readiness off, streams told, HTTP ended, sources stopped, the pipeline emptied, the store flushed.
    pub async fn stop(self) {
        self.state.set_unready();
        self.draining.cancel();
        // Whoever does not read its goodbye by then is cut off by the end of HTTP.
        self.state.streams().close();
        let _ = tokio::time::timeout(STREAMS_GRACE, self.state.streams().wait()).await;
        let ended = tokio::time::timeout(self.shutdown_timeout, self.http.stop(true)).await;
        if ended.is_err() {
            self.http.stop(false).await;
        }
        let sources = self.sources;
        within(
            "the sources",
            STAGE,
            tokio::task::spawn_blocking(move || sources.stop_all()),
        )
        .await;
        self.stop.cancel();
        within("the turns of replays", STAGE, self.replays).await;
        within("the look at the configuration", STAGE, self.watching).await;
        drop(self.inlet);
        let emptied = tokio::task::spawn_blocking(|| end(self.pipeline));
        within("the pipeline", STAGE, emptied).await;
        // What it has not sent by now it sends in the next life.
        self.telling.cancel();
        within("telling people", STAGE, self.notifying).await;
        let (store, threads) = (self.store, self.store_threads);
        let now = self.state.now();
        let flushed = tokio::task::spawn_blocking(move || {
            store.close(now);
            threads.into_iter().for_each(end);
        });
        within("the store", STAGE * 4, flushed).await;
        self.serving.abort();
    }
}

fn store_options(config: &Config, now: Timestamp) -> store::Options {
    store::Options {
        now,
        suffix: rand::random(),
        history: config.alerts.history,
        queue_bytes: config.store.queue,
        retention: Retention::of(&config.store),
    }
}

/// Starts the threads of the store; the writer is the first.
fn start_store(threads: store::Threads) -> io::Result<Vec<JoinHandle<()>>> {
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let store::Threads {
        writer,
        compactor,
        readers,
    } = threads;
    let mut started = vec![named("store").spawn(move || writer.run())?];
    if let Some(compactor) = compactor {
        started.push(named("compactor").spawn(move || compactor.run())?);
    }
    for reader in readers {
        started.push(named("reader").spawn(move || reader.run())?);
    }
    Ok(started)
}

/// Waits for a thread; panics if it did.
fn end(thread: JoinHandle<()>) {
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Waits for a part to end, but not for ever; says so when it does not.
async fn within(what: &'static str, time: Duration, part: Task<()>) {
    match tokio::time::timeout(time, part).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(what, %error, "a part of the server did not end cleanly"),
        Err(_) => tracing::error!(
            what,
            "a part of the server did not end in time and is left behind"
        ),
    }
}

/// Takes over the engine's state from the last life; the events with which this one begins. An alert that the store
/// calls open and the engine does not know (what recorded its end was lost) is ended here: nothing else would.
fn restore(engine: &mut Engine, past: &Past, now: Timestamp) -> Vec<AlertEvent> {
    let mut events = Vec::new();
    if let Some((saved_at, text)) = &past.engine {
        match serde_json::from_str::<engine::State>(text) {
            Ok(saved) => events = engine.restore(saved, *saved_at, now),
            Err(error) => {
                tracing::error!(%error, "the saved state of the alerts cannot be read; they begin anew");
            }
        }
    }
    let known: HashSet<_> = engine.open().chain(&events).map(|alert| alert.id).collect();
    let lost = past
        .alerts
        .iter()
        .filter(|alert| alert.state.is_open() && !known.contains(&alert.id));
    let ended = lost.map(|alert| AlertEvent {
        state: AlertState::Resolved,
        transition: Transition::Resolved,
        reason: Some(Reason::SeriesGone),
        previous_level: None,
        value: None,
        threshold: None,
        timestamp: now,
        ..alert.clone()
    });
    let ended: Vec<_> = ended.collect();
    events.extend(ended);
    events
}

fn plans(config: &Config) -> Vec<Plan> {
    let host = config.sources.host.clone();
    let simulated = config.sources.simulated.clone();
    let options = HostOptions {
        name: host.name.clone().unwrap_or_else(machine_name),
        processes_interval: host.processes_interval,
        filesystems_interval: host.filesystems_interval,
    };
    vec![
        Plan {
            name: SourceId::new("host"),
            simulated: false,
            interval: host.interval,
            make: Box::new(move || Box::new(HostSource::new(options.clone()))),
        },
        Plan {
            name: SourceId::new("simulated"),
            simulated: true,
            interval: simulated.interval,
            make: Box::new(move || {
                Box::new(SimulatedSource::new(simulated.seed, simulated.interval))
            }),
        },
    ]
}

/// The machine's name, or `localhost` if it has none that can be a host's.
fn machine_name() -> HostName {
    let name = sysinfo::System::host_name().unwrap_or_default();
    HostName::parse(&name).unwrap_or_else(|_| {
        HostName::parse("localhost").unwrap_or_else(|_| unreachable!("localhost is a host name"))
    })
}

async fn start_sources(sources: &Supervisor, config: &Config) {
    let enabled = [
        ("host", config.sources.host.enabled),
        ("simulated", config.sources.simulated.enabled),
    ];
    let sources = sources.clone();
    let started = tokio::task::spawn_blocking(move || {
        for (name, enabled) in enabled {
            let action = if enabled { Action::Start } else { Action::Stop };
            if let Err(error) = sources.act(name, action) {
                tracing::error!(%error, "a source could not be started");
            }
        }
    });
    if let Err(error) = started.await {
        tracing::error!(%error, "the sources could not be started");
    }
}
