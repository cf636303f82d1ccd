//! Alerts as pages show them, and the page of alerts and rules.

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

/// All open alerts, worst first.
#[derive(Debug, Clone, Default)]
pub struct OpenAlerts {
    /// The alerts.
    pub alerts: Vec<AlertView>,
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

/// A silence.
#[derive(Debug, Clone)]
pub struct SilenceView {
    /// Its id.
    pub id: String,
    /// Of which alerts, in words.
    pub of: String,
    /// When it begins, if it has not.
    pub from: Option<Moment>,
    /// When it ends.
    pub until: Moment,
    /// Or sooner.
    pub until_resolved: bool,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// It silences now.
    pub active: bool,
    /// Open alerts that it silences.
    pub silenced: usize,
}

/// A maintenance window of the configuration.
#[derive(Debug, Clone)]
pub struct WindowView {
    /// Its name.
    pub name: String,
    /// Of which alerts, in words.
    pub of: String,
    /// It silences now.
    pub active: bool,
    /// When it begins next.
    pub next: Option<Moment>,
    /// Why.
    pub reason: String,
    /// Open alerts that it silences.
    pub silenced: usize,
}

/// A rule, and how it stands.
#[derive(Debug, Clone, Default)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// `avg of cpu_usage over 10 min`.
    pub condition: String,
    /// `warning above 90, over at 75`; one entry a level.
    pub levels: Vec<RuleLevel>,
    /// The worst it is at now.
    pub state: State,
    /// How many series it watches; 0 is shown as "nothing matches yet".
    pub series: usize,
    /// Whether people are told.
    pub notify: bool,
    /// Whether it runs.
    pub enabled: bool,
}

/// One level of a rule.
#[derive(Debug, Clone)]
pub struct RuleLevel {
    /// The level.
    pub state: State,
    /// `above 90 %, clears at 75 %`.
    pub text: String,
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

/// The rules as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/rules.html")]
pub struct RulesFragment<'a> {
    /// The rules.
    pub rules: &'a [RuleView],
}

/// The silences as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/silences.html")]
pub struct SilencesFragment<'a> {
    /// Those that somebody made.
    pub silences: &'a [SilenceView],
    /// Those of the configuration.
    pub windows: &'a [WindowView],
    /// Whether something can be done about them: not in the past.
    pub acting: bool,
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
    /// The rules.
    pub rules: Vec<RuleView>,
    /// The silences that somebody made.
    pub silences: Vec<SilenceView>,
    /// Those of the configuration.
    pub windows: Vec<WindowView>,
    /// Whether something can be done about them: not in the past.
    pub acting: bool,
}
