//! What is around every page.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{live_page::LivePage, view::Moment};
use crate::model::Timestamp;

/// The frame: title, navigation, and what the page's scripts need to join its stream.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Which page: `overview`, `host`, `alerts`, `rules`, `sources`, …. Marks the navigation too.
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
    /// The address of its stream; `None` on pages that do not live.
    pub stream: Option<String>,
    /// What a page of the past needs besides.
    pub playback: Option<Playback>,
}

impl Shell {
    /// Whether its stream is joined as soon as the page is there.
    pub fn is_live(&self) -> bool {
        self.playback.is_none() && self.stream.is_some()
    }

    /// Whether it is one of the pages about alerts and who is told of them.
    pub fn is_about_alerts(&self) -> bool {
        matches!(
            self.page,
            "alerts" | "alert" | "rules" | "rule" | "silences" | "channels"
        )
    }

    /// Whether it is loaded anew, again and again, where there are no scripts: not where that is much to read, or somebody may
    /// be writing.
    pub fn renews_itself(&self) -> bool {
        self.is_live() && !matches!(self.page, "history" | "alert" | "rule" | "silences")
    }

    /// Whether the page can be shown as it was.
    pub fn has_past(&self) -> bool {
        matches!(self.page, "overview" | "host" | "alerts")
    }
}

/// A page of the past: the moment it shows, and where else one can go from there. Times in unix milliseconds.
#[derive(Debug, Clone)]
pub struct Playback {
    /// The address of the page in the present.
    pub path: String,
    /// The moment.
    pub at: Moment,
    /// The moment, the first there is anything of, and when the page was drawn.
    pub millis: i64,
    /// See `millis`.
    pub first: i64,
    /// See `millis`.
    pub now: i64,
}

impl Playback {
    /// Of a page at `at`, where the first that is kept was measured at `first`.
    pub fn new(page: &LivePage, at: Timestamp, first: Timestamp, now: Timestamp) -> Self {
        Self {
            path: page.path(),
            at: at.into(),
            millis: at.as_millis(),
            first: first.as_millis(),
            now: now.as_millis(),
        }
    }

    /// The address of this page so many seconds later, or earlier.
    pub fn url(&self, seconds: i64) -> String {
        let at = Timestamp::from_millis(self.millis + seconds * 1000);
        format!("{}?at={at}", self.path)
    }
}

/// The moment that a page of the past shows.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/moment.html")]
pub struct MomentFragment {
    /// The moment.
    pub moment: Moment,
}

/// The address of a page's stream: of one host, or of all if that is empty; with these parameters.
pub fn stream_url(page: &str, host: &str, more: &[(&str, &str)]) -> String {
    let mut url = format!("/pages/stream?page={page}");
    for (name, value) in [("host", host)].iter().chain(more) {
        if !value.is_empty() {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            url.push_str(&format!("&{name}={value}"));
        }
    }
    url
}

/// The address of a host's page.
pub fn host_url(host: &str) -> String {
    format!("/hosts/{}", utf8_percent_encode(host, NON_ALPHANUMERIC))
}

/// The address of a host's history, with these parameters.
pub fn history_url(host: &str, more: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let mut url = format!("/history?host={}", encoded(host));
    for (name, value) in more {
        url.push_str(&format!("&{name}={}", encoded(value)));
    }
    url
}

/// How many alerts are open, beside the word in the navigation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Badge {
    /// Open alerts that nothing silences.
    pub open: usize,
    /// Of these, critical.
    pub critical: usize,
}

impl Badge {
    /// What stands before the title in the browser's tab: `(3) `, with something critical `(3!) `.
    pub fn prefix(&self) -> String {
        match (self.open, self.critical) {
            (0, _) => String::new(),
            (open, 0) => format!("({open}) "),
            (open, _) => format!("({open}!) "),
        }
    }

    /// The icon of the browser's tab.
    pub fn icon(&self) -> &'static str {
        match (self.open, self.critical) {
            (0, _) => "icon.svg",
            (_, 0) => "icon-open.svg",
            _ => "icon-critical.svg",
        }
    }
}

/// The badge as a fragment.
#[derive(Debug, askama::Template)]
#[template(path = "fragments/badge.html")]
pub struct BadgeFragment {
    /// The counts.
    pub badge: Badge,
}
