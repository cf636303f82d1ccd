//! A line of the list of busy processes.

/// What one process uses. Its name only, never its arguments.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ProcessRow {
    /// Its name.
    pub name: String,
    /// Its id.
    pub pid: u32,
    /// CPU, in percent of one core.
    pub cpu_percent: f64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}
