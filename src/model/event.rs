//! Events beside samples and alerts.

use uuid::Uuid;

use super::{
    alert::Person,
    name::{HostName, MetricName},
    time::Timestamp,
};

/// The longest kind of an activity, in bytes.
pub const MAX_KIND_BYTES: usize = 64;
/// The longest message of an activity, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// Annotations that stand at once, at most; one more puts out the one that came first.
pub const MAX_ANNOTATIONS: usize = 10_000;

/// A line of the live feed: a source started, a deploy happened, somebody acknowledged an alert.
///
/// One that has an id is an annotation: somebody put it there, for a moment or for a span of time. It stands until it is
/// taken back, which is another line with its id and the kind [`REMOVED`](Self::REMOVED).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Activity {
    /// The annotation that it is, or that it takes back (uuid v7).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<Uuid>,
    /// A short word in `snake_case` for machines: `source_started`, `deploy`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
    /// The alert that it is a note on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert: Option<Uuid>,
    /// Who put it there, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Person>,
    /// The host it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<HostName>,
    /// When; the beginning, if it has an end.
    pub timestamp: Timestamp,
    /// The end of a span; later than its beginning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
}

impl Activity {
    /// The kind of a line that takes an annotation back.
    pub const REMOVED: &str = "annotation_removed";
    /// The kind of a note on an alert.
    pub const NOTE: &str = "note";

    /// A line about a moment, which is no annotation and about no host.
    pub fn new(kind: &str, message: String, timestamp: Timestamp) -> Self {
        Self {
            id: None,
            kind: kind.to_owned(),
            message,
            alert: None,
            by: None,
            host: None,
            timestamp,
            until: None,
        }
    }

    /// The id of the annotation that it is.
    pub fn annotation(&self) -> Option<Uuid> {
        self.id.filter(|_| self.kind != Self::REMOVED)
    }

    /// When it is over; a moment is at once.
    pub fn end(&self) -> Timestamp {
        self.until.unwrap_or(self.timestamp)
    }
}

/// Whether a kind can be that of a line that somebody puts into the feed.
pub fn is_kind(text: &str) -> bool {
    text.len() <= MAX_KIND_BYTES && MetricName::parse(text).is_ok()
}

/// A message without the space around it, if it can be one.
pub fn message(text: &str) -> Option<&str> {
    let message = text.trim();
    let fits = (1..=MAX_MESSAGE_BYTES).contains(&message.len()) && !message.contains('\0');
    fits.then_some(message)
}
