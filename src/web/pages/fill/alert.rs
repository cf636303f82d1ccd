//! One alert, as its page shows it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use uuid::Uuid;

use super::{alerts, channels, feeds::transition_word, outlook::Outlook, rules};
use crate::{
    backtest::SuggestedLevels,
    model::{AlertEvent, AlertState, Rule, SilencedBy, Telling, Transition, quantity},
    pipeline::live::LiveState,
    store::notifications::Entry,
    web::{
        api::Quiet,
        pages::{
            alert::{AlertPage, BusyView, NoteView, StepView, ToldView},
            alerts::AlertView,
            chart::{Chart, ChartLine},
            shell::Shell,
            view::State,
        },
    },
};

/// The page of the alert with these transitions, oldest first and at least one, about which these messages were made, by
/// channels if there are any.
pub fn page(
    outlook: &Outlook<'_>,
    shell: Shell,
    events: &[Arc<AlertEvent>],
    (told, has_channels): (&[Entry], bool),
    chart: Option<Chart>,
) -> AlertPage {
    let newest = &events[events.len() - 1];
    let busiest = events.iter().rev().map(|event| &event.why.busiest);
    let busiest = busiest.into_iter().find(|busiest| !busiest.is_empty());
    let silence = match (&newest.silenced_by, newest.state.is_open()) {
        (Some(SilencedBy::Silence(id)), true) => id.to_string(),
        _ => String::new(),
    };
    let mut events_that_fired = events.iter().rev();
    let fired = events_that_fired.find(|event| event.state.is_open() && event.is_new_value());
    AlertPage {
        shell,
        shape: shape(outlook.live, newest.id),
        quiet: String::new(),
        alert: AlertView {
            // That it is over explains nothing.
            why: alerts::why(fired.unwrap_or(newest)),
            ..alerts::view(outlook, newest)
        },
        silenced: silenced(newest),
        silence,
        busiest: busiest
            .into_iter()
            .flatten()
            .map(|process| BusyView {
                name: process.name.clone(),
                cpu: quantity::human(process.cpu_percent, "%"),
                memory: quantity::human(process.memory_bytes as f64, "B"),
            })
            .collect(),
        steps: events.iter().rev().map(|event| step(event)).collect(),
        chart,
        notes: outlook
            .live
            .annotations
            .on(newest.id)
            .map(|note| NoteView {
                at: note.timestamp.into(),
                by: note
                    .by
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                text: note.message.clone(),
            })
            .collect(),
        told: told.iter().map(|entry| message(entry, newest)).collect(),
        nobody: match (newest.notify, has_channels) {
            (false, _) => "its rule only shows it",
            (true, false) => "the configuration has no channels",
            (true, true) => "no route led to a channel, or it was silenced",
        },
    }
}

/// A short text that changes when something happens to an alert: with it, about it, or to a message that tells of it.
pub fn shape(live: &LiveState, id: Uuid) -> String {
    let mut hasher = DefaultHasher::new();
    if let Some(newest) = live.alert(id) {
        (newest.timestamp, transition_word(newest.transition)).hash(&mut hasher);
    }
    live.annotations
        .on(id)
        .for_each(|note| note.id.hash(&mut hasher));
    let told = live.deliveries().filter(|event| event.alerts.contains(&id));
    told.for_each(|event| (event.id, event.attempts, event.state.as_str()).hash(&mut hasher));
    format!("{:x}", hasher.finish())
}

/// The thresholds that it crossed, each once.
pub fn lines(events: &[Arc<AlertEvent>]) -> Vec<ChartLine> {
    let mut lines: Vec<ChartLine> = Vec::new();
    for event in events {
        let why = &event.why;
        let fire = why.fire.filter(|_| why.aggregate.lies_among_samples());
        let is_new = |value: &f64| lines.iter().all(|line| line.value != *value);
        if let Some(value) = fire.filter(is_new) {
            lines.push(ChartLine {
                value,
                level: event.level,
            });
        }
    }
    lines
}

/// At which thresholds it would not have fired.
pub fn quiet(quiet: &Quiet, rule: &Rule, alert: &AlertEvent) -> String {
    match &quiet.levels {
        Some(levels) if *levels == SuggestedLevels::of(&rule.levels) => {
            format!("As the rule {} is now, it would not have fired.", rule.name)
        }
        Some(levels) => {
            let bands = rules::bands(rule.compares(), levels, &alert.unit);
            format!("It would not have fired with {}.", bands.join("; "))
        }
        None => "No other threshold would have kept it from firing.".to_owned(),
    }
}

/// What keeps people from being told, in words.
pub fn silenced(event: &AlertEvent) -> String {
    match &event.silenced_by {
        None => String::new(),
        Some(SilencedBy::Silence(_)) => "silenced".to_owned(),
        Some(SilencedBy::Maintenance(name)) => format!("silenced by the maintenance {name}"),
        Some(SilencedBy::Rule(name)) => format!("muted while {name} fires"),
    }
}

fn step(event: &AlertEvent) -> StepView {
    let opened = event.transition == Transition::Fired;
    StepView {
        at: event.timestamp.into(),
        state: match event.state {
            AlertState::Resolved => State::Ok,
            state => State::of_alert(state, event.level),
        },
        what: match opened {
            true => format!("fired, {}", event.level),
            false => transition_word(event.transition).to_owned(),
        },
        by: event
            .by
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        value: event
            .value
            .map_or(String::new(), |v| quantity::figure(v, &event.unit)),
        message: event.message.clone(),
    }
}

fn message(entry: &Entry, alert: &AlertEvent) -> ToldView {
    let notices = entry.delivery.notices.iter();
    let of_alert = notices.rev().find(|notice| notice.event.id == alert.id);
    ToldView {
        at: entry.delivery.created.into(),
        channel: entry.delivery.channel.to_string(),
        what: match of_alert.map(|notice| notice.what) {
            Some(Telling::Resolved) => "over",
            Some(Telling::Reminder) => "goes on",
            Some(Telling::Firing) | None => "fires",
        },
        state: channels::state(entry.state),
        word: entry.state.as_str(),
        attempts: entry.attempts.len(),
        answer: entry.answer.clone(),
    }
}
