//! What the command line says over file and environment.

use std::path::PathBuf;

/// What faults call this place.
pub(super) const COMMAND_LINE: &str = "command line";

/// The flags, as they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--listen`, the text of an address and a port; stands over `server.listen`.
    pub listen: Option<String>,
    /// `--data`, stands over `server.data`.
    pub data: Option<PathBuf>,
    /// `--demo`: the simulated source runs, whatever `sources.simulated.enabled` says.
    pub demo: bool,
}
