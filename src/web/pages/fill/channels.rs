//! Channels and the ledger as pages show them.

use super::outlook::Outlook;
use crate::{
    model::{DeliveryEvent, DeliveryState, Level},
    notify::{ChannelStatus, Notifier},
    web::pages::{
        channels::{ChannelView, MessageView},
        view::State,
    },
};

/// Messages on the page, at most.
const MOST: usize = 100;

/// The channels, in the order of the configuration.
pub fn channels(notifier: &Notifier) -> Vec<ChannelView> {
    let (settings, mut status) = (notifier.settings(), notifier.status());
    let channels = settings.notify.channels.iter().map(|channel| {
        let status = status.remove(&channel.name).unwrap_or_default();
        let (state, word) = standing(channel.enabled, &status);
        let last = status.last.as_ref();
        ChannelView {
            name: channel.name.to_string(),
            kind: channel.kind.as_str(),
            enabled: channel.enabled,
            state,
            word,
            waiting: status.waiting,
            sent: status.sent,
            failed: status.failed,
            last: last.map(|attempt| (attempt.at.into(), attempt.answer.clone())),
            again: status.again.map(Into::into),
        }
    });
    channels.collect()
}

fn standing(enabled: bool, status: &ChannelStatus) -> (State, &'static str) {
    match status.last.as_ref().map(|attempt| attempt.state) {
        _ if !enabled => (State::Stale, "off"),
        None => (State::Ok, "not used yet"),
        Some(DeliveryState::Sent) => (State::Ok, "works"),
        Some(DeliveryState::Queued) => (State::Level(Level::Warning), "tried again"),
        Some(_) => (State::Level(Level::Critical), "fails"),
    }
}

/// The newest messages, newest first.
pub fn ledger(outlook: &Outlook<'_>) -> Vec<MessageView> {
    let newest = outlook.live.deliveries().take(MOST);
    newest.map(|event| message(event)).collect()
}

fn message(event: &DeliveryEvent) -> MessageView {
    MessageView {
        id: event.id.to_string(),
        at: event.created.into(),
        channel: event.channel.to_string(),
        title: event.title.clone(),
        link: match event.alerts.as_slice() {
            [] => None,
            [alert] => Some(format!("/alerts/{alert}")),
            _ => Some("/alerts".to_owned()),
        },
        test: event.test,
        state: state(event.state),
        word: event.state.as_str(),
        attempts: event.attempts,
        answer: event.answer.clone(),
        again: event.again.map(Into::into),
    }
}

/// How a message stands, for its colour and shape.
pub fn state(state: DeliveryState) -> State {
    match state {
        DeliveryState::Sent => State::Ok,
        DeliveryState::Queued => State::Level(Level::Warning),
        _ => State::Level(Level::Critical),
    }
}
