//! The program about itself.

use askama::Template;

use super::{shell::Shell, view::Figure};

/// Figures of one room of the program: stream, pipeline, store.
#[derive(Debug, Clone)]
pub struct StatusGroup {
    /// Unique on the page and safe as an id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// One group as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/status_group.html")]
pub struct StatusGroupFragment<'a> {
    /// The group.
    pub group: &'a StatusGroup,
}

/// The page about the program.
#[derive(Debug, Template)]
#[template(path = "pages/status.html")]
pub struct StatusPage {
    /// The frame.
    pub shell: Shell,
    /// Its groups.
    pub groups: Vec<StatusGroup>,
}
