//! Rules as pages show them: the list, and one that is made or changed and tried on the past.

use askama::Template;

use super::{
    chart::Chart,
    shell::Shell,
    view::{Moment, State},
};
use crate::{config::Fault, web::rules::form::Form};

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
    /// Who is told.
    pub tells: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Where it comes from: `shipped`.
    pub origin: &'static str,
    /// Who made or changed it, and when.
    pub edited: Option<(String, Moment)>,
    /// What takes it out, or takes changes back, is called so; none where there is nothing to take.
    pub removal: Option<&'static str>,
}

impl RuleView {
    /// What turns it off, or on: a word of its address.
    pub fn switch(&self) -> &'static str {
        match self.enabled {
            true => "disable",
            false => "enable",
        }
    }
}

/// One level of a rule.
#[derive(Debug, Clone)]
pub struct RuleLevel {
    /// The level.
    pub state: State,
    /// `above 90 %, clears at 75 %`.
    pub text: String,
}

/// The rules as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/rules.html")]
pub struct RulesFragment<'a> {
    /// The rules.
    pub rules: &'a [RuleView],
}

/// The page of rules.
#[derive(Debug, Template)]
#[template(path = "pages/rules.html")]
pub struct RulesPage {
    /// The frame.
    pub shell: Shell,
    /// The rules.
    pub rules: Vec<RuleView>,
}

/// How far back a rule is tried: as the field has it, and in words.
pub const BACK: [(&str, &str); 6] = [
    ("1h", "the last hour"),
    ("6h", "the last 6 hours"),
    ("24h", "the last day"),
    ("3d", "the last 3 days"),
    ("7d", "the last week"),
    ("30d", "the last 30 days"),
];

/// What a rule would have done, or why that cannot be told.
#[derive(Debug, Clone, Default)]
pub struct TrialView {
    /// What is wrong with the rule; then there is nothing else.
    pub faults: Vec<Fault>,
    /// Why it could not be tried; empty if it could.
    pub trouble: String,
    /// What is probably not meant.
    pub remarks: Vec<String>,
    /// What came of it.
    pub result: Option<ResultView>,
}

/// What a rule would have done.
#[derive(Debug, Clone)]
pub struct ResultView {
    /// Since when it was tried.
    pub from: Moment,
    /// Until when.
    pub to: Moment,
    /// `86,400 samples of 3 series`.
    pub what: String,
    /// Later than was asked for, because there were too many samples.
    pub is_cut: bool,
    /// As it is here, then as it is saved.
    pub rows: Vec<OutcomeView>,
    /// It tells nobody, so nothing can be suggested.
    pub is_silent: bool,
    /// A threshold that tells people seldom enough.
    pub suggestion: Option<SuggestionView>,
    /// The series that there are, and which is shown.
    pub series: Vec<(String, bool)>,
    /// The series that is shown, with the rule's thresholds.
    pub chart: Option<Chart>,
    /// Why its thresholds are not in the chart; empty if they are.
    pub no_lines: &'static str,
    /// Where the series that is shown fires, for its chart.
    pub marks: Vec<MarkView>,
    /// When it would have fired, newest first.
    pub fired: Vec<FiredView>,
    /// How many older ones are not among these.
    pub left_out: usize,
    /// How often one would have opened.
    pub alerts: usize,
}

/// What one rule would have done, in figures.
#[derive(Debug, Clone)]
pub struct OutcomeView {
    /// `as it is here`.
    pub title: &'static str,
    /// Alerts that open.
    pub alerts: usize,
    /// Messages to people.
    pub notifications: usize,
    /// How long it fires, by level; empty where it does not.
    pub firing: Vec<(State, String)>,
}

/// A threshold that tells people seldom enough.
#[derive(Debug, Clone)]
pub struct SuggestionView {
    /// How often a week, at most.
    pub per_week: u32,
    /// `warning at 93 %, over at 78 %`; empty where there is none.
    pub text: String,
    /// Fields and what to put into them.
    pub fields: Vec<(String, String)>,
    /// How often it would have told people in the time that was tried.
    pub notifications: usize,
    /// It is what the rule has already.
    pub is_so: bool,
}

impl SuggestionView {
    /// The fields as JSON.
    pub fn json(&self) -> String {
        let fields = self.fields.iter().cloned();
        serde_json::Value::Object(fields.map(|(name, text)| (name, text.into())).collect())
            .to_string()
    }
}

/// A time that is marked on a chart.
#[derive(Debug, Clone)]
pub struct MarkView {
    /// Since when.
    pub from: Moment,
    /// Until when.
    pub to: Moment,
    /// How bad.
    pub state: State,
}

/// A time in which it would have fired.
#[derive(Debug, Clone)]
pub struct FiredView {
    /// Since when.
    pub from: Moment,
    /// Whether it has an end.
    pub is_over: bool,
    /// How bad it was at most.
    pub state: State,
    /// Of which series.
    pub series: String,
    /// What it would have said.
    pub message: String,
    /// How long.
    pub lasted: String,
    /// The address that replays it.
    pub minute: String,
}

/// The outcome as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/trial.html")]
pub struct TrialFragment<'a> {
    /// The outcome.
    pub trial: &'a TrialView,
}

/// The page on which a rule is made or changed.
#[derive(Debug, Template)]
#[template(path = "pages/rule.html")]
pub struct RulePage {
    /// The frame.
    pub shell: Shell,
    /// The fields.
    pub form: Form,
    /// It is there already, and comes from here: `changed`.
    pub known: Option<&'static str>,
    /// Names of metrics there are.
    pub metrics: Vec<String>,
    /// Names of hosts there are.
    pub hosts: Vec<String>,
    /// Names of channels there are.
    pub channels: Vec<String>,
    /// What it would have done; none until it is asked for.
    pub trial: Option<TrialView>,
}
