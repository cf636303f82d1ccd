//! Sources as pages show them.

use super::outlook::Outlook;
use crate::{
    model::{Timestamp, quantity},
    sources::supervisor::{Running, SourceStatus},
    web::pages::{
        sources::{SourceState, SourceView},
        view::Moment,
    },
};

/// The sources.
pub fn all(outlook: &Outlook<'_>, sources: &[SourceStatus]) -> Vec<SourceView> {
    sources.iter().map(|source| view(outlook, source)).collect()
}

fn view(outlook: &Outlook<'_>, source: &SourceStatus) -> SourceView {
    let windows = outlook
        .live
        .windows
        .iter()
        .filter(|w| w.series.owner == source.name);
    let last: Option<Timestamp> = windows.map(|w| w.received).max();
    SourceView {
        name: source.name.to_string(),
        about: about(source).to_owned(),
        state: match source.state {
            Running::Running => SourceState::Running,
            Running::Stopped => SourceState::Stopped,
            Running::Failing => SourceState::Failing,
        },
        simulated: source.simulated,
        interval: source
            .interval_seconds
            .map_or(String::new(), |s| quantity::human(s, "s")),
        rate: quantity::number(source.samples_per_second),
        samples: quantity::figure(source.samples as f64, ""),
        last: last.map(Moment::from),
        error: source
            .last_error
            .clone()
            .map(|error| (source.failing_since.unwrap_or(outlook.now).into(), error)),
        controllable: true,
    }
}

fn about(source: &SourceStatus) -> &'static str {
    match source.name.as_str() {
        "host" => "this machine",
        "push" => "whatever is sent to /api/ingest",
        _ if source.simulated => "made-up figures, the same for the same seed",
        _ => "",
    }
}
