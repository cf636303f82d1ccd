//! The page of the past: the charts of a host, or of metrics somebody picked, over any time, with what happened in it.

use askama::Template;

use super::{
    chart::Chart,
    shell::{Shell, history_url},
    view::{Moment, State},
};

/// Times that are one click away: how far back each goes, as the parameter has it, and in words.
pub const RANGES: [(&str, &str); 8] = [
    ("5m", "5 min"),
    ("15m", "15 min"),
    ("1h", "1 h"),
    ("6h", "6 h"),
    ("24h", "24 h"),
    ("3d", "3 d"),
    ("7d", "7 d"),
    ("30d", "30 d"),
];

/// What is shown, as the page's address says it.
#[derive(Debug, Clone, Default)]
pub struct Picked {
    /// The host; empty where there is none.
    pub host: String,
    /// Patterns of metrics, with commas; empty for the usual charts.
    pub names: String,
    /// How far back, where the time goes with the present: `1h`.
    pub back: Option<String>,
    /// When it begins.
    pub from: Moment,
    /// When it ends.
    pub to: Moment,
    /// With the time before it, of the same length.
    pub compare: bool,
}

impl Picked {
    /// Whether it is of several days, so that its end needs a date as well.
    pub fn has_days(&self) -> bool {
        self.from.iso.get(..10) != self.to.iso.get(..10)
    }

    /// The address with another time.
    pub fn with(&self, from: &str, to: &str) -> String {
        self.url(from, to, self.compare)
    }

    /// The address with the time before if that is not shown, without it if it is.
    pub fn toggled(&self) -> String {
        let compare = !self.compare;
        match &self.back {
            Some(back) => self.url(back, "", compare),
            None => self.url(&self.from.iso, &self.to.iso, compare),
        }
    }

    fn url(&self, from: &str, to: &str, compare: bool) -> String {
        let compare = if compare { "1" } else { "" };
        let all = [
            ("names", self.names.as_str()),
            ("from", from),
            ("to", to),
            ("compare", compare),
        ];
        let said: Vec<_> = all.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        history_url(&self.host, &said)
    }

    /// The address of the same samples in a file; `step` is empty for as many stretches as the API makes.
    pub fn export(&self, names: &str, format: &str, step: &str) -> String {
        let mut all = vec![
            ("names", names),
            ("from", self.from.iso.as_str()),
            ("to", self.to.iso.as_str()),
        ];
        if !step.is_empty() {
            all.push(("step", step));
        }
        all.push(("format", format));
        history_url(&self.host, &all).replacen("/history?host=", "/api/history?hosts=", 1)
    }
}

/// Where else one can go from here; addresses.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    /// Half of this time earlier.
    pub earlier: String,
    /// Half of this time later; none where that is the future.
    pub later: Option<String>,
    /// Twice as much time around the same middle.
    pub out: String,
    /// Half as much.
    pub closer: String,
    /// The page of the host as it was when this time began.
    pub replay: String,
}

/// Something that happened: an alert, or what people and programs marked.
#[derive(Debug, Clone)]
pub struct Mark {
    /// When it began.
    pub from: Moment,
    /// When it ended; none while it lasts, and where it has no length.
    pub to: Option<Moment>,
    /// `critical`, `deploy`.
    pub kind: String,
    /// How it is drawn.
    pub state: State,
    /// The host it is about; empty for all.
    pub host: String,
    /// A sentence.
    pub text: String,
    /// How long it lasted, in words; empty where it has no length.
    pub lasted: String,
    /// The address of a page that replays it.
    pub replay: String,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/history.html")]
pub struct HistoryPage {
    /// The frame.
    pub shell: Shell,
    /// What is shown.
    pub picked: Picked,
    /// Where else one can go.
    pub moves: Moves,
    /// All hosts that something is kept of.
    pub hosts: Vec<String>,
    /// All metrics that something is kept of, of this host.
    pub metrics: Vec<String>,
    /// The charts.
    pub charts: Vec<Chart>,
    /// The metrics that are in them, with commas.
    pub shown: String,
    /// What happened in that time, newest first.
    pub marks: Vec<Mark>,
    /// How it was read: `steps of 10 s, from samples`, and what the shade is.
    pub how: String,
}
