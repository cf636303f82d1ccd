//! The list of all keys, as the walk itself meets them: what documentation is checked against.

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// With its tables: `sources.host.interval`; of a rule: `rules.window`.
    pub key: String,
    /// What it takes, in words.
    pub accepted: String,
    /// What it is when it is not given, as written in the file; none for what has no default.
    pub default: Option<String>,
    /// The environment variable that sets it; none for rules.
    pub env: Option<String>,
}
