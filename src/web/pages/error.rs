//! A request that could not be served, told to a person.

use askama::Template;

use super::shell::Shell;

/// The page of a problem (RFC 9457); of a fault of ours it shows no cause.
#[derive(Debug, Template)]
#[template(path = "pages/error.html")]
pub struct ErrorPage {
    /// The frame.
    pub shell: Shell,
    /// The HTTP status.
    pub status: u16,
    /// What it is.
    pub title: String,
    /// More; may be empty.
    pub detail: String,
}
