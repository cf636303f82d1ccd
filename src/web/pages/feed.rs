//! The two feeds: what happened to alerts, and what happened otherwise.

use askama::Template;

use super::view::{Moment, State};

/// A line of the alert feed: one transition.
#[derive(Debug, Clone)]
pub struct AlertLine {
    /// When.
    pub at: Moment,
    /// How the alert stands after it.
    pub state: State,
    /// The level for the mark on charts, or empty when it marks nothing (resolved, acknowledged).
    pub mark: &'static str,
    /// `fired`, `escalated`, `resolved`.
    pub what: String,
    /// The alert's sentence.
    pub message: String,
    /// Where.
    pub host: String,
}

/// The newest transitions, and how many there are of each kind.
#[derive(Debug, Clone, Default)]
pub struct AlertFeed {
    /// Newest first; bounded by whoever fills it.
    pub lines: Vec<AlertLine>,
    /// Open alerts.
    pub open: usize,
    /// Of these, critical.
    pub critical: usize,
}

/// A line of the activity feed.
#[derive(Debug, Clone)]
pub struct ActivityLine {
    /// When.
    pub at: Moment,
    /// The word for machines: `deploy`, `source_started`.
    pub kind: String,
    /// The sentence.
    pub message: String,
    /// Where; empty if it is about no host.
    pub host: String,
    /// Whether charts show it as a mark.
    pub mark: bool,
    /// The id of the annotation that it is; empty if it is none.
    pub id: String,
    /// The end of its span, if it is about one.
    pub until: Option<Moment>,
}

/// The alert feed as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/alert_feed.html")]
pub struct AlertFeedFragment<'a> {
    /// The feed.
    pub feed: &'a AlertFeed,
}

/// The activity feed as a fragment; newest first.
#[derive(Debug, Template)]
#[template(path = "fragments/activity.html")]
pub struct ActivityFragment<'a> {
    /// The lines.
    pub activity: &'a [ActivityLine],
}
