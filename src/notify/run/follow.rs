//! From transitions to messages: who is to be told, and what is gathered into one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::Runner;
use crate::{
    entry::{What, past::Place},
    model::{AlertEvent, Delivery, DeliveryState, Seq, Telling},
    store::{
        alerts,
        notifications::{Change, Handled},
        readers::Stored,
    },
    stream::filter::{Topic, Topics},
};

/// How long it is waited for the store before a message is sent all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of transitions that are taken in one go, nearly.
const PIECE: usize = 1 << 20;
/// Transitions that are taken out of the store in one go.
const STORED_PIECE: usize = 1000;
/// How long it is waited until the store has written what the log has forgotten already.
const STORED_PATIENCE: Duration = Duration::from_secs(10);

impl Runner {
    /// Takes what happened since.
    pub(super) async fn look(&mut self) {
        let stream = self.stream.clone();
        let log = stream.log();
        let topics = Topics::of(&[Topic::Alerts]);
        loop {
            let head = log.head();
            let found = log.range(topics, self.handled, head, PIECE);
            let before = found.first().map_or(head, |entry| entry.first - 1);
            if self.handled < before.min(log.floor(topics)) {
                self.take_forgotten(before).await;
                continue;
            }
            let events = found.iter().filter_map(|entry| match &entry.what {
                What::Alert { event, .. } => Some(event.clone()),
                _ => None,
            });
            let events: Vec<_> = events.collect();
            let is_all = found
                .last()
                .is_none_or(|last| last.last >= log.last_alert());
            self.handled = match (is_all, found.last()) {
                (false, Some(last)) => last.last,
                _ => head,
            };
            if !events.is_empty() {
                self.take(events);
            }
            self.form_and_keep().await;
            self.depart();
            if is_all {
                return;
            }
        }
    }

    /// Takes the transitions up to a number out of the store: more happened at once than the log keeps (`stream.alerts_kept`). They
    /// were given to the store before anybody heard of them.
    pub(super) async fn take_forgotten(&mut self, upto: Seq) {
        let written = self.store.notifications(Vec::new());
        let written = tokio::time::timeout(STORED_PATIENCE, written);
        let is_written = self.store.is_kept() && matches!(written.await, Ok(Ok(())));
        while self.handled < upto {
            let events = match is_written {
                true => self.stored(upto).await,
                false => Err("the store has not written them".to_owned()),
            };
            let events = events.unwrap_or_else(|why| {
                self.feed(
                    "notification_failed",
                    format!("alerts changed faster than they were followed, and nobody is told of some of that: {why}"),
                );
                Vec::new()
            });
            self.handled = events.last().map_or(upto, |(seq, _)| *seq);
            let events = events.into_iter().map(|(_, event)| Arc::new(event));
            self.take(events.collect());
            self.form_and_keep().await;
            self.depart();
        }
    }

    /// The next transitions up to a number, as the store has them.
    pub(super) async fn stored(&self, upto: Seq) -> Result<Vec<(Seq, AlertEvent)>, String> {
        let place = Place {
            boot: self.stream.log().epoch().boot,
            after: self.handled,
        };
        let read = move |stored: &Stored<'_>| alerts::after(stored, place, upto, STORED_PIECE);
        let pending = self.store.readers().read(read);
        let read = pending.map_err(|busy| busy.to_string())?.await;
        let events = read.map_err(|busy| busy.to_string())?;
        events.map_err(|error| error.to_string())
    }

    /// Finds who is to be told of these.
    pub(super) fn take(&mut self, events: Vec<Arc<AlertEvent>>) {
        let settings = self.notifier.settings();
        let notify = &settings.notify;
        let enabled = notify.channels.iter().filter(|channel| channel.enabled);
        let channels: Vec<Arc<str>> = enabled.map(|channel| channel.name.clone()).collect();
        let book = self.live.read().book.clone();
        for event in &events {
            let rule = book.get(&event.rule).map(|listed| &*listed.rule);
            let told = &mut self.memory.told;
            let notices = told.take(event, rule, (&notify.routes, &channels));
            for (channel, notice) in notices {
                let gathered = self.memory.gathered.entry(channel).or_default();
                gathered.push(notice);
            }
        }
    }

    /// Makes messages of what has been gathered for long enough, writes them down with the place up to which transitions
    /// were taken, and queues them.
    pub(super) async fn form_and_keep(&mut self) {
        let now = self.clock.now();
        let settings = self.notifier.settings();
        let mut made = Vec::new();
        let queues = &mut self.queues;
        self.memory.gathered.retain(|name, notices| {
            let channel = settings.notify.channels.iter().find(|c| c.name == *name);
            let queue = queues.entry(name.clone()).or_default();
            let is_over = notices.iter().any(|n| n.what == Telling::Resolved);
            if now < queue.gathers_until && !is_over {
                return true;
            }
            queue.gathers_until = now.plus(channel.map_or(Duration::ZERO, |c| c.group));
            for piece in notices.chunks(Delivery::MOST) {
                made.push(Delivery {
                    notices: piece.to_vec(),
                    ..Delivery::new(name.clone(), now)
                });
            }
            false
        });
        let mut changes = vec![Change::Handled(Handled {
            boot: self.stream.log().epoch().boot,
            seq: self.handled,
            state: serde_json::to_string(&self.memory).unwrap_or_default(),
        })];
        changes.extend(made.iter().cloned().map(Change::Queued));
        let has_made = !made.is_empty();
        let written = self.store.notifications(changes);
        // Where nothing can be kept there is nothing to wait for.
        let is_well = self.store.is_kept() && !self.store.counts().failing.load(Ordering::Relaxed);
        let kept = has_made
            && is_well
            && matches!(tokio::time::timeout(PATIENCE, written).await, Ok(Ok(())));
        if has_made && !kept {
            let unrecorded = &self.notifier.0.unrecorded;
            unrecorded.fetch_add(made.len() as u64, Ordering::Relaxed);
        }
        for delivery in made {
            self.say(&delivery, DeliveryState::Queued, (0, ""), None, now);
            self.queue(delivery, now);
        }
    }
}
