//! The overview: what is wrong, what is close to wrong, then everything else.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use askama::Template;

use super::{
    alerts::OpenAlerts,
    chart::Chart,
    feed::{ActivityLine, AlertFeed},
    shell::{self, Shell},
    sources::{SourceState, SourceView},
    svg,
    view::{Bar, Card, Drawing, Figure, State},
};

/// A series that is near its threshold without being beyond it.
#[derive(Debug, Clone)]
pub struct NearView {
    /// `memory_available on web1`.
    pub series: String,
    /// Its host.
    pub host: String,
    /// The value, for people.
    pub value: String,
    /// `warning above 85 %`.
    pub threshold: String,
    /// How much of the way to the threshold is used up, 0–100.
    pub percent: f64,
}

/// A host on the overview.
#[derive(Debug, Clone, Default)]
pub struct HostView {
    /// Its name.
    pub name: String,
    /// Unique and safe as an id: [`super::svg::slug`] of the name.
    pub id: String,
    /// Made up by a simulated source.
    pub simulated: bool,
    /// The worst of its alerts, or stale.
    pub state: State,
    /// `up 12 d 3 h`, `last sample 14 s ago`; short.
    pub notes: Vec<String>,
    /// Its cards.
    pub cards: Vec<Card>,
    /// Its file systems.
    pub file_systems: Vec<Bar>,
    /// Its network traffic.
    pub network: Option<NetGraph>,
    /// Its charts.
    pub charts: Vec<Chart>,
}

impl HostView {
    /// The address of its page.
    pub fn url(&self) -> String {
        shell::host_url(&self.name)
    }
}

/// Received above the line, sent below it; both on one scale.
#[derive(Debug, Clone, Default)]
pub struct NetGraph {
    /// The path of what was received, in a box of 300 × 100 whose middle is 50; see [`super::svg::area`].
    pub received: String,
    /// The path of what was sent.
    pub sent: String,
    /// The newest rate received, for people.
    pub received_now: String,
    /// The newest rate sent.
    pub sent_now: String,
    /// What the height of either half stands for.
    pub peak: String,
}

/// Figures over everything: samples so far, uptime, viewers.
#[derive(Debug, Template)]
#[template(path = "fragments/facts.html")]
pub struct FactsFragment<'a> {
    /// The figures.
    pub facts: &'a [Figure],
}

/// What is close to wrong.
#[derive(Debug, Template)]
#[template(path = "fragments/near.html")]
pub struct NearFragment<'a> {
    /// Nearest first.
    pub near: &'a [NearView],
}

/// The head of a host: how it stands.
#[derive(Debug, Template)]
#[template(path = "fragments/host_state.html")]
pub struct HostStateFragment<'a> {
    /// The host.
    pub host: &'a HostView,
}

/// A host's file systems.
#[derive(Debug, Template)]
#[template(path = "fragments/file_systems.html")]
pub struct FileSystemsFragment<'a> {
    /// The host.
    pub host: &'a HostView,
}

/// A host's network graph: every few seconds.
#[derive(Debug, Template)]
#[template(path = "fragments/net_graph.html")]
pub struct NetGraphFragment<'a> {
    /// The host.
    pub host: &'a HostView,
}

/// Which hosts, cards and charts there are. A page that shows others fetches its hosts anew.
#[derive(Debug, Template)]
#[template(path = "fragments/shape.html")]
pub struct ShapeFragment {
    /// [`shape_of`] the hosts.
    pub shape: String,
}

/// A short text that changes when a host, a card or a chart joins or leaves, and when the order does.
pub fn shape_of(hosts: &[HostView]) -> String {
    let mut hasher = DefaultHasher::new();
    for host in hosts {
        host.id.hash(&mut hasher);
        host.cards.iter().for_each(|card| card.id.hash(&mut hasher));
        let charts = host.charts.iter();
        charts.for_each(|chart| (&chart.id, chart.series.len()).hash(&mut hasher));
    }
    format!("{:x}", hasher.finish())
}

/// The overview.
#[derive(Debug, Template)]
#[template(path = "pages/overview.html")]
pub struct OverviewPage {
    /// The frame.
    pub shell: Shell,
    /// Open alerts.
    pub open: OpenAlerts,
    /// Close to wrong, nearest first.
    pub near: Vec<NearView>,
    /// Figures over everything.
    pub facts: Vec<Figure>,
    /// The hosts, worst first, then by name.
    pub hosts: Vec<HostView>,
    /// What happened to alerts.
    pub feed: AlertFeed,
    /// What happened otherwise.
    pub activity: Vec<ActivityLine>,
    /// The sources.
    pub sources: Vec<SourceView>,
}
