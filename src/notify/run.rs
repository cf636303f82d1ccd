//! The task that tells people.

mod follow;
mod send;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Notifier, Test,
    channel::{Outcome, Sender},
    message::Message,
    plan::Plan,
    said::Unsaid,
};
use crate::{
    config::notify::Channel,
    model::{AlertEvent, Clock, Delivery, DeliveryEvent, DeliveryState, Notice, Seq, Timestamp},
    pipeline::{Inlet, Live},
    store::{
        Store,
        notifications::{Change, Left},
    },
    stream::Stream,
};

/// When what found no room in the stream is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// What the notifier works with.
pub struct Parts {
    /// The clock everybody uses.
    pub clock: Arc<Clock>,
    /// Where transitions come from.
    pub stream: Stream,
    /// Where rules are found.
    pub live: Live,
    /// What remembers.
    pub store: Store,
    /// The way into the feed.
    pub inlet: Inlet,
    /// What the last life of the server left.
    pub left: Left,
    /// What it had written down of messages and not told yet.
    pub untold: VecDeque<DeliveryEvent>,
}

/// See the module.
pub struct Runner {
    notifier: Notifier,
    tests: mpsc::Receiver<Test>,
    clock: Arc<Clock>,
    stream: Stream,
    live: Live,
    store: Store,
    inlet: Inlet,
    sender: Sender,
    memory: Memory,
    /// Up to here transitions were taken.
    handled: Seq,
    queues: BTreeMap<Arc<str>, Queue>,
    flights: JoinSet<Landed>,
    /// The channel that each flight is to; none of those that somebody tries.
    bound_for: HashMap<tokio::task::Id, Arc<str>>,
    missed: Vec<AlertEvent>,
    /// What became of messages and is not in the stream yet: there was no room.
    unsaid: Unsaid,
}

/// What is remembered over a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    told: Plan,
    /// Notices that are gathered, by channel.
    gathered: BTreeMap<Arc<str>, Vec<Notice>>,
}

/// Messages to one channel.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// One of them is being sent.
    is_busy: bool,
    /// Nothing is sent before.
    not_before: Timestamp,
    /// What fires before this is gathered.
    gathers_until: Timestamp,
    /// It did not take the newest message.
    is_failing: bool,
    /// The channel is used.
    is_open: bool,
}

struct Waiting {
    delivery: Arc<Delivery>,
    attempts: u32,
}

/// An attempt that is over.
struct Landed {
    channel: Arc<str>,
    delivery: Arc<Delivery>,
    number: u32,
    at: Timestamp,
    outcome: Outcome,
    /// Who tries the channel; none for what was in its queue.
    test: Option<Test>,
}

impl Runner {
    pub(super) fn new(notifier: Notifier, tests: mpsc::Receiver<Test>, parts: Parts) -> Self {
        let Left {
            handled,
            queued,
            missed,
        } = parts.left;
        let memory = handled.and_then(|handled| {
            let read = serde_json::from_str(&handled.state);
            read.inspect_err(|error| {
                tracing::error!(%error, "what people were told before the start cannot be read; they may be told again");
            })
            .ok()
        });
        let mut queues: BTreeMap<Arc<str>, Queue> = BTreeMap::new();
        for (delivery, attempts) in queued {
            let queue = queues.entry(delivery.channel.clone()).or_default();
            queue.waiting.push_back(Waiting {
                delivery: Arc::new(delivery),
                attempts,
            });
        }
        Self {
            notifier,
            tests,
            clock: parts.clock,
            stream: parts.stream,
            live: parts.live,
            store: parts.store,
            inlet: parts.inlet,
            sender: Sender::default(),
            memory: memory.unwrap_or_default(),
            handled: 0,
            queues,
            flights: JoinSet::new(),
            bound_for: HashMap::new(),
            missed,
            unsaid: Unsaid::new(parts.untold),
        }
    }

    /// Runs until `stop` is cancelled; what waits then waits in the store.
    pub async fn run(mut self, stop: CancellationToken) {
        let (stream, notifier) = (self.stream.clone(), self.notifier.clone());
        let missed = std::mem::take(&mut self.missed);
        self.speak();
        self.take(missed.into_iter().map(Arc::new).collect());
        self.drop_gone();
        self.look().await;
        loop {
            let wait = self.next().map(|at| at.since(self.clock.now()));
            let timer = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait + Duration::from_millis(1)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = stream.alerted().notified() => self.look().await,
                () = notifier.0.configured.notified() => self.configured().await,
                Some(test) = self.tests.recv() => self.test(test),
                Some(landed) = self.flights.join_next_with_id(), if !self.flights.is_empty() => {
                    match landed {
                        Ok((id, landed)) => {
                            self.bound_for.remove(&id);
                            self.landed(landed);
                        }
                        Err(error) => self.crashed(&error),
                    }
                    self.depart();
                }
                () = timer => {
                    self.form_and_keep().await;
                    self.depart();
                }
            }
        }
    }

    /// Goes on with settings that have changed.
    async fn configured(&mut self) {
        self.drop_gone();
        self.form_and_keep().await;
        self.depart();
    }

    /// Tries a channel.
    fn test(&mut self, test: Test) {
        let settings = self.notifier.settings();
        let mut known = settings.notify.channels.iter();
        // It may have gone meanwhile: then whoever tries it is told so.
        let Some(channel) = known.find(|c| c.name == test.channel) else {
            return;
        };
        let now = self.clock.now();
        let delivery = Delivery::test(test.channel.clone(), now);
        let change = Change::Queued(delivery.clone());
        drop(self.store.notifications(vec![change]));
        let flight = fly(
            self.sender.clone(),
            channel.clone(),
            Arc::new(delivery),
            settings.base.clone(),
            (1, now),
            Some(test),
        );
        self.flights.spawn(flight);
    }

    /// What waits for channels that are not there any more will not be sent.
    fn drop_gone(&mut self) {
        let now = self.clock.now();
        let settings = self.notifier.settings();
        let is_there = |name: &str| settings.notify.channels.iter().any(|c| &*c.name == name);
        let gone: Vec<_> = self
            .queues
            .keys()
            .filter(|name| !is_there(name))
            .cloned()
            .collect();
        for name in gone {
            // A test is a delivery that nobody waits for after a restart.
            let queue = self.queues.remove(&name).unwrap_or_default();
            for waiting in queue.waiting {
                let why = "there is no such channel any more";
                self.end(&waiting, DeliveryState::Dropped, why, now);
            }
        }
        self.memory.gathered.retain(|name, _| is_there(name));
        self.notifier
            .0
            .status
            .lock()
            .retain(|name, _| is_there(name));
        for channel in &settings.notify.channels {
            let queue = self.queues.entry(channel.name.clone()).or_default();
            queue.is_open = channel.enabled;
        }
        self.show();
    }

    /// Has the status say how much waits.
    fn show(&self) {
        let mut status = self.notifier.0.status.lock();
        for (name, queue) in &self.queues {
            status.entry(name.clone()).or_default().waiting = queue.waiting.len();
        }
    }

    /// When there is something to do by the clock.
    fn next(&self) -> Option<Timestamp> {
        let gathers = self.memory.gathered.keys();
        let gathered = gathers.filter_map(|name| Some(self.queues.get(name)?.gathers_until));
        let queues = self.queues.values();
        let waiting =
            queues.filter(|queue| queue.is_open && !queue.is_busy && !queue.waiting.is_empty());
        let unsaid = (!self.unsaid.is_empty()).then(|| self.clock.now().plus(AGAIN));
        gathered
            .chain(unsaid)
            .chain(waiting.map(|queue| queue.not_before))
            .min()
    }
}

/// One attempt.
async fn fly(
    sender: Sender,
    channel: Arc<Channel>,
    delivery: Arc<Delivery>,
    base: String,
    (number, at): (u32, Timestamp),
    test: Option<Test>,
) -> Landed {
    let message = Message {
        delivery: &delivery,
        base: &base,
    };
    let outcome = sender.send(&channel, &message, at).await;
    Landed {
        channel: channel.name.clone(),
        delivery,
        number,
        at,
        outcome,
        test,
    }
}
