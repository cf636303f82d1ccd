//! What makes batches: the machine itself, and a simulated one.
//!
//! A source only measures. Who calls it, how often, and what becomes of a failure is the business of whoever owns it.

use std::{error::Error, io, sync::Arc, time::Duration};

use crate::model::{HostName, ProcessRow, SeriesSpec, Timestamp};

pub mod host;
pub mod metric;
#[cfg(test)]
mod metrics_page;
pub mod recorder;
pub mod simulated;
pub mod supervisor;

/// Something that measures. It is called from a thread of its own, so it may block for a moment.
pub trait Source: Send {
    /// Measures once. `now` is the timestamp of the reading and the only clock a decision may use; elapsed time for
    /// rates is taken at the counters.
    ///
    /// # Errors
    /// When nothing at all could be measured. What fails in part is in [`Reading::faults`].
    fn sample(&mut self, now: Timestamp) -> Result<Reading, SampleError>;
}

/// What one measurement gave.
#[derive(Debug, Default)]
pub struct Reading {
    /// Samples by rhythm: what is measured less often than the source is sampled comes as a batch of its own.
    pub batches: Vec<Samples>,
    /// Lines for the activity feed.
    pub activities: Vec<Message>,
    /// The busiest processes, the busiest first; `None` when they were not looked at this time.
    pub processes: Option<Vec<ProcessRow>>,
    /// What could not be measured this time.
    pub faults: Vec<Fault>,
}

/// Readings with their layout: `layout[i]` says what `values[i]` is.
#[derive(Debug, Clone)]
pub struct Samples {
    /// What was measured; the same `Arc` as before when the set of series is the same.
    pub layout: Arc<[SeriesSpec]>,
    /// The readings, each finite.
    pub values: Vec<f64>,
    /// The rhythm of these series where it differs from that of the source.
    pub interval: Option<Duration>,
}

/// A line for the activity feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// A short word in `snake_case` for machines.
    pub kind: &'static str,
    /// A sentence for people.
    pub text: String,
    /// The host it is about, if it is about one.
    pub host: Option<HostName>,
}

/// A part of a source that failed, while the rest went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part, by the name of its sensor: `pressure`.
    pub part: &'static str,
    /// What went wrong, with its causes.
    pub message: String,
}

impl Fault {
    /// Of an error and all its causes.
    pub fn new(part: &'static str, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { part, message }
    }
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A file of the system could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file of the system does not look as documented.
    #[error("cannot make sense of {path}")]
    Format {
        /// The file.
        path: String,
    },
    /// The system has no answer.
    #[error("cannot ask the system for {what}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// File systems that do not answer.
    #[error("no answer from {mounts}")]
    Hung {
        /// Where they are mounted, separated by commas.
        mounts: String,
    },
    /// Nothing at all could be measured.
    #[error("no sensor works; the first fault is in {part}: {message}")]
    Nothing {
        /// The first part that failed.
        part: &'static str,
        /// What went wrong there.
        message: String,
    },
}
