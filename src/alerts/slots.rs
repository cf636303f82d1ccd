//! The series that an engine knows: by id those it has seen, by name those it expects again after a restart.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    context::Context,
    watch::Watch,
    watched::{NEVER, Subject, Watched},
};
use crate::{
    model::{AlertEvent, Rule, SeriesId, SeriesKey, SourceId, Timestamp},
    series::Series,
};

/// All series, in a fixed order when iterated.
#[derive(Debug, Default)]
pub(super) struct Slots {
    seen: Vec<Slot>,
    /// Engine time at which each that was seen is to be looked for silence: in one piece, because it is gone through each second.
    due: Vec<Timestamp>,
    /// None of them is due before. It need not be the first that is.
    soonest: Timestamp,
    unseen: BTreeMap<SeriesKey, Watched>,
    /// Open alerts, and the series they are of.
    opened: BTreeMap<Uuid, Place>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unknown,
    /// No rule watches it.
    Ignored,
    Watched(Box<Watched>),
}

/// Where a series is.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Seen(SeriesId),
    Unseen(SeriesKey),
}

impl Slots {
    /// Whether the series has not been admitted yet.
    pub(super) fn is_new(&self, id: SeriesId) -> bool {
        matches!(self.seen.get(id.index()), None | Some(Slot::Unknown))
    }

    /// Finds out, once, which rules watch a series, and attaches what was restored for it. Tells whether any does.
    pub(super) fn admit(
        &mut self,
        series: &Series,
        rules: &[Arc<Rule>],
        stopped: bool,
        now: Timestamp,
    ) -> bool {
        let restored = self.unseen.remove(series.key());
        let subject = Subject {
            key: series.key().clone(),
            unit: series.spec.unit.as_str().to_owned(),
            source: series.owner.clone(),
            interval: restored.as_ref().and_then(|r| r.subject.interval),
        };
        let mut watched = Watched::new(subject, stopped, now);
        for watch in restored.into_iter().flat_map(Watched::into_watches) {
            if let Some(alert) = &watch.open {
                self.opened.insert(alert.id, Place::Seen(series.id));
            }
            watched.add(watch);
        }
        // What was restored is of these rules, so none is left over.
        watched.complete(rules);
        let at = series.id.index();
        if self.seen.len() <= at {
            self.seen.resize_with(at + 1, Slot::default);
            self.due.resize(at + 1, NEVER);
        }
        let is_watched = !watched.is_empty();
        if is_watched {
            self.set_due(at, watched.due());
            self.seen[at] = Slot::Watched(Box::new(watched));
        } else {
            self.seen[at] = Slot::Ignored;
        }
        is_watched
    }

    fn set_due(&mut self, at: usize, due: Timestamp) {
        self.due[at] = due;
        self.soonest = self.soonest.min(due);
    }

    /// What just happened to an alert of the series in this place.
    fn note(&mut self, events: &[AlertEvent], place: impl Fn() -> Place) {
        for event in events {
            if event.state.is_open() {
                self.opened.insert(event.id, place());
            } else {
                self.opened.remove(&event.id);
            }
        }
    }

    /// These alerts are over.
    pub(super) fn close(&mut self, events: &[AlertEvent]) {
        for event in events {
            self.opened.remove(&event.id);
        }
    }

    /// The open alerts, oldest first.
    pub(super) fn opened(&self) -> impl Iterator<Item = Uuid> {
        self.opened.keys().copied()
    }

    /// The watch of an open alert, and whose series it is.
    pub(super) fn find_open(&mut self, id: Uuid) -> Option<(&mut Watch, &Subject)> {
        match self.opened.get(&id)? {
            Place::Seen(series) => self.seen.get_mut(series.index())?.watched_mut(),
            Place::Unseen(key) => self.unseen.get_mut(key),
        }?
        .find_open(id)
    }

    /// The newest event of each open alert, oldest alert first.
    pub(super) fn open(&self) -> impl Iterator<Item = &AlertEvent> {
        self.opened.iter().filter_map(|(id, place)| {
            let watched = match place {
                Place::Seen(series) => self.seen.get(series.index())?.watched()?,
                Place::Unseen(key) => self.unseen.get(key)?,
            };
            let mut open = watched.watches().filter_map(|watch| watch.open.as_deref());
            open.find(|alert| alert.id == *id)
        })
    }

    /// Has every series that is due looked for silence.
    pub(super) fn look_for_silence(&mut self, cx: &mut Context, events: &mut Vec<AlertEvent>) {
        if self.soonest <= cx.time.now() {
            self.look_at_all(cx, events);
        }
        let mut noted = Vec::new();
        for (key, watched) in &mut self.unseen {
            let before = events.len();
            watched.look_for_silence(cx, events);
            if events.len() > before {
                noted.push((before..events.len(), key.clone()));
            }
        }
        for (which, key) in noted {
            self.note(&events[which], || Place::Unseen(key.clone()));
        }
    }

    fn look_at_all(&mut self, cx: &mut Context, events: &mut Vec<AlertEvent>) {
        let now = cx.time.now();
        let mut soonest = NEVER;
        for at in 0..self.due.len() {
            if self.due[at] <= now {
                let before = events.len();
                self.due[at] = match self.seen[at].watched_mut() {
                    Some(watched) => watched.look_for_silence(cx, events),
                    None => NEVER,
                };
                self.note(&events[before..], || Place::Seen(SeriesId(at as u32)));
            }
            soonest = soonest.min(self.due[at]);
        }
        self.soonest = soonest;
    }

    /// A sample of a series.
    pub(super) fn sample(
        &mut self,
        id: SeriesId,
        (timestamp, interval): (Timestamp, Option<Duration>),
        value: f64,
        cx: &mut Context,
        events: &mut Vec<AlertEvent>,
    ) {
        let Some(watched) = self.get_mut(id) else {
            return;
        };
        let before = events.len();
        let due = watched.sample(timestamp, interval, value, cx, events);
        if let Some(due) = due {
            self.set_due(id.index(), due);
        }
        if events.len() > before {
            self.note(&events[before..], || Place::Seen(id));
        }
    }

    /// A series that was known before a restart, until it is admitted, with the state of one rule.
    pub(super) fn expect(&mut self, subject: Subject, stopped: bool, now: Timestamp, watch: Watch) {
        let key = subject.key.clone();
        if let Some(alert) = &watch.open {
            self.opened.insert(alert.id, Place::Unseen(key.clone()));
        }
        self.unseen
            .entry(key)
            .or_insert_with(|| Watched::new(subject, stopped, now))
            .add(watch);
    }

    /// The series, if rules watch it.
    pub(super) fn get_mut(&mut self, id: SeriesId) -> Option<&mut Watched> {
        self.seen.get_mut(id.index())?.watched_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Watched> {
        let seen = self.seen.iter().filter_map(Slot::watched);
        seen.chain(self.unseen.values())
    }

    /// Does something with each series that a source writes; what is due of it may be another time then.
    pub(super) fn of_source(&mut self, source: &SourceId, mut work: impl FnMut(&mut Watched)) {
        self.soonest = Timestamp::default();
        for (slot, due) in self.seen.iter_mut().zip(&mut self.due) {
            if let Some(watched) = slot.watched_mut().filter(|w| w.subject.source == *source) {
                work(watched);
                *due = watched.due();
            }
        }
        let unseen = self.unseen.values_mut();
        for watched in unseen.filter(|w| w.subject.source == *source) {
            work(watched);
        }
    }

    /// Everybody listens again: silence counts from now, and holds go on or begin anew.
    pub(super) fn wake(&mut self, holds_go_on: bool, cx: &mut Context) {
        self.soonest = Timestamp::default();
        for (slot, due) in self.seen.iter_mut().zip(&mut self.due) {
            if let Some(watched) = slot.watched_mut() {
                watched.wake(holds_go_on, cx);
                *due = watched.due();
            }
        }
        for watched in self.unseen.values_mut() {
            watched.wake(holds_go_on, cx);
        }
    }

    /// Has every series watched by these rules from now on; returns the watches of others, which are over. A series that
    /// none watches is new again.
    pub(super) fn watch_by(&mut self, rules: &[Arc<Rule>]) -> Vec<Watch> {
        let mut over = Vec::new();
        self.soonest = Timestamp::default();
        for (slot, due) in self.seen.iter_mut().zip(&mut self.due) {
            if let Some(watched) = slot.watched_mut() {
                over.extend(watched.complete(rules));
                *due = watched.due();
            }
            if slot.watched().is_none_or(Watched::is_empty) {
                *slot = Slot::Unknown;
            }
        }
        self.unseen.retain(|_, watched| {
            over.extend(watched.complete(rules));
            !watched.is_empty()
        });
        over
    }

    /// Forgets series; returns those that were watched.
    pub(super) fn remove(&mut self, ids: &[SeriesId]) -> Vec<Watched> {
        ids.iter()
            .filter_map(|id| match std::mem::take(self.seen.get_mut(id.index())?) {
                Slot::Watched(watched) => Some(*watched),
                Slot::Unknown | Slot::Ignored => None,
            })
            .collect()
    }

    /// Forgets series that are still expected and have been for as long as `idle`.
    pub(super) fn remove_unseen(&mut self, idle: Duration, now: Timestamp) -> Vec<Watched> {
        self.unseen
            .extract_if(.., |_, watched| watched.is_idle(idle, now))
            .map(|(_, watched)| watched)
            .collect()
    }
}

impl Slot {
    fn watched(&self) -> Option<&Watched> {
        match self {
            Self::Watched(watched) => Some(watched),
            Self::Unknown | Self::Ignored => None,
        }
    }

    fn watched_mut(&mut self) -> Option<&mut Watched> {
        match self {
            Self::Watched(watched) => Some(watched),
            Self::Unknown | Self::Ignored => None,
        }
    }
}
