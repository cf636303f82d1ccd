//! The API, to browse.

use askama::Template;

use super::shell::Shell;

/// The page of the API; a script fills it from the OpenAPI document.
#[derive(Debug, Template)]
#[template(path = "pages/docs.html")]
pub struct DocsPage {
    /// The frame.
    pub shell: Shell,
}
