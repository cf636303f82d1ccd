//! Sources: what measures, how often, and whether it works.

use askama::Template;

use super::{shell::Shell, view::Moment};

/// How a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceState {
    /// It measures.
    Running,
    /// Somebody stopped it, or it was never started.
    #[default]
    Stopped,
    /// It failed and will be tried again.
    Failing,
}

impl SourceView {
    /// What its button does: `stop` while it runs or is tried again, else `start`.
    pub fn action(&self) -> &'static str {
        if self.state == SourceState::Stopped {
            "start"
        } else {
            "stop"
        }
    }
}

impl SourceState {
    /// The word, and the CSS class.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failing => "failing",
        }
    }
}

/// One source.
#[derive(Debug, Clone, Default)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// What it is, in a few words.
    pub about: String,
    /// How it stands.
    pub state: SourceState,
    /// Its numbers are made up.
    pub simulated: bool,
    /// `1 s`; empty without a rhythm.
    pub interval: String,
    /// Samples a second, for people.
    pub rate: String,
    /// Samples so far, for people.
    pub samples: String,
    /// When it last gave a batch.
    pub last: Option<Moment>,
    /// The last error, and when.
    pub error: Option<(Moment, String)>,
    /// Whether it can be started and stopped.
    pub controllable: bool,
}

/// The row of sources on the overview.
#[derive(Debug, Template)]
#[template(path = "fragments/source_row.html")]
pub struct SourceRowFragment<'a> {
    /// The sources.
    pub sources: &'a [SourceView],
}

/// The table of sources on their page.
#[derive(Debug, Template)]
#[template(path = "fragments/source_table.html")]
pub struct SourceTableFragment<'a> {
    /// The sources.
    pub sources: &'a [SourceView],
}

/// The page of sources.
#[derive(Debug, Template)]
#[template(path = "pages/sources.html")]
pub struct SourcesPage {
    /// The frame.
    pub shell: Shell,
    /// The sources.
    pub sources: Vec<SourceView>,
}
