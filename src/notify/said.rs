//! What the stream says of messages.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::message::Message;
use crate::{
    model::{Attempt, Delivery, DeliveryEvent, DeliveryState, Timestamp},
    store::notifications::Entry,
};

/// What became of messages and waits for room in the stream, at most.
const MOST: usize = 10_000;

/// What a delivery is like after so many attempts, the last of which was answered so.
pub(super) fn event(
    delivery: &Delivery,
    state: DeliveryState,
    (attempts, answer): (u32, &str),
    attempt: Option<&Attempt>,
    now: Timestamp,
) -> DeliveryEvent {
    let message = Message { delivery, base: "" };
    let notices = delivery.notices.iter();
    DeliveryEvent {
        id: delivery.id,
        channel: delivery.channel.clone(),
        state,
        attempts,
        answer: answer.to_owned(),
        took_ms: attempt.map(|attempt| attempt.took_ms),
        again: attempt.and_then(|attempt| attempt.again),
        title: message.title(),
        alerts: notices.map(|notice| notice.event.id).collect(),
        test: delivery.test,
        created: delivery.created,
        timestamp: now,
    }
}

/// How a delivery stands in the ledger.
fn of_entry(entry: &Entry) -> DeliveryEvent {
    let last = entry.attempts.last();
    let tried = last.map(|attempt| attempt.at.plus(attempt.took()));
    let at = entry.ended.or(tried).unwrap_or(entry.delivery.created);
    let attempts = last.map_or(0, |attempt| attempt.number);
    event(
        &entry.delivery,
        entry.state,
        (attempts, &entry.answer),
        last,
        at,
    )
}

/// How the deliveries of the ledger stand, and of these what the stream has not told: a server that was killed had written
/// down more than it had said. `said` is what the stream told last, oldest first.
pub fn from_ledger(
    ledger: &[Entry],
    said: &[DeliveryEvent],
) -> (Vec<DeliveryEvent>, VecDeque<DeliveryEvent>) {
    let last: HashMap<Uuid, &DeliveryEvent> = said.iter().map(|event| (event.id, event)).collect();
    let until = said.iter().map(|event| event.timestamp).max();
    let stand: Vec<_> = ledger.iter().map(of_entry).collect();
    let is_untold = |event: &&DeliveryEvent| match last.get(&event.id) {
        Some(last) => (last.state, last.attempts) != (event.state, event.attempts),
        // What is older is no longer kept.
        None => until.is_some_and(|until| event.timestamp >= until),
    };
    let mut untold: Vec<_> = stand.iter().filter(is_untold).cloned().collect();
    untold.sort_by_key(|event| event.timestamp);
    (stand, untold.into())
}

/// What is to be said as soon as there is room.
#[derive(Debug, Default)]
pub(super) struct Unsaid(VecDeque<DeliveryEvent>);

impl Unsaid {
    pub(super) fn new(events: VecDeque<DeliveryEvent>) -> Self {
        Self(events)
    }

    /// Of too many the oldest is left out, rather one that a later one of its delivery makes up for.
    pub(super) fn push(&mut self, event: DeliveryEvent) {
        if self.0.len() >= MOST {
            let earlier = self.0.iter().position(|other| other.id == event.id);
            self.0.remove(earlier.unwrap_or(0));
        }
        self.0.push_back(event);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says it, one after the other, while it is taken.
    pub(super) fn say(&mut self, mut take: impl FnMut(DeliveryEvent) -> bool) {
        while let Some(event) = self.0.front() {
            if !take(event.clone()) {
                break;
            }
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u128, state: DeliveryState, attempts: u32, at: i64) -> Entry {
        let delivery = Delivery {
            id: Uuid::from_u128(id),
            channel: "hook".into(),
            created: Timestamp::from_millis(1),
            notices: Vec::new(),
            more: 0,
            test: true,
        };
        let attempts = (1..=attempts).map(|number| Attempt {
            delivery: delivery.id,
            number,
            at: Timestamp::from_millis(at),
            took_ms: 0,
            state,
            answer: "200".to_owned(),
            again: None,
        });
        Entry {
            state,
            answer: "200".to_owned(),
            ended: None,
            attempts: attempts.collect(),
            delivery,
        }
    }

    #[test]
    fn what_was_written_down_and_not_said_is_said() {
        let (queued, sent) = (DeliveryState::Queued, DeliveryState::Sent);
        let said = [
            of_entry(&entry(2, sent, 1, 50)),
            of_entry(&entry(3, queued, 0, 60)),
        ];
        let ledger = [
            entry(1, sent, 1, 10),
            entry(2, sent, 1, 50),
            entry(3, sent, 1, 90),
            entry(4, sent, 1, 80),
        ];
        let (stand, untold) = from_ledger(&ledger, &said);
        let ids = |events: Vec<DeliveryEvent>| -> Vec<u128> {
            events.iter().map(|event| event.id.as_u128()).collect()
        };
        assert_eq!(ids(stand), [1, 2, 3, 4]);
        assert_eq!(ids(untold.into()), [4, 3]);
    }

    #[test]
    fn how_a_delivery_ended_is_said_whatever_is_left_out() {
        let mut unsaid = Unsaid::default();
        for id in 0..MOST as u128 {
            unsaid.push(of_entry(&entry(id, DeliveryState::Queued, 0, 0)));
        }
        unsaid.push(of_entry(&entry(7, DeliveryState::Sent, 1, 0)));
        unsaid.push(of_entry(&entry(MOST as u128, DeliveryState::Queued, 0, 0)));
        let mut said = Vec::new();
        unsaid.say(|event| {
            said.push((event.id.as_u128(), event.state));
            true
        });
        assert_eq!(said.len(), MOST);
        assert_eq!(said[0].0, 1);
        assert!(said.contains(&(7, DeliveryState::Sent)));
        assert!(!said.contains(&(7, DeliveryState::Queued)));
    }
}
