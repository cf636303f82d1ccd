//! Every command once, whoever sends it: socket, form or API.
//!
//! A command goes to the owner of what it changes. Its effect comes back to everyone as an event; the sender gets only
//! how many things changed.

pub mod reload;
pub mod status;

use std::sync::Arc;

use uuid::Uuid;

use self::reload::Reload;
use crate::{
    model::{Activity, Clock, HostName, Person, Rule, Seq, Silence, Timestamp},
    notify::Notifier,
    pipeline::{AlertCommand, Busy, Inlet, Refusal, UnknownAnnotation},
    rules::Unremovable,
    sources::supervisor::{Action, Supervisor, UnknownSource},
};

/// What people and programs can tell a running server.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start or stop a source.
    Source {
        /// Which one.
        name: String,
        /// Start or stop.
        action: Action,
    },
    /// "I have seen this alert."
    Acknowledge(Uuid),
    /// Take a resolved alert out of the list; an open one is acknowledged instead.
    Dismiss(Uuid),
    /// Dismiss all resolved alerts and acknowledge all open ones.
    Clear,
    /// Put a line into the feed, as an annotation of a moment.
    Event {
        /// A short word for machines.
        kind: String,
        /// A sentence for people.
        message: String,
        /// The host it is about.
        host: Option<HostName>,
        /// When it happened; now, if it is not said.
        timestamp: Option<Timestamp>,
    },
    /// Take an annotation back.
    Withdraw(Uuid),
    /// Tell nobody of some alerts for a while.
    Silence(Box<Silence>),
    /// End a silence.
    Unsilence(Uuid),
    /// Make a rule, or put it in the place of the one of its name.
    PutRule(Arc<Rule>),
    /// Take out what was made or changed under this name.
    RemoveRule(String),
}

impl Command {
    /// The word that tells the sender it was done.
    pub const fn done_word(&self) -> &'static str {
        match self {
            Self::Source {
                action: Action::Start,
                ..
            } => "started",
            Self::Source {
                action: Action::Stop,
                ..
            } => "stopped",
            Self::Acknowledge(_) => "acknowledged",
            Self::Dismiss(_) => "dismissed",
            Self::Clear => "cleared",
            Self::Event { .. } => "accepted",
            Self::Withdraw(_) => "removed",
            Self::Silence(_) => "silenced",
            Self::Unsilence(_) => "unsilenced",
            Self::PutRule(_) => "put",
            Self::RemoveRule(_) => "removed",
        }
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such source.
    #[error(transparent)]
    Source(#[from] UnknownSource),
    /// Alerts, silences or rules are not as the command has it.
    #[error(transparent)]
    Alert(#[from] Refusal),
    /// There is no such annotation.
    #[error(transparent)]
    Annotation(#[from] UnknownAnnotation),
    /// Too much is waiting.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl ControlError {
    /// A word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Source(_) => "unknown_source",
            Self::Alert(Refusal::Alert(_)) => "unknown_alert",
            Self::Alert(Refusal::Silence(_)) => "unknown_silence",
            Self::Alert(Refusal::Rule(Unremovable::Unknown(_))) => "unknown_rule",
            Self::Alert(Refusal::Rule(Unremovable::OfFile(_))) => "rule_of_file",
            Self::Alert(Refusal::TooManySilences | Refusal::TooManyRules) => "too_many",
            Self::Annotation(_) => "unknown_annotation",
            Self::Busy(_) => "busy",
        }
    }
}

/// See the module; a cheap handle.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    clock: Arc<Clock>,
    inlet: Inlet,
    sources: Supervisor,
    reload: Reload,
    notifier: Notifier,
}

impl Control {
    /// Over these owners.
    pub fn new(
        clock: Arc<Clock>,
        inlet: Inlet,
        sources: Supervisor,
        reload: Reload,
        notifier: Notifier,
    ) -> Self {
        Self(Arc::new(Inner {
            clock,
            inlet,
            sources,
            reload,
            notifier,
        }))
    }

    /// Who tells people.
    pub fn notifier(&self) -> &Notifier {
        &self.0.notifier
    }

    /// The configuration, and reading it again.
    pub fn reload(&self) -> &Reload {
        &self.0.reload
    }

    /// Does a command that somebody gave; tells how many things it changed.
    pub async fn execute(&self, command: Command, by: Person) -> Result<usize, ControlError> {
        match command {
            Command::Source { name, action } => {
                let sources = self.0.sources.clone();
                // Stopping waits for the source's thread, which may be in the middle of a measurement.
                let done = tokio::task::spawn_blocking(move || sources.act(&name, action)).await;
                let changed = done.map_err(|_| Busy)??;
                Ok(usize::from(changed))
            }
            Command::Acknowledge(id) => self.alerts(AlertCommand::Acknowledge(id), by).await,
            Command::Dismiss(id) => self.alerts(AlertCommand::Dismiss(id), by).await,
            Command::Clear => self.alerts(AlertCommand::Clear, by).await,
            Command::Silence(silence) => self.alerts(AlertCommand::Silence(silence), by).await,
            Command::Unsilence(id) => self.alerts(AlertCommand::Unsilence(id), by).await,
            Command::PutRule(rule) => self.alerts(AlertCommand::PutRule(rule), by).await,
            Command::RemoveRule(name) => self.alerts(AlertCommand::RemoveRule(name), by).await,
            Command::Event {
                kind,
                message,
                host,
                timestamp,
            } => {
                let now = self.0.clock.now();
                let activity = Activity {
                    id: Some(new_id(now)),
                    host,
                    ..Activity::new(&kind, message, timestamp.unwrap_or(now))
                };
                self.0.inlet.activity(activity)?;
                Ok(1)
            }
            Command::Withdraw(id) => {
                self.0.inlet.withdraw(id).await??;
                Ok(1)
            }
        }
    }

    /// Puts an annotation into the feed: a command that tells more than a count, which is the id that it gave it and the
    /// number of its line.
    pub async fn annotate(&self, annotation: Activity) -> Result<(Uuid, Seq), ControlError> {
        let id = new_id(self.0.clock.now());
        let annotation = Activity {
            id: Some(id),
            ..annotation
        };
        Ok((id, self.0.inlet.annotate(annotation).await?))
    }

    async fn alerts(&self, command: AlertCommand, by: Person) -> Result<usize, ControlError> {
        Ok(self.0.inlet.alerts(command, by).await??)
    }
}

/// A new id (uuid v7), which sorts by time.
pub fn new_id(now: Timestamp) -> Uuid {
    let millis = now.as_millis().max(0).cast_unsigned();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}
