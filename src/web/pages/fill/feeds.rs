//! The two feeds.

use super::outlook::Outlook;
use crate::{
    model::{Activity, AlertEvent, AlertState, Level, Transition},
    web::pages::{
        feed::{ActivityLine, AlertFeed, AlertLine},
        shell::Badge,
        view::State,
    },
};

/// Lines of a feed on a page.
const LINES: usize = 12;

/// What stands beside the word in the navigation, and in the tab: nothing of what is silenced.
pub fn badge(outlook: &Outlook<'_>) -> Badge {
    let open = || {
        outlook
            .live
            .open_alerts()
            .filter(|a| a.silenced_by.is_none())
    };
    Badge {
        open: open().count(),
        critical: open().filter(|a| a.level == Level::Critical).count(),
    }
}

/// The newest of what happened to alerts.
pub fn alerts(outlook: &Outlook<'_>) -> AlertFeed {
    let live = outlook.live;
    let mut events: Vec<_> = live.open_alerts().chain(live.resolved_alerts()).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.timestamp));
    let badge = badge(outlook);
    AlertFeed {
        lines: events.iter().take(LINES).map(|event| line(event)).collect(),
        open: badge.open,
        critical: badge.critical,
    }
}

fn line(event: &AlertEvent) -> AlertLine {
    let opened = matches!(event.transition, Transition::Fired | Transition::Escalated);
    AlertLine {
        at: event.timestamp.into(),
        state: State::of_alert(event.state, event.level),
        mark: if opened { event.level.as_str() } else { "" },
        what: match (event.transition, event.state) {
            (Transition::Fired, AlertState::Firing) => event.level.to_string(),
            (transition, _) => transition_word(transition).to_owned(),
        },
        message: event.message.clone(),
        host: event.series.host.to_string(),
    }
}

/// What happened, in a word or two.
pub fn transition_word(transition: Transition) -> &'static str {
    match transition {
        Transition::Fired => "fired",
        Transition::Escalated => "escalated",
        Transition::Deescalated => "eased",
        Transition::NoData => "no data",
        Transition::Resolved => "resolved",
        Transition::Acknowledged => "seen",
        Transition::Silenced => "silenced",
        Transition::Unsilenced => "no longer silenced",
        Transition::Reminder => "goes on",
    }
}

/// The newest lines of the feed; of one host, or all.
pub fn activity(outlook: &Outlook<'_>, host: Option<&str>) -> Vec<ActivityLine> {
    let about = |a: &&std::sync::Arc<Activity>| match host {
        None => true,
        Some(host) => a.host.as_ref().is_some_and(|h| h.as_str() == host),
    };
    let lines = outlook.live.feed().filter(about).take(LINES);
    lines
        .map(|activity| ActivityLine {
            at: activity.timestamp.into(),
            kind: activity.kind.clone(),
            message: activity.message.clone(),
            host: activity
                .host
                .as_ref()
                .map_or(String::new(), ToString::to_string),
            mark: is_mark(&activity.kind),
            id: activity
                .annotation()
                .map_or(String::new(), |id| id.to_string()),
            until: activity.until.map(Into::into),
        })
        .collect()
}

/// What the server says of itself is no mark on a chart; what people and programs send is.
fn is_mark(kind: &str) -> bool {
    !matches!(
        kind,
        "clients" | "source_started" | "source_stopped" | "alerts_dismissed" | Activity::REMOVED
    )
}
