//! `[log]`: how much the process says about itself, and in which form.

use super::{accept::Word, table::Table};

/// The least important lines that are still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may soon.
    Warn,
    /// And what happened.
    Info,
    /// And how.
    Debug,
    /// And every step.
    Trace,
}

impl LogLevel {
    /// The word that filters of `tracing` understand.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// The log of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// What is written.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

const LEVELS: Word<LogLevel> = Word(&[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
]);

const FORMATS: Word<LogFormat> = Word(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);

impl Log {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let log = Self {
            level: table.value("level", &LEVELS, default.level),
            format: table.value("format", &FORMATS, default.format),
        };
        table.close();
        log
    }
}
