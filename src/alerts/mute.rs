//! Which open alerts nobody is told of, and why: silences, maintenance windows, and rules that mute others.
//!
//! It is decided after all that happened at one moment is known, so it does not matter in which order a host and its
//! series are found silent. Silences and windows go by the wall clock, which is what people meant when they made them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::Engine;
use crate::model::{AlertEvent, HostName, Maintenance, Rule, Silence, SilencedBy, Timestamp};

/// What silences. See the module.
#[derive(Debug, Default)]
pub(super) struct Mutes {
    silences: Vec<Silence>,
    maintenance: Vec<Arc<Maintenance>>,
    /// Which of both are active, in their order, when it was looked last.
    active: Vec<bool>,
    /// Open alerts of rules that mute others.
    muting: BTreeMap<Uuid, (HostName, Arc<Rule>)>,
    /// What would have to be looked at again: everything.
    is_stale: bool,
    /// Raised by whatever changes the silences.
    revision: u64,
}

impl Mutes {
    /// Looks at the clock; whether something begins or ends.
    fn advance(&mut self, now: Timestamp) -> bool {
        let before = self.silences.len();
        self.silences.retain(|silence| now < silence.until);
        self.revision += u64::from(before != self.silences.len());
        let silences = self.silences.iter().map(|silence| silence.is_active(now));
        let windows = self.maintenance.iter().map(|m| m.schedule.is_active(now));
        let active: Vec<bool> = silences.chain(windows).collect();
        let changed = active != self.active || before != self.silences.len();
        self.active = active;
        std::mem::take(&mut self.is_stale) || changed
    }

    /// What silences an alert, if anything does. `now` is wall time.
    fn of(&self, alert: &AlertEvent, now: Timestamp) -> Option<SilencedBy> {
        let silences = self.silences.iter();
        let silence = silences
            .filter(|silence| silence.is_active(now))
            .find(|silence| silence.matcher.matches(alert))
            .map(|silence| SilencedBy::Silence(silence.id));
        let window = || {
            let mut windows = self.maintenance.iter();
            windows
                .find(|m| m.schedule.is_active(now) && m.matcher.matches(alert))
                .map(|m| SilencedBy::Maintenance(m.name.clone()))
        };
        let rule = || {
            let mut muting = self.muting.iter();
            muting
                .find(|(id, (host, rule))| {
                    let is_muted = *host == alert.series.host && rule.mutes(&alert.rule);
                    // Of two that mute each other the older one is told.
                    let other = self.muting.get(&alert.id);
                    let is_mutual = other.is_some_and(|(_, own)| own.mutes(&rule.name));
                    is_muted && !(is_mutual && alert.id < **id)
                })
                .map(|(_, (_, rule))| SilencedBy::Rule(rule.name.clone()))
        };
        silence.or_else(window).or_else(rule)
    }
}

impl Engine {
    /// People are not told of what one more silence fits, while it lasts.
    pub fn silence(&mut self, silence: Silence, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        self.mutes.silences.retain(|known| known.id != silence.id);
        self.mutes.silences.push(silence);
        self.silences_changed()
    }

    /// Ends a silence; `None` when there is none of this id.
    pub fn unsilence(&mut self, id: Uuid, now: Timestamp) -> Option<(Silence, Vec<AlertEvent>)> {
        self.context.time.advance(now);
        let silences = &mut self.mutes.silences;
        let at = silences.iter().position(|silence| silence.id == id)?;
        let silence = silences.remove(at);
        Some((silence, self.silences_changed()))
    }

    /// From here on these are the maintenance windows.
    pub fn maintain(&mut self, windows: Vec<Arc<Maintenance>>, now: Timestamp) -> Vec<AlertEvent> {
        self.context.time.advance(now);
        self.mutes.maintenance = windows;
        self.mutes.is_stale = true;
        self.finish(Vec::new())
    }

    /// The silences that are active or will be, oldest first.
    pub fn silences(&self) -> &[Silence] {
        &self.mutes.silences
    }

    /// Changes whenever the [`silences`](Self::silences) do.
    pub fn silences_revision(&self) -> u64 {
        self.mutes.revision
    }

    /// Rules have changed, and with them which of what is open mutes others.
    pub(super) fn mutes_by_other_rules(&mut self) {
        let rules = &self.rules;
        let muting = self.slots.open().filter_map(|alert| {
            let mut rules = rules.iter().filter(|rule| !rule.mutes.is_empty());
            let rule = rules.find(|rule| rule.name == alert.rule)?;
            Some((alert.id, (alert.series.host.clone(), rule.clone())))
        });
        self.mutes.muting = muting.collect();
        self.mutes.is_stale = true;
    }

    fn silences_changed(&mut self) -> Vec<AlertEvent> {
        self.mutes.revision += 1;
        self.mutes.is_stale = true;
        self.context.revision += 1;
        self.finish(Vec::new())
    }

    /// Takes the silences of the life before.
    pub(super) fn restore_silences(&mut self, silences: Vec<Silence>) {
        self.mutes.silences = silences;
        self.mutes.is_stale = true;
    }

    /// Ends a moment: decides of everything that happened in it, and of what is open besides, whether people are told.
    pub(super) fn finish(&mut self, mut events: Vec<AlertEvent>) -> Vec<AlertEvent> {
        let now = self.context.time.wall();
        let revision = self.mutes.revision;
        let everything = self.mutes.advance(now);
        if self.mutes.revision != revision {
            self.context.revision += 1;
        }
        if events.is_empty() && !everything {
            return events;
        }
        // Hosts on which a rule that mutes others has begun to fire, or no longer does.
        let mut hosts = BTreeSet::new();
        for event in &events {
            let muting = &mut self.mutes.muting;
            let was = muting.contains_key(&event.id);
            if !event.state.is_open() {
                muting.remove(&event.id);
            } else if let Some(rule) = self.rules.iter().find(|r| r.name == event.rule)
                && !rule.mutes.is_empty()
            {
                muting.insert(event.id, (event.series.host.clone(), rule.clone()));
            }
            if was != muting.contains_key(&event.id) {
                hosts.insert(event.series.host.clone());
            }
        }
        for event in &mut events {
            if event.state.is_open() {
                event.silenced_by = self.mutes.of(event, now);
                event.silenced = event.silenced_by.is_some();
                if let Some((watch, _)) = self.slots.find_open(event.id)
                    && let Some(open) = &mut watch.open
                {
                    open.silenced = event.silenced;
                    open.silenced_by = event.silenced_by.clone();
                }
            }
        }
        if everything || !hosts.is_empty() {
            let mut others: Vec<_> = self.slots.opened().collect();
            others.retain(|id| !events.iter().any(|event| event.id == *id));
            for id in others {
                let Some((watch, _)) = self.slots.find_open(id) else {
                    continue;
                };
                let Some(open) = &watch.open else { continue };
                if everything || hosts.contains(&open.series.host) {
                    let by = self.mutes.of(open, now);
                    events.extend(watch.silence_by(by, &mut self.context));
                }
            }
        }
        self.end_spent_silences(now);
        events
    }

    /// Ends silences that were to last until what they silenced is resolved, when it is.
    fn end_spent_silences(&mut self, now: Timestamp) {
        let covers = |engine: &Self, silence: &Silence| {
            let mut open = engine.open();
            silence.is_active(now) && open.any(|alert| silence.matcher.matches(alert))
        };
        for at in (0..self.mutes.silences.len()).rev() {
            let silence = &self.mutes.silences[at];
            let covers = silence.until_resolved && covers(self, silence);
            let silence = &mut self.mutes.silences[at];
            if !silence.until_resolved || covers == silence.has_covered {
                continue;
            }
            self.mutes.revision += 1;
            self.context.revision += 1;
            if covers {
                silence.has_covered = true;
            } else {
                // It covered nothing that is open, so nothing else changes.
                self.mutes.silences.remove(at);
                self.mutes.active.remove(at);
            }
        }
    }
}
