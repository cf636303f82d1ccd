//! Alerts as pages show them, and the page of alerts.

use askama::Template;

use super::{
    shell::Shell,
    view::{Moment, State},
};

/// One alert.
#[derive(Debug, Clone, Default)]
pub struct AlertView {
    /// Its uuid.
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// How it stands: its level, or no data. For history the level it had.
    pub state: State,
    /// The sentence for people.
    pub message: String,
    /// Where.
    pub host: String,
    /// What: name and labels.
    pub series: String,
    /// The same, with its host, as the page of a rule takes it.
    pub series_key: String,
    /// The value, for people.
    pub value: String,
    /// The value, exact.
    pub exact: String,
    /// `above 90 %`, or empty.
    pub threshold: String,
    /// When it opened.
    pub since: Moment,
    /// How long it has been open; see [`super::view::duration`].
    pub duration: String,
    /// When it was resolved; history only.
    pub ended: Option<Moment>,
    /// Why it was resolved, in words; history only.
    pub reason: String,
    /// Somebody has seen it.
    pub acknowledged: bool,
    /// What keeps people from being told, in words; empty if nothing does.
    pub silenced: String,
    /// It wavers, and is held.
    pub flapping: bool,
    /// Why it fired, in a sentence: the rule's terms and what was observed.
    pub why: String,
    /// The address that replays the minute in which it opened.
    pub minute: String,
    /// The address of what was measured around that time.
    pub history: String,
}

/// All open alerts, worst first. The counts are of those that nothing silences.
#[derive(Debug, Clone, Default)]
pub struct OpenAlerts {
    /// The alerts that nothing silences; first those that nobody has seen.
    pub alerts: Vec<AlertView>,
    /// Those that something silences.
    pub silenced: Vec<AlertView>,
    /// The page is about them, so the silenced ones are not folded away.
    pub is_whole: bool,
    /// How many are critical.
    pub critical: usize,
    /// How many are warnings.
    pub warning: usize,
    /// How many only inform.
    pub info: usize,
    /// How many are open because their series is silent.
    pub no_data: usize,
    /// Whether something can be done about them: not in the past.
    pub acting: bool,
}

impl OpenAlerts {
    /// Those that nothing silences, and the others; none that is empty.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &[AlertView])> {
        let parts = [("", &*self.alerts), ("silenced", &*self.silenced)];
        parts.into_iter().filter(|(_, alerts)| !alerts.is_empty())
    }
}

/// Open alerts as a fragment: on the overview and on the page of alerts.
#[derive(Debug, Template)]
#[template(path = "fragments/open_alerts.html")]
pub struct OpenAlertsFragment<'a> {
    /// The alerts.
    pub open: &'a OpenAlerts,
}

/// Alerts that are over, newest first, as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/alert_history.html")]
pub struct HistoryFragment<'a> {
    /// The alerts.
    pub history: &'a [AlertView],
}

/// The page of alerts.
#[derive(Debug, Template)]
#[template(path = "pages/alerts.html")]
pub struct AlertsPage {
    /// The frame.
    pub shell: Shell,
    /// Open alerts.
    pub open: OpenAlerts,
    /// Past alerts, newest first, bounded by whoever fills this.
    pub history: Vec<AlertView>,
}
