//! The series that an engine knows: by id those it has seen, by name those it expects again after a restart.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::watched::{Subject, Watched};
use crate::{
    model::{Rule, SeriesId, SeriesKey, SourceId, Timestamp},
    series::Series,
};

/// All series, in a fixed order when iterated.
#[derive(Debug, Default)]
pub(super) struct Slots {
    seen: Vec<Slot>,
    unseen: BTreeMap<SeriesKey, Watched>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unknown,
    /// No rule watches it.
    Ignored,
    Watched(Box<Watched>),
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
        watched.watches = restored.map(|r| r.watches).unwrap_or_default();
        watched.complete(rules);
        let at = series.id.index();
        if self.seen.len() <= at {
            self.seen.resize_with(at + 1, Slot::default);
        }
        let is_watched = !watched.watches.is_empty();
        self.seen[at] = match is_watched {
            true => Slot::Watched(Box::new(watched)),
            false => Slot::Ignored,
        };
        is_watched
    }

    /// A series that was known before a restart, until it is admitted.
    pub(super) fn expect(
        &mut self,
        subject: Subject,
        stopped: bool,
        now: Timestamp,
    ) -> &mut Watched {
        self.unseen
            .entry(subject.key.clone())
            .or_insert_with(|| Watched::new(subject, stopped, now))
    }

    /// The series, if rules watch it.
    pub(super) fn get_mut(&mut self, id: SeriesId) -> Option<&mut Watched> {
        self.seen.get_mut(id.index())?.watched_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Watched> {
        let seen = self.seen.iter().filter_map(|slot| match slot {
            Slot::Watched(watched) => Some(&**watched),
            Slot::Unknown | Slot::Ignored => None,
        });
        seen.chain(self.unseen.values())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Watched> {
        let seen = self.seen.iter_mut().filter_map(Slot::watched_mut);
        seen.chain(self.unseen.values_mut())
    }

    /// The series that a source writes.
    pub(super) fn of_source(&mut self, source: &SourceId) -> impl Iterator<Item = &mut Watched> {
        self.iter_mut()
            .filter(move |watched| watched.subject.source == *source)
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
    fn watched_mut(&mut self) -> Option<&mut Watched> {
        match self {
            Self::Watched(watched) => Some(watched),
            Self::Unknown | Self::Ignored => None,
        }
    }
}
