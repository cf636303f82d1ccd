//! Reading the configuration again while everything goes on: because its file changed, or somebody asked.
//!
//! A good one takes effect at once, as far as a running server can follow: rules, maintenance windows, channels and routes. What needs a
//! restart is named. One with a fault changes nothing; what is wrong with it is told to who asked, in the feed, in the log
//! and on the status page.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Faults, Source},
    model::{Activity, Clock, Person, Timestamp},
    notify::Notifier,
    pipeline::{Configured, Inlet},
};

/// How often it is looked whether the file has changed.
const LOOK: Duration = Duration::from_secs(1);

/// What came of reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// When it was read.
    pub at: Timestamp,
    /// The rules that are now in effect of it, or what is wrong with it.
    pub result: Result<Report, Faults>,
}

/// A configuration that took effect.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// The rules in it.
    pub rules: usize,
    /// Whether anything is not as it was before.
    pub changed: bool,
    /// The sections that differ from what the server was started with, and take effect with a restart.
    pub needs_restart: Vec<&'static str>,
}

/// See the module; a cheap handle.
#[derive(Clone)]
pub struct Reload(Arc<Inner>);

struct Inner {
    clock: Arc<Clock>,
    inlet: Inlet,
    notifier: Notifier,
    source: Source,
    /// What the server was started with.
    started: Config,
    state: Mutex<State>,
}

struct State {
    /// What is in effect.
    current: Config,
    outcome: Outcome,
}

/// By what a file is seen to have changed; none if it cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

impl Reload {
    /// Of a server that was started with `started`, read from `source`.
    pub fn new(
        clock: Arc<Clock>,
        inlet: Inlet,
        notifier: Notifier,
        source: Source,
        started: Config,
    ) -> Self {
        let report = Report {
            rules: started.rules.len(),
            changed: false,
            needs_restart: Vec::new(),
        };
        let state = State {
            current: started.clone(),
            outcome: Outcome {
                at: clock.now(),
                result: Ok(report),
            },
        };
        Self(Arc::new(Inner {
            clock,
            inlet,
            notifier,
            source,
            started,
            state: Mutex::new(state),
        }))
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.0.source.file.as_deref()
    }

    /// What came of it last.
    pub fn outcome(&self) -> Outcome {
        self.0.state.lock().outcome.clone()
    }

    /// Reads it again, on a thread that may wait for a disk.
    pub async fn reload(&self, by: Person) -> Outcome {
        let reload = self.clone();
        let done = tokio::task::spawn_blocking(move || reload.read(&by)).await;
        done.unwrap_or_else(|_| self.outcome())
    }

    fn read(&self, by: &Person) -> Outcome {
        let inner = &*self.0;
        // One at a time: what is read later takes effect later.
        let mut state = inner.state.lock();
        let at = inner.clock.now();
        let result = inner.source.load().map(|config| {
            let changed = config != state.current;
            let report = Report {
                rules: config.rules.len(),
                changed,
                needs_restart: inner.started.needs_restart(&config),
            };
            if changed {
                self.put_into_effect(&config, by, at, &report);
                state.current = config;
            }
            report
        });
        if let Err(faults) = &result {
            tracing::error!(%faults, %by, "the configuration has faults; the one before stays in effect");
            let first = faults.iter().next().map(ToString::to_string);
            let more = match faults.iter().len() {
                1 => String::new(),
                many => format!(" (and {} more)", many - 1),
            };
            let first = first.unwrap_or_default();
            let message = format!(
                "the configuration has a fault, and the one before stays in effect: {first}{more}"
            );
            self.tell("config_refused", message, at);
        }
        state.outcome = Outcome { at, result };
        state.outcome.clone()
    }

    fn put_into_effect(&self, config: &Config, by: &Person, at: Timestamp, report: &Report) {
        let restart = match report.needs_restart.is_empty() {
            true => String::new(),
            false => format!(
                "; with a restart also that of [{}]",
                report.needs_restart.join("], [")
            ),
        };
        let message = format!(
            "the configuration was read again by {by}: {} rules{restart}",
            report.rules
        );
        tracing::info!("{message}");
        let configured = Configured {
            rules: config.rules.clone(),
            is_shipped: config.has_shipped_rules(),
            maintenance: config.maintenance.clone(),
        };
        // A thread that may wait: nothing of it is lost when there is no room for now.
        self.0.inlet.configured_blocking(configured);
        self.0.notifier.configure(config.notify.clone());
        self.tell("config_reloaded", message, at);
    }

    fn tell(&self, kind: &str, message: String, at: Timestamp) {
        let activity = Activity::new(kind, message, at);
        self.0.inlet.activity_blocking(activity);
    }

    /// Reads it again whenever its file has changed, and has stayed as it is for a moment.
    pub async fn run(self, stop: CancellationToken) {
        let Some(file) = self.0.source.file.clone() else {
            return;
        };
        let by = Person::parse("a change of its file").unwrap_or_else(Person::nobody);
        let mut known = stamp(file.clone()).await;
        let mut changing = known;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = stamp(file.clone()).await;
            // An editor may take it away for a moment, or be in the middle of it.
            if now != known && now == changing && now.is_some() {
                known = now;
                self.reload(by.clone()).await;
            }
            changing = now;
        }
    }
}

async fn stamp(file: std::path::PathBuf) -> Stamp {
    let look = move || {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}
