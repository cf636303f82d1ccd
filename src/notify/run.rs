//! The task that tells people.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
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
    retry,
    said::{self, Unsaid},
};
use crate::{
    config::notify::Channel,
    entry::{What, past::Place},
    model::{
        Activity, AlertEvent, Attempt, Clock, Delivery, DeliveryEvent, DeliveryState, Notice, Seq,
        Telling, Timestamp,
    },
    pipeline::{Inlet, Live},
    store::{
        Store, alerts,
        notifications::{Change, Handled, Left},
        readers::Stored,
    },
    stream::{
        Stream,
        filter::{Topic, Topics},
    },
};

/// How long it is waited for the store before a message is sent all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it is waited after an attempt that broke off.
const AFTER_A_CRASH: Duration = Duration::from_secs(60);
/// When what found no room in the stream is tried again.
const AGAIN: Duration = Duration::from_millis(100);
/// Bytes of transitions that are taken in one go, nearly.
const PIECE: usize = 1 << 20;
/// Transitions that are taken out of the store in one go.
const STORED_PIECE: usize = 1000;
/// How long it is waited until the store has written what the log has forgotten already.
const STORED_PATIENCE: Duration = Duration::from_secs(10);

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

    /// Takes what happened since.
    async fn look(&mut self) {
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
    async fn take_forgotten(&mut self, upto: Seq) {
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
    async fn stored(&self, upto: Seq) -> Result<Vec<(Seq, AlertEvent)>, String> {
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
    fn take(&mut self, events: Vec<Arc<AlertEvent>>) {
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
    async fn form_and_keep(&mut self) {
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

    fn queue(&mut self, delivery: Delivery, now: Timestamp) {
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
    fn end(&mut self, waiting: &Waiting, state: DeliveryState, why: &str, now: Timestamp) {
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
    fn depart(&mut self) {
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
    fn crashed(&mut self, error: &tokio::task::JoinError) {
        tracing::error!(%error, "an attempt to tell people broke off");
        let channel = self.bound_for.remove(&error.id());
        if let Some(queue) = channel.and_then(|channel| self.queues.get_mut(&channel)) {
            queue.is_busy = false;
            queue.not_before = self.clock.now().plus(AFTER_A_CRASH);
        }
    }

    /// An attempt is over: what became of it is written down, and the queue goes on.
    fn landed(&mut self, landed: Landed) {
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
    fn say(
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
    fn speak(&mut self) {
        self.unsaid.say(|event| self.inlet.delivery(event).is_ok());
    }

    /// Puts into the feed that people were not told.
    fn tell_failure(&self, channel: &str, state: DeliveryState, why: &str) {
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
    fn feed(&self, kind: &str, message: String) {
        tracing::warn!("{message}");
        // A feed that is full now has more to say than this.
        let _ = self
            .inlet
            .activity(Activity::new(kind, message, self.clock.now()));
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
