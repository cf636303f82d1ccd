//! From messages to attempts: the queue of each channel, and what becomes of what is in it.

use std::{sync::Arc, time::Duration};

use super::{Landed, Runner, Waiting, fly};
use crate::{
    model::{Activity, Attempt, Delivery, DeliveryState, Telling, Timestamp},
    notify::{channel::Outcome, retry, said},
    store::notifications::Change,
};

/// How long it is waited after an attempt that broke off.
const AFTER_A_CRASH: Duration = Duration::from_secs(60);

impl Runner {
    pub(super) fn queue(&mut self, delivery: Delivery, now: Timestamp) {
        let most = self.notifier.settings().notify.queue;
        let queue = self.queues.entry(delivery.channel.clone()).or_default();
        if queue.waiting.len() >= most {
            let is_reminder = |waiting: &Waiting| {
                let mut notices = waiting.delivery.notices.iter();
                notices.all(|notice| notice.what == Telling::Reminder)
            };
            // The first one may be on its way.
            let others = queue.waiting.iter().skip(1);
            let reminder = others.clone().position(is_reminder);
            let at = reminder.map_or(1, |at| at + 1);
            if let Some(dropped) = queue.waiting.remove(at.min(queue.waiting.len() - 1)) {
                let why = "more were waiting than may (key notify.queue)";
                self.end(&dropped, DeliveryState::Dropped, why, now);
            }
        }
        let queue = self.queues.entry(delivery.channel.clone()).or_default();
        queue.waiting.push_back(Waiting {
            delivery: Arc::new(delivery),
            attempts: 0,
        });
    }

    /// A message is over without an attempt.
    pub(super) fn end(
        &mut self,
        waiting: &Waiting,
        state: DeliveryState,
        why: &str,
        now: Timestamp,
    ) {
        let Waiting { delivery, attempts } = waiting;
        let ended = Change::Ended {
            delivery: delivery.id,
            state,
            at: now,
            answer: why.to_owned(),
        };
        drop(self.store.notifications(vec![ended]));
        self.say(delivery, state, (*attempts, why), None, now);
        self.tell_failure(&delivery.channel, state, why);
        let mut status = self.notifier.0.status.lock();
        status.entry(delivery.channel.clone()).or_default().failed += 1;
    }

    /// Sends the first of each queue whose time has come.
    pub(super) fn depart(&mut self) {
        self.speak();
        let now = self.clock.now();
        let settings = self.notifier.settings();
        for (name, queue) in &mut self.queues {
            let channel = settings.notify.channels.iter().find(|c| c.name == *name);
            let Some(channel) = channel.filter(|c| c.enabled) else {
                continue;
            };
            let first = queue.waiting.front();
            let Some(first) = first.filter(|_| !queue.is_busy && queue.not_before <= now) else {
                continue;
            };
            queue.is_busy = true;
            let flight = fly(
                self.sender.clone(),
                channel.clone(),
                first.delivery.clone(),
                settings.base.clone(),
                (first.attempts + 1, now),
                None,
            );
            let flight = self.flights.spawn(flight);
            self.bound_for.insert(flight.id(), name.clone());
        }
        self.show();
    }

    /// An attempt broke off, which is our fault: it is made again after a while, and nothing else is held up.
    pub(super) fn crashed(&mut self, error: &tokio::task::JoinError) {
        tracing::error!(%error, "an attempt to tell people broke off");
        let channel = self.bound_for.remove(&error.id());
        if let Some(queue) = channel.and_then(|channel| self.queues.get_mut(&channel)) {
            queue.is_busy = false;
            queue.not_before = self.clock.now().plus(AFTER_A_CRASH);
        }
    }

    /// An attempt is over: what became of it is written down, and the queue goes on.
    pub(super) fn landed(&mut self, landed: Landed) {
        let now = self.clock.now();
        let give_up = self.notifier.settings().notify.give_up;
        let (state, answer, wait) = match landed.outcome {
            Outcome::Taken(answer) => (DeliveryState::Sent, answer, None),
            Outcome::Never(why) => (DeliveryState::Failed, why, None),
            Outcome::Again(why, _) if landed.test.is_some() => (DeliveryState::Failed, why, None),
            Outcome::Again(why, asked) => {
                let wait = retry::wait(landed.number, rand::random(), asked);
                match now.plus(wait).since(landed.delivery.created) >= give_up {
                    true => (DeliveryState::Expired, why, None),
                    false => (DeliveryState::Queued, why, Some(wait)),
                }
            }
        };
        let attempt = Attempt {
            delivery: landed.delivery.id,
            number: landed.number,
            at: landed.at,
            took_ms: u64::try_from(now.since(landed.at).as_millis()).unwrap_or(u64::MAX),
            state,
            answer: answer.clone(),
            again: wait.map(|wait| now.plus(wait)),
        };
        let said = (landed.number, answer.as_str());
        self.say(&landed.delivery, state, said, Some(&attempt), now);
        let change = Change::Attempt(attempt.clone());
        drop(self.store.notifications(vec![change]));
        let queue = self.queues.entry(landed.channel.clone()).or_default();
        let is_test = landed.test.is_some();
        if let Some(test) = landed.test {
            test.end(attempt.clone());
        } else {
            queue.is_busy = false;
            queue.not_before = attempt.again.unwrap_or(now);
            // It is not there any more where the channel has gone meanwhile.
            let first = queue.waiting.front_mut();
            if let Some(first) = first.filter(|first| first.delivery.id == landed.delivery.id) {
                first.attempts = landed.number;
                if state != DeliveryState::Queued {
                    queue.waiting.pop_front();
                }
            }
        }
        let was_failing = std::mem::replace(&mut queue.is_failing, state != DeliveryState::Sent);
        let is_first = !was_failing && state == DeliveryState::Queued;
        if !is_test && (is_first || !matches!(state, DeliveryState::Queued | DeliveryState::Sent)) {
            self.tell_failure(&landed.channel, state, &answer);
        }
        let mut status = self.notifier.0.status.lock();
        let status = status.entry(landed.channel).or_default();
        match state {
            DeliveryState::Queued => {}
            DeliveryState::Sent => status.sent += 1,
            _ => status.failed += 1,
        }
        status.again = attempt.again;
        status.last = Some(attempt);
    }

    /// Puts into the stream what became of a message: after so many attempts, the last of which was answered so.
    pub(super) fn say(
        &mut self,
        delivery: &Delivery,
        state: DeliveryState,
        (attempts, answer): (u32, &str),
        attempt: Option<&Attempt>,
        now: Timestamp,
    ) {
        let event = said::event(delivery, state, (attempts, answer), attempt, now);
        self.unsaid.push(event);
        self.speak();
    }

    /// Puts into the stream what is not there yet, as far as there is room.
    pub(super) fn speak(&mut self) {
        self.unsaid.say(|event| self.inlet.delivery(event).is_ok());
    }

    /// Puts into the feed that people were not told.
    pub(super) fn tell_failure(&self, channel: &str, state: DeliveryState, why: &str) {
        let (kind, what) = match state {
            DeliveryState::Queued => (
                "notification_retried",
                "cannot be reached, and is tried again",
            ),
            DeliveryState::Expired => ("notification_failed", "was tried for too long"),
            DeliveryState::Dropped => ("notification_failed", "was not told of something"),
            _ => ("notification_failed", "refuses a message"),
        };
        self.feed(kind, format!("the channel {channel} {what}: {why}"));
    }

    /// Says it in the log and in the feed.
    pub(super) fn feed(&self, kind: &str, message: String) {
        tracing::warn!("{message}");
        // A feed that is full now has more to say than this.
        let _ = self
            .inlet
            .activity(Activity::new(kind, message, self.clock.now()));
    }
}
