//! A small page to try the echo socket with.

use askama::Template;

use super::shell::Shell;

/// The page of the echo socket.
#[derive(Debug, Template)]
#[template(path = "pages/echo.html")]
pub struct EchoPage {
    /// The frame.
    pub shell: Shell,
}
