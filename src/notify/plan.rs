//! Who is to be told of a transition. Pure: transitions in, notices for channels out.
//!
//! It remembers of each open alert which channels know of it, and so promises:
//!
//! - **"Resolved" goes to whoever was told "firing"**, at once, whatever is silenced or routed by then; and to nobody else.
//! - **Nobody is told twice of the same**: to fire at a level that was told already is no news, nor is silence of what fires.
//! - **What is silenced is not told**, until it is not any more and goes on.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    config::notify::Route,
    model::{AlertEvent, AlertState, Level, Notice, Notify, Rule, Telling, Transition},
};

/// What the channels know. See the module.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// By alert, and by channel the worst level that was told.
    told: BTreeMap<Uuid, BTreeMap<Arc<str>, Level>>,
}

impl Plan {
    /// A transition: which channels are told, and what. `rule` is the rule as it is now, if there is one.
    pub fn take(
        &mut self,
        event: &Arc<AlertEvent>,
        rule: Option<&Rule>,
        (routes, channels): (&[Route], &[Arc<str>]),
    ) -> Vec<(Arc<str>, Notice)> {
        if event.state == AlertState::Resolved {
            let told = self.told.remove(&event.id).unwrap_or_default();
            return notices(told.into_keys(), Telling::Resolved, event);
        }
        // What has eased and gets worse again is news again, also where nobody was told that it eased.
        if let Some(of_alert) = self.told.get_mut(&event.id) {
            let told = of_alert.values_mut();
            told.for_each(|level| *level = event.level.min(*level));
        }
        let what = match event.transition {
            Transition::Reminder => Telling::Reminder,
            _ => Telling::Firing,
        };
        let is_seen = event.acknowledged || event.transition == Transition::Acknowledged;
        if event.silenced || !event.notify || is_seen {
            return Vec::new();
        }
        let again = matches!(
            event.transition,
            Transition::Reminder | Transition::Unsilenced
        );
        let of_alert = self.told.entry(event.id).or_default();
        let targets = targets(event, rule, routes, channels);
        let news: Vec<_> = targets
            .into_iter()
            .filter(|channel| {
                let told = of_alert.get(channel);
                again || told.is_none_or(|level| *level < event.level)
            })
            .collect();
        for channel in &news {
            of_alert.insert(channel.clone(), event.level);
        }
        if of_alert.is_empty() {
            self.told.remove(&event.id);
        }
        notices(news, what, event)
    }
}

fn notices(
    channels: impl IntoIterator<Item = Arc<str>>,
    what: Telling,
    event: &Arc<AlertEvent>,
) -> Vec<(Arc<str>, Notice)> {
    let notice = |channel| {
        let event = event.clone();
        (channel, Notice { what, event })
    };
    channels.into_iter().map(notice).collect()
}

/// The channels that are told of an alert, each once: those its rule names, if there is one of them, else those of the first route that fits (and of
/// those after it, where it says so), else, where there are no routes, all.
pub fn targets(
    event: &AlertEvent,
    rule: Option<&Rule>,
    routes: &[Route],
    channels: &[Arc<str>],
) -> Vec<Arc<str>> {
    let mut targets: Vec<Arc<str>> = Vec::new();
    let mut add = |names: &[Arc<str>]| {
        for name in names {
            if !targets.contains(name) && channels.contains(name) {
                targets.push(name.clone());
            }
        }
    };
    if let Some(Notify::Channels(names)) = rule.map(|rule| &rule.notify)
        && names.iter().any(|name| channels.contains(name))
    {
        add(names);
    } else if routes.is_empty() {
        add(channels);
    } else {
        for route in routes.iter().filter(|r| r.matcher.matches(event)) {
            add(&route.channels);
            if !route.and_others {
                break;
            }
        }
    }
    targets
}
