//! The page of one alert: how it stands, why, what happened to it, and who was told.

use askama::Template;

use super::{
    alerts::AlertView,
    chart::Chart,
    shell::Shell,
    view::{Moment, State},
};

/// A transition.
#[derive(Debug, Clone)]
pub struct StepView {
    /// When.
    pub at: Moment,
    /// How it stood after it.
    pub state: State,
    /// What happened, in a word or two.
    pub what: String,
    /// Who did it, where somebody did.
    pub by: String,
    /// What was compared, or empty.
    pub value: String,
    /// The sentence for people.
    pub message: String,
}

/// A message to a channel.
#[derive(Debug, Clone)]
pub struct ToldView {
    /// When it was made.
    pub at: Moment,
    /// To whom.
    pub channel: String,
    /// What it told.
    pub what: &'static str,
    /// How it stands, for its colour and shape.
    pub state: State,
    /// And in a word.
    pub word: &'static str,
    /// How often it was tried.
    pub attempts: usize,
    /// What was said of it last.
    pub answer: String,
}

/// A process that was busy when it fired.
#[derive(Debug, Clone)]
pub struct BusyView {
    /// Its name.
    pub name: String,
    /// Its CPU, for people.
    pub cpu: String,
    /// Its memory, for people.
    pub memory: String,
}

/// A note on it.
#[derive(Debug, Clone)]
pub struct NoteView {
    /// When.
    pub at: Moment,
    /// Who wrote it.
    pub by: String,
    /// What.
    pub text: String,
}

/// At which thresholds it would not have fired, as a fragment.
#[derive(Debug, Template)]
#[template(path = "fragments/quiet.html")]
pub struct QuietFragment {
    /// A sentence.
    pub text: String,
}

/// See the module.
#[derive(Debug, Template)]
#[template(path = "pages/alert.html")]
pub struct AlertPage {
    /// The frame.
    pub shell: Shell,
    /// A short text that changes when what is shown does.
    pub shape: String,
    /// The alert, as its newest transition left it.
    pub alert: AlertView,
    /// At which thresholds it would not have fired; empty where that is fetched later.
    pub quiet: String,
    /// What silences it, in words; empty if nothing does.
    pub silenced: String,
    /// The id of the silence that does; empty if none.
    pub silence: String,
    /// What its host was busiest with when it fired last.
    pub busiest: Vec<BusyView>,
    /// All transitions, newest first.
    pub steps: Vec<StepView>,
    /// Its series, with the thresholds that it crossed; none where nothing is kept of it.
    pub chart: Option<Chart>,
    /// What people noted, oldest first.
    pub notes: Vec<NoteView>,
    /// All messages about it, newest first.
    pub told: Vec<ToldView>,
    /// Why nobody was told, where nobody was.
    pub nobody: &'static str,
}
