//! What is around every page.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::view::Moment;

/// The frame: title, navigation, and what the page's scripts need to join its stream.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Which page: `overview`, `host`, `alerts`, `sources`, `status`, `echo`, `error`. Marks the navigation too.
    pub page: &'static str,
    /// In the browser's tab, before the product's name.
    pub title: String,
    /// The host, on the page of one.
    pub host: Option<String>,
    /// The position this page was drawn at; its stream goes on from there.
    pub position: String,
    /// When it was drawn.
    pub drawn: Moment,
    /// The program's version.
    pub version: &'static str,
    /// Without a sign of life for this many milliseconds, what the page shows is stale.
    pub patience_ms: u128,
    /// For the navigation.
    pub badge: Badge,
}

impl Shell {
    /// The address of the page's stream; `None` on pages that do not live.
    pub fn stream(&self) -> Option<String> {
        let host = self.host.as_ref().map_or(String::new(), |host| {
            format!("&host={}", utf8_percent_encode(host, NON_ALPHANUMERIC))
        });
        match self.page {
            "docs" | "echo" | "error" => None,
            page => Some(format!("/pages/stream?page={page}{host}")),
        }
    }
}

/// The address of a host's page.
pub fn host_url(host: &str) -> String {
    format!("/hosts/{}", utf8_percent_encode(host, NON_ALPHANUMERIC))
}

/// How many alerts are open, beside the word in the navigation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Badge {
    /// Open alerts.
    pub open: usize,
    /// Of these, critical.
    pub critical: usize,
}

/// The badge as a fragment.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/badge.html")]
pub struct BadgeFragment {
    /// The counts.
    pub badge: Badge,
}
