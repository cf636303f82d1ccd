//! The configuration: `config.toml`, the environment and the command line become checked values.
//!
//! Flags stand over the environment, the environment over the file, the file over the defaults. Everything that is
//! wrong is reported at once, each with its place and what would be accepted. Nothing here reads the environment or
//! a clock; the one thing it touches is the file it is given.

mod accept;
mod alerts;
mod environment;
mod fault;
mod ingest;
mod keys;
mod levels;
pub mod lint;
mod log;
mod maintenance;
mod nearest;
pub mod notify;
mod overrides;
mod rule;
mod rules;
mod series;
mod server;
mod sources;
mod store;
mod stream;
mod syntax;
mod table;
mod walk;
mod websocket;
mod windows;
mod written;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use toml::de::DeTable;

use crate::model::{Maintenance, Rule};

pub use self::{
    accept::Network,
    alerts::Alerts,
    fault::{Fault, Faults},
    ingest::Ingest,
    keys::Key,
    log::{Log, LogFormat, LogLevel},
    notify::Notify,
    overrides::Overrides,
    series::Series,
    server::Server,
    sources::{HostSource, SimulatedSource, Sources},
    store::Store,
    stream::Stream,
    websocket::WebSocket,
    windows::Windows,
    written::{rule_from_json, rule_in_full, rule_to_json},
};

use self::{environment::Environment, syntax::Syntax, table::Table, walk::Walk};

/// All that can be configured, checked. Each room is handed its own section.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[log]`
    pub log: Log,
    /// `[stream]`
    pub stream: Stream,
    /// `[store]`
    pub store: Store,
    /// `[windows]`
    pub windows: Windows,
    /// `[series]`
    pub series: Series,
    /// `[ingest]`
    pub ingest: Ingest,
    /// `[websocket]`
    pub websocket: WebSocket,
    /// `[sources.*]`
    pub sources: Sources,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[[rules]]`: the file's if it has any, else the shipped ones.
    pub rules: Vec<Arc<Rule>>,
    /// `[[maintenance]]`
    pub maintenance: Vec<Arc<Maintenance>>,
    /// `[notify]`, `[[channels]]` and `[[routes]]`
    pub notify: Notify,
}

/// What is without a file, environment and flags; the shipped `config.toml` says the same.
impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            log: Log::default(),
            stream: Stream::default(),
            store: Store::default(),
            windows: Windows::default(),
            series: Series::default(),
            ingest: Ingest::default(),
            websocket: WebSocket::default(),
            sources: Sources::default(),
            alerts: Alerts::default(),
            rules: rules::shipped(),
            maintenance: Vec::new(),
            notify: Notify::default(),
        }
    }
}

/// Where a configuration is read from, so that it can be read again.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file, if there is one.
    pub file: Option<std::path::PathBuf>,
    /// All variables of the environment.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub overrides: Overrides,
}

impl Source {
    /// Reads it.
    pub fn load(&self) -> Result<Config, Faults> {
        let environment = self.environment.iter().cloned();
        Config::load(self.file.as_deref(), environment, &self.overrides)
    }
}

/// A duration as it is written here and in queries: a whole number and `ms`, `s`, `m`, `h` or `d`. `None` for anything
/// else.
pub fn duration(text: &str) -> Option<std::time::Duration> {
    accept::parse_duration(text)
}

/// A duration as it is written here, in the longest unit that needs no fraction.
pub fn show_duration(duration: std::time::Duration) -> String {
    accept::show_duration(duration)
}

impl Config {
    /// Reads the file, if one is named, and checks it with `environment` (all variables; those that are not
    /// tickwire's are passed over) and `overrides`. A file that cannot be read is a fault like any other.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Self, Faults> {
        let Some(file) = file else {
            return Self::parse("config.toml", "", environment, overrides);
        };
        let label = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&label, &text, environment, overrides),
            Err(error) => {
                let found = error.to_string();
                let fault = Fault::new(
                    &label,
                    None,
                    "",
                    &found,
                    "a file that can be read, in UTF-8",
                );
                Self::check(&label, "", environment, overrides, vec![fault])
            }
        }
    }

    /// As [`Config::load`], from the text of a file that faults call `file`.
    pub fn parse(
        file: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Self, Faults> {
        Self::check(file, text, environment, overrides, Vec::new())
    }

    /// Whether the rules are the shipped ones.
    pub fn has_shipped_rules(&self) -> bool {
        self.rules == rules::shipped()
    }

    /// The sections in which another configuration differs where a running server cannot follow: it needs a restart.
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let differs = [
            ("server", self.server != other.server),
            ("log", self.log != other.log),
            ("stream", self.stream != other.stream),
            ("store", self.store != other.store),
            ("windows", self.windows != other.windows),
            ("series", self.series != other.series),
            ("ingest", self.ingest != other.ingest),
            ("websocket", self.websocket != other.websocket),
            ("sources", self.sources != other.sources),
            ("alerts", self.alerts != other.alerts),
        ];
        let differs = differs.into_iter().filter(|(_, differs)| *differs);
        differs.map(|(section, _)| section).collect()
    }

    fn check(
        file: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
        faults: Vec<Fault>,
    ) -> Result<Self, Faults> {
        let syntax = Syntax::check(file, text);
        let (tree, _) = DeTable::parse_recoverable(&syntax.mended);
        let walk = Walk::new(file, &syntax, Environment::new(environment));
        faults.into_iter().for_each(|fault| walk.fault(fault));
        let config = Self::read(&walk, Table::root(&walk, tree.get_ref()), overrides);
        match walk.into_faults() {
            None => Ok(config),
            Some(faults) => Err(faults),
        }
    }

    fn read(walk: &Walk<'_>, file: Table<'_>, overrides: &Overrides) -> Self {
        let config = Self {
            server: Server::read(walk, file.child("server"), overrides),
            log: Log::read(file.child("log")),
            stream: Stream::read(file.child("stream")),
            store: Store::read(file.child("store")),
            windows: Windows::read(file.child("windows")),
            series: Series::read(file.child("series")),
            ingest: Ingest::read(file.child("ingest")),
            websocket: WebSocket::read(file.child("websocket")),
            sources: Sources::read(file.child("sources"), overrides.demo),
            alerts: Alerts::read(file.child("alerts")),
            rules: rules::read(&file),
            maintenance: maintenance::read(&file),
            notify: notify::read(&file),
        };
        file.close();
        config
    }
}

/// Every key there is, in the order of the file; those of a rule once.
pub fn keys() -> Vec<Key> {
    let syntax = Syntax::check("", "[[rules]]\n[[maintenance]]\n[[channels]]\n[[routes]]");
    let (tree, _) = DeTable::parse_recoverable(&syntax.mended);
    let walk = Walk::new("", &syntax, Environment::new([]));
    Config::read(
        &walk,
        Table::root(&walk, tree.get_ref()),
        &Overrides::default(),
    );
    walk.into_keys()
}
