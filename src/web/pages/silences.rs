//! Silences as pages show them, and the page of silences.

use askama::Template;

use super::{shell::Shell, view::Moment};

/// A silence.
#[derive(Debug, Clone)]
pub struct SilenceView {
    /// Its id.
    pub id: String,
    /// Of which alerts, in words.
    pub of: String,
    /// When it begins, if it has not.
    pub from: Option<Moment>,
    /// When it ends.
    pub until: Moment,
    /// Or sooner.
    pub until_resolved: bool,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// It silences now.
    pub active: bool,
    /// Open alerts that it silences.
    pub silenced: usize,
}

/// A maintenance window of the configuration.
#[derive(Debug, Clone)]
pub struct WindowView {
    /// Its name.
    pub name: String,
    /// Of which alerts, in words.
    pub of: String,
    /// It silences now.
    pub active: bool,
    /// When it begins next.
    pub next: Option<Moment>,
    /// Why.
    pub reason: String,
    /// Open alerts that it silences.
    pub silenced: usize,
}

/// The silences as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/silences.html")]
pub struct SilencesFragment<'a> {
    /// Those that somebody made.
    pub silences: &'a [SilenceView],
    /// Those of the configuration.
    pub windows: &'a [WindowView],
}

/// The page of silences, with a form for another one.
#[derive(Debug, Template)]
#[template(path = "pages/silences.html")]
pub struct SilencesPage {
    /// The frame.
    pub shell: Shell,
    /// Those that somebody made.
    pub silences: Vec<SilenceView>,
    /// Those of the configuration.
    pub windows: Vec<WindowView>,
    /// Names of rules there are.
    pub rules: Vec<String>,
    /// Names of hosts there are.
    pub hosts: Vec<String>,
    /// Names of metrics there are.
    pub metrics: Vec<String>,
}
