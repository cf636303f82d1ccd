//! A batch: one source, one host, one timestamp, its samples in a fixed order.

use std::{fmt, sync::Arc, time::Duration};

use super::{series::SeriesSpec, time::Timestamp};

/// The name of a source: `host`, `simulated`, `push`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// From a name chosen by the program or its configuration.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Samples as a source hands them to the pipeline.
///
/// `layout[i]` says what `values[i]` is; the two have one length. A source that measures the same series again hands
/// over the very same `Arc`, which is how a tick costs no string: the pipeline remembers layouts by address.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Who measured.
    pub source: SourceId,
    /// When.
    pub timestamp: Timestamp,
    /// How often this source measures, where it has a rhythm.
    pub interval: Option<Duration>,
    /// What was measured, in order; all of one host.
    pub layout: Arc<[SeriesSpec]>,
    /// The readings; each finite.
    pub values: Vec<f64>,
}
