//! Reading the configuration again while everything goes on: because its file changed, or somebody asked.
//!
//! A good one takes effect at once, as far as a running server can follow: rules, maintenance windows, channels and routes. What needs a
//! restart is named. One with a fault changes nothing; what is wrong with it is told to who asked, in the feed, in the log
//! and on the status page.
//!
//! Reading may take for ever: a file may be on a disk that is gone, a secret in a pipe that nobody writes to. That holds up whoever
//! waits for this reading or the next, and nobody else: it has a thread of its own, what came of the last one can be asked for
//! meanwhile, and a stop does not wait for it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard},
};
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
    /// What is in effect. Whoever reads it again has this meanwhile, so that what is read later takes effect later.
    current: Arc<AsyncMutex<Config>>,
    /// What came of it last; held for a moment only.
    outcome: Mutex<Outcome>,
    /// Somebody wants it read, and does not wait for it.
    asked: Notify,
    /// Whose threads may wait for a disk. Of the runtimes only this one is not waited for by a stop.
    runtime: Handle,
}

/// By what a file is seen to have changed; none if it cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

impl Reload {
    /// Of a server that was started with `started`, read from `source`; on the program's own runtime.
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
        let outcome = Outcome {
            at: clock.now(),
            result: Ok(report),
        };
        Self(Arc::new(Inner {
            clock,
            inlet,
            notifier,
            source,
            current: Arc::new(AsyncMutex::new(started.clone())),
            started,
            outcome: Mutex::new(outcome),
            asked: Notify::new(),
            runtime: Handle::current(),
        }))
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.0.source.file.as_deref()
    }

    /// What came of it last.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome.lock().clone()
    }

    /// Has it read again soon, because of SIGHUP.
    pub fn ask(&self) {
        self.0.asked.notify_one();
    }

    /// Reads it again, when those who asked before have been served.
    pub async fn reload(&self, by: Person) -> Outcome {
        let current = self.0.current.clone().lock_owned().await;
        let reload = self.clone();
        let read = move || reload.read(current, &by);
        let done = self.0.runtime.spawn_blocking(read).await;
        done.unwrap_or_else(|_| self.outcome())
    }

    fn read(&self, mut current: OwnedMutexGuard<Config>, by: &Person) -> Outcome {
        let inner = &*self.0;
        let at = inner.clock.now();
        let mut news = None;
        let result = match inner.source.load() {
            Ok(config) => {
                let changed = config != *current;
                let report = Report {
                    rules: config.rules.len(),
                    changed,
                    needs_restart: inner.started.needs_restart(&config),
                };
                if changed {
                    self.put_into_effect(&config);
                    news = Some(("config_reloaded", reloaded(&report, by)));
                    *current = config;
                }
                Ok(report)
            }
            Err(faults) => {
                tracing::error!(%faults, %by, "the configuration has faults; the one before stays in effect");
                news = Some(("config_refused", refused(&faults)));
                Err(faults)
            }
        };
        let outcome = Outcome { at, result };
        // Before anybody hears of it.
        *inner.outcome.lock() = outcome.clone();
        if let Some((kind, message)) = news {
            inner
                .inlet
                .activity_blocking(Activity::new(kind, message, at));
        }
        outcome
    }

    fn put_into_effect(&self, config: &Config) {
        let configured = Configured {
            rules: config.rules.clone(),
            is_shipped: config.has_shipped_rules(),
            maintenance: config.maintenance.clone(),
        };
        // A thread that may wait: nothing of it is lost when there is no room for now.
        self.0.inlet.configured_blocking(configured);
        self.0.notifier.configure(config.notify.clone());
    }

    /// Reads it again whenever its file has changed, or somebody has asked.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let person = |name| Person::parse(name).unwrap_or_else(Person::nobody);
        let mut changes = Changes::of(self.file()).await;
        loop {
            let by = tokio::select! {
                () = self.0.asked.notified() => "SIGHUP",
                () = changes.next() => "a change of its file",
            };
            self.reload(person(by)).await;
        }
    }
}

/// A line of the feed about one that took effect.
fn reloaded(report: &Report, by: &Person) -> String {
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
    message
}

/// A line of the feed about one with faults.
fn refused(faults: &Faults) -> String {
    let first = faults.iter().next().map(ToString::to_string);
    let more = match faults.iter().len() {
        1 => String::new(),
        many => format!(" (and {} more)", many - 1),
    };
    let first = first.unwrap_or_default();
    format!("the configuration has a fault, and the one before stays in effect: {first}{more}")
}

/// When a file has changed, and has stayed as it is for a moment.
struct Changes {
    file: Option<PathBuf>,
    known: Stamp,
    changing: Stamp,
}

impl Changes {
    async fn of(file: Option<&Path>) -> Self {
        let known = match file {
            Some(file) => stamp(file.to_owned()).await,
            None => None,
        };
        Self {
            file: file.map(Path::to_owned),
            known,
            changing: known,
        }
    }

    /// Waits for the next; for ever where there is no file.
    async fn next(&mut self) {
        let Some(file) = &self.file else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(LOOK).await;
            let now = stamp(file.clone()).await;
            // An editor may take it away for a moment, or be in the middle of it.
            let is_change = now != self.known && now == self.changing && now.is_some();
            self.changing = now;
            if is_change {
                self.known = now;
                return;
            }
        }
    }
}

async fn stamp(file: PathBuf) -> Stamp {
    let look = move || {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}
