//! Events beside samples and alerts.

use super::{name::HostName, time::Timestamp};

/// The longest kind of an activity, in bytes.
pub const MAX_KIND_BYTES: usize = 64;
/// The longest message of an activity, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// A line of the live feed: a source started, a deploy happened, somebody acknowledged an alert.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Activity {
    /// A short word in `snake_case` for machines: `source_started`, `deploy`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
    /// The host it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<HostName>,
    /// When.
    pub timestamp: Timestamp,
}
