//! Runs the sources: each on a thread of its own, at its own interval, contained.
//!
//! A source that fails, or panics, is tried again after a growing delay (a minute at most) and never takes another
//! down. What a source is doing is in its [`SourceStatus`].

mod worker;

use std::{
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;

use self::worker::Worker;
use super::Source;
use crate::{
    model::{Activity, Clock, SourceId, Timestamp},
    pipeline::Inlet,
};

/// What a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    /// It measures.
    Running,
    /// It was stopped, or never started.
    Stopped,
    /// It is tried again and again.
    Failing,
}

/// A source as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: SourceId,
    /// What it is doing.
    pub state: Running,
    /// Its values are made up.
    pub simulated: bool,
    /// Seconds between two readings; none for what is pushed.
    pub interval_seconds: Option<f64>,
    /// Since when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Samples since the start of the server.
    pub samples: u64,
    /// Samples a second, over its newest readings.
    pub samples_per_second: f64,
}

/// A source that can be run: how it is made, and how often it measures.
pub struct Plan {
    /// Its name.
    pub name: SourceId,
    /// Its values are made up.
    pub simulated: bool,
    /// The time between two readings.
    pub interval: Duration,
    /// Makes a fresh one, at each start and after each panic.
    pub make: Box<dyn Fn() -> Box<dyn Source> + Send + Sync>,
}

/// There is no such source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no source {name:?}; there are {known}")]
pub struct UnknownSource {
    name: String,
    known: String,
}

/// Start or stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Let it measure.
    Start,
    /// Let it rest.
    Stop,
}

/// All sources; a cheap handle.
#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    clock: Arc<Clock>,
    inlet: Inlet,
    sources: Vec<Managed>,
    /// What is pushed is a source without a thread.
    push: Mutex<Progress>,
    /// One start or stop at a time, with what is told of it.
    acting: Mutex<()>,
}

struct Managed {
    plan: Arc<Plan>,
    progress: Arc<Mutex<Progress>>,
    thread: Mutex<Option<Thread>>,
}

struct Thread {
    stop: Sender<()>,
    handle: JoinHandle<()>,
}

/// What a source's thread tells.
#[derive(Debug, Default)]
struct Progress {
    running: bool,
    failing_since: Option<Timestamp>,
    last_error: Option<String>,
    samples: u64,
    rate: Rate,
}

/// Samples a second over about the last ten seconds.
#[derive(Debug, Default)]
struct Rate {
    begun: Option<Instant>,
    count: u64,
    before: Option<f64>,
}

impl Rate {
    const SPAN: Duration = Duration::from_secs(10);

    fn add(&mut self, count: u64) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.count += count;
        if begun.elapsed() >= Self::SPAN {
            self.before = Some(self.count as f64 / begun.elapsed().as_secs_f64());
            self.begun = Some(Instant::now());
            self.count = 0;
        }
    }

    fn per_second(&self) -> f64 {
        let Some(begun) = self.begun else { return 0.0 };
        let elapsed = begun.elapsed();
        let rate = match self.before {
            Some(before) if elapsed < Self::SPAN * 2 => before,
            _ => self.count as f64 / elapsed.as_secs_f64().max(1.0),
        };
        (rate * 10.0).round() / 10.0
    }
}

impl Supervisor {
    /// Of these sources; none is started. What is pushed is one more, and is.
    pub fn new(clock: Arc<Clock>, inlet: Inlet, plans: Vec<Plan>) -> Self {
        let managed = |plan| Managed {
            plan: Arc::new(plan),
            progress: Arc::default(),
            thread: Mutex::default(),
        };
        let push = Progress {
            running: true,
            ..Progress::default()
        };
        Self(Arc::new(Inner {
            clock,
            inlet,
            sources: plans.into_iter().map(managed).collect(),
            push: Mutex::new(push),
            acting: Mutex::default(),
        }))
    }

    /// All sources, as they are now.
    pub fn status(&self) -> Vec<SourceStatus> {
        let mut all: Vec<SourceStatus> = self
            .0
            .sources
            .iter()
            .map(|source| {
                source
                    .progress
                    .lock()
                    .status(&source.plan.name, Some(&source.plan))
            })
            .collect();
        all.push(
            self.0
                .push
                .lock()
                .status(&crate::pipeline::push_source(), None),
        );
        all
    }

    /// Starts or stops one; tells whether that changed anything. Waits for a stopped source's thread, so not for an
    /// async thread.
    pub fn act(&self, name: &str, action: Action) -> Result<bool, UnknownSource> {
        let _acting = self.0.acting.lock();
        let push = crate::pipeline::push_source();
        if name == push.as_str() {
            let wanted = action == Action::Start;
            let was = std::mem::replace(&mut self.0.push.lock().running, wanted);
            if was != wanted {
                self.tell(&push, action);
            }
            return Ok(was != wanted);
        }
        let found = self.0.sources.iter().find(|s| s.plan.name.as_str() == name);
        let source = found.ok_or_else(|| UnknownSource {
            name: name.chars().take(80).collect(),
            known: self.names(),
        })?;
        let changed = match action {
            Action::Start => source.start(&self.0.clock, &self.0.inlet),
            Action::Stop => source.stop(),
        };
        if changed {
            self.tell(&source.plan.name, action);
        }
        Ok(changed)
    }

    /// Whether pushed samples are taken.
    pub fn takes_pushes(&self) -> bool {
        self.0.push.lock().running
    }

    /// Pushed samples were taken.
    pub fn pushed(&self, samples: u64) {
        self.0.push.lock().took(samples);
    }

    /// Stops all and waits for their threads.
    pub fn stop_all(&self) {
        for source in &self.0.sources {
            source.stop();
        }
    }

    fn names(&self) -> String {
        let names = self.status().into_iter().map(|s| s.name.to_string());
        names.collect::<Vec<_>>().join(", ")
    }

    fn tell(&self, name: &SourceId, action: Action) {
        let (kind, word) = match action {
            Action::Start => ("source_started", "started"),
            Action::Stop => ("source_stopped", "stopped"),
        };
        let message = format!("source {name} {word}");
        let now = self.0.clock.now();
        let inlet = &self.0.inlet;
        inlet.activity_blocking(Activity::new(kind, message, now));
        inlet.source_acts_blocking(name.clone(), action == Action::Start);
    }
}

impl Managed {
    fn start(&self, clock: &Arc<Clock>, inlet: &Inlet) -> bool {
        let mut thread = self.thread.lock();
        if thread.is_some() {
            return false;
        }
        let (stop, stopped) = channel();
        let mut progress = self.progress.lock();
        *progress = Progress {
            running: true,
            samples: progress.samples,
            ..Progress::default()
        };
        drop(progress);
        let worker = Worker {
            plan: self.plan.clone(),
            clock: clock.clone(),
            inlet: inlet.clone(),
            progress: self.progress.clone(),
        };
        let spawned = std::thread::Builder::new()
            .name(format!("source-{}", self.plan.name))
            .spawn(move || worker.run(&stopped));
        match spawned {
            Ok(handle) => *thread = Some(Thread { stop, handle }),
            Err(error) => {
                self.progress.lock().failed(&error.to_string(), clock.now());
                return false;
            }
        }
        true
    }

    fn stop(&self) -> bool {
        let Some(thread) = self.thread.lock().take() else {
            return false;
        };
        drop(thread.stop);
        if thread.handle.join().is_err() {
            tracing::error!(source = %self.plan.name, "the source's thread panicked");
        }
        let mut progress = self.progress.lock();
        progress.running = false;
        progress.failing_since = None;
        progress.rate = Rate::default();
        true
    }
}

impl Progress {
    fn took(&mut self, samples: u64) {
        self.samples += samples;
        self.rate.add(samples);
    }

    fn failed(&mut self, error: &str, now: Timestamp) {
        self.failing_since.get_or_insert(now);
        self.last_error = Some(error.to_owned());
    }

    fn status(&self, name: &SourceId, plan: Option<&Arc<Plan>>) -> SourceStatus {
        let state = match (self.running, self.failing_since) {
            (false, _) => Running::Stopped,
            (true, None) => Running::Running,
            (true, Some(_)) => Running::Failing,
        };
        SourceStatus {
            name: name.clone(),
            state,
            simulated: plan.is_some_and(|p| p.simulated),
            interval_seconds: plan.map(|p| p.interval.as_secs_f64()),
            failing_since: self.failing_since,
            last_error: self.last_error.clone(),
            samples: self.samples,
            samples_per_second: self.rate.per_second(),
        }
    }
}
