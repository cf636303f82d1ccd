//! The annotations that stand: what people and programs put into the feed and did not take back.
//!
//! They are few, so all of them are at hand, with the position of the present. The store has them for the next life, and
//! leaves out the same ones: what is older than anything else that is kept, and more than [`MAX_ANNOTATIONS`]: of notes on alerts, and of all others.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use crate::model::{Activity, Timestamp, event::MAX_ANNOTATIONS};

/// There is no annotation of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no annotation {0}")]
pub struct UnknownAnnotation(pub Uuid);

/// See the module. By id, so in the order in which they came; one too many puts out the one of its kind that came first.
#[derive(Debug)]
pub struct Annotations {
    keep: Duration,
    by_id: BTreeMap<Uuid, Arc<Activity>>,
}

impl Annotations {
    /// Those of earlier lives; what ended longer ago than `keep` is to go.
    pub fn new(keep: Duration, earlier: impl IntoIterator<Item = Activity>) -> Self {
        let mut annotations = Self {
            keep,
            by_id: BTreeMap::new(),
        };
        for activity in earlier {
            annotations.take(&Arc::new(activity));
        }
        annotations
    }

    /// How long they are kept after their end.
    pub fn keep(&self) -> Duration {
        self.keep
    }

    /// The one of this id.
    pub fn get(&self, id: Uuid) -> Option<&Arc<Activity>> {
        self.by_id.get(&id)
    }

    /// Those that something of `from` up to, not with, `to` belongs to; in the order in which they came.
    pub fn within(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl DoubleEndedIterator<Item = &Arc<Activity>> {
        let all = self.by_id.values();
        all.filter(move |a| a.timestamp < to && a.end() >= from)
    }

    /// The notes on an alert, in the order in which they came.
    pub fn on(&self, alert: Uuid) -> impl Iterator<Item = &Arc<Activity>> {
        self.by_id.values().filter(move |a| a.alert == Some(alert))
    }

    /// A line of the feed: a new one, or one that takes one back.
    pub(super) fn take(&mut self, activity: &Arc<Activity>) {
        match (activity.annotation(), activity.id) {
            (Some(id), _) => {
                self.by_id.insert(id, activity.clone());
                self.make_room(activity.alert.is_some());
            }
            (None, Some(id)) => {
                self.by_id.remove(&id);
            }
            (None, None) => {}
        }
    }

    /// Puts out the first of a kind of which there are too many: notes on alerts, or all others.
    fn make_room(&mut self, are_notes: bool) {
        if self.by_id.len() <= MAX_ANNOTATIONS {
            return;
        }
        let is_of_kind = |a: &Arc<Activity>| a.alert.is_some() == are_notes;
        let of_kind = self.by_id.values().filter(|a| is_of_kind(a));
        if of_kind.count() > MAX_ANNOTATIONS {
            let first = self.by_id.iter().find(|(_, a)| is_of_kind(a));
            let first = first.map(|(id, _)| *id);
            first.map(|id| self.by_id.remove(&id));
        }
    }

    /// Takes out what ended too long ago.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(self.keep);
        self.by_id
            .retain(|_, annotation| annotation.end() >= before);
    }
}

/// The line that takes an annotation back.
pub(super) fn removal(of: &Activity, now: Timestamp) -> Activity {
    Activity {
        id: of.id,
        alert: of.alert,
        host: of.host.clone(),
        ..Activity::new(Activity::REMOVED, format!("removed: {}", of.message), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn annotation(id: u128, day: u32, until: Option<u32>) -> Activity {
        let at = |day: u32| Timestamp::default().plus(DAY * day);
        Activity {
            id: Some(Uuid::from_u128(id)),
            until: until.map(at),
            ..Activity::new("test", String::new(), at(day))
        }
    }

    #[test]
    fn one_too_many_puts_out_the_one_that_came_first() {
        let all = (0..=MAX_ANNOTATIONS as u128).map(|id| annotation(id, 1, None));
        let annotations = Annotations::new(DAY, all);
        assert_eq!(annotations.by_id.len(), MAX_ANNOTATIONS);
        assert!(annotations.get(Uuid::from_u128(0)).is_none());
        assert!(annotations.get(Uuid::from_u128(1)).is_some());
    }

    #[test]
    fn marks_put_out_no_notes() {
        let note = Activity {
            alert: Some(Uuid::from_u128(7)),
            ..annotation(0, 1, None)
        };
        let marks = (1..=MAX_ANNOTATIONS as u128 + 1).map(|id| annotation(id, 1, None));
        let annotations = Annotations::new(DAY, std::iter::once(note).chain(marks));
        assert!(annotations.get(Uuid::from_u128(0)).is_some());
        assert!(annotations.get(Uuid::from_u128(1)).is_none());
        assert_eq!(annotations.by_id.len(), MAX_ANNOTATIONS + 1);
    }

    #[test]
    fn what_ended_too_long_ago_goes_and_a_long_span_stays() {
        let all = [
            annotation(1, 1, None),
            annotation(2, 1, Some(9)),
            annotation(3, 8, None),
        ];
        let mut annotations = Annotations::new(DAY * 3, all);
        annotations.expire(Timestamp::default().plus(DAY * 10));
        let left: Vec<_> = annotations.by_id.keys().map(Uuid::as_u128).collect();
        assert_eq!(left, [2, 3]);
    }
}
