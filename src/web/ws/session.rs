//! A socket's session: its subscriptions, its answers, its end.
//!
//! Answers wait in a queue of at most [`OUTBOX`] and about [`OUTBOX_BYTES`]; while it is full no further command is read, so a client that sends
//! and never reads is held by TCP, not by our memory.

mod commands;

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use smallvec::SmallVec;
use tokio::sync::Notify;
use uuid::Uuid;

pub use self::commands::{Message, command};
use super::{close, command::Refusal, frames, initial::Initial, peer::Peer};
use crate::{
    model::Person,
    stream::{
        cursor::{Cursor, Step},
        encode,
        filter::Topic,
        shard::{Due, Ticket},
        view::Notation,
    },
    web::{
        connection::{Connection, gap_fields, reset_fields},
        limits::Limit,
        state::State,
    },
};

/// Answers that may wait, and bytes in them, before no further command is read.
const OUTBOX: usize = 64;
const OUTBOX_BYTES: usize = 1 << 20;
/// Commands over the rate that are answered before the socket is closed.
const PATIENCE: u32 = 100;

/// See the module.
pub struct Session {
    state: State,
    notation: Notation,
    /// Who sends the commands.
    person: Person,
    outbox: VecDeque<Bytes>,
    /// Something was taken out of the outbox, or nobody is there any more.
    room: Rc<Notify>,
    /// Most sockets have one, so that is at hand.
    subscriptions: SmallVec<[Subscription; 1]>,
    /// Where the round over the subscriptions goes on.
    turn: usize,
    named: u64,
    rate: DefaultDirectRateLimiter,
    over_rate: u32,
    closing: Option<(u16, &'static str)>,
    closed: bool,
    waker: Option<Waker>,
    heard_at: Instant,
    pinged_at: Instant,
}

struct Subscription {
    name: Arc<str>,
    cursor: Cursor,
    initial: Option<Box<Initial>>,
    requested: String,
    status_version: u64,
    /// Everything that was asked for was sent.
    over: bool,
}

/// What the sending side holds of the server for a session, and gives back as soon as it ends.
pub struct Client {
    /// Its place in the worker's shard.
    pub ticket: Ticket,
    /// Its place among all clients.
    pub connection: Connection,
}

/// Waits until there is room for another answer, or no answer is wanted any more.
pub async fn room(peer: &Peer) {
    until(peer, |session| session.has_room() || session.is_closing()).await;
}

/// Waits until nobody is there any more.
async fn gone(peer: &Peer) {
    until(peer, |session| session.closed).await;
}

/// For the reading side alone.
async fn until(peer: &Peer, is: impl Fn(&Session) -> bool) {
    loop {
        let notify = {
            let session = peer.session();
            if is(&session) {
                return;
            }
            session.room.clone()
        };
        notify.notified().await;
    }
}

impl Session {
    /// A session that begins with its `hello`.
    pub fn new(state: &State, notation: Notation, person: Person) -> Self {
        let stream = state.stream();
        let limits = state.websocket();
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.commands_per_second))
            .allow_burst(at_least_one(limits.command_burst));
        let hello = format!(
            ",\"version\":\"{}\",\"session\":\"{}\",\"position\":\"{}\",\"clients\":{},\"limits\":{{\"frame\":{},\"subscriptions\":{}}}",
            env!("CARGO_PKG_VERSION"),
            Uuid::new_v4(),
            stream.log().position(),
            stream.counters().clients(),
            limits.max_frame,
            limits.max_subscriptions,
        );
        let mut session = Self {
            state: state.clone(),
            notation,
            person,
            outbox: VecDeque::new(),
            room: Rc::new(Notify::new()),
            subscriptions: SmallVec::new(),
            turn: 0,
            named: 0,
            rate: RateLimiter::direct(quota),
            over_rate: 0,
            closing: None,
            closed: false,
            waker: None,
            heard_at: Instant::now(),
            pinged_at: Instant::now(),
        };
        session.say("hello", None, &hello);
        session
    }

    /// A sign of life from the client.
    pub fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    /// Answers a ping.
    pub fn pinged(&mut self, payload: &[u8]) {
        if self.counted() {
            self.answer(frames::pong(payload));
        }
    }

    /// An answer to a ping, asked for or not.
    pub fn ponged(&mut self) {
        self.counted();
    }

    /// Sends a frame.
    pub fn answer(&mut self, frame: Bytes) {
        self.outbox.push_back(frame);
        self.wake();
    }

    /// Ends the session, once: what waits is sent, then the close.
    pub fn close(&mut self, code: u16, reason: &'static str) {
        self.closing.get_or_insert((code, reason));
        self.wake();
    }

    /// Nobody is there any more: drops what waits.
    pub fn hang_up(&mut self) {
        self.closed = true;
        self.closing.get_or_insert((close::NORMAL, ""));
        self.subscriptions.clear();
        self.outbox.clear();
        self.room.notify_one();
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.outbox.iter().map(Bytes::len).sum();
        self.outbox.len() < OUTBOX && bytes < OUTBOX_BYTES
    }

    /// Whether it is ending.
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn say(&mut self, kind: &str, id: Option<&str>, fields: &str) {
        let id = id.map(|id| format!(",\"id\":{id}")).unwrap_or_default();
        let payload = format!("{{\"type\":\"{kind}\"{id}{fields}}}");
        self.answer(encode::frame(self.notation, payload.as_bytes()));
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let message = serde_json::Value::from(refusal.message.as_str());
        let fields = format!(",\"code\":\"{}\",\"message\":{message}", refusal.code);
        self.say("error", refusal.id.as_deref(), &fields);
    }

    /// Whether one more message is within the rate; who goes on sending over it is closed.
    fn counted(&mut self) -> bool {
        if self.rate.check().is_ok() {
            self.over_rate = 0;
            return true;
        }
        self.over_rate += 1;
        self.state.limits().count(Limit::Commands);
        if self.over_rate > PATIENCE {
            self.close(close::RATE_LIMITED, "too many commands");
        }
        false
    }

    /// Whether another command is within the rate; if not, its `id` goes with the refusal.
    fn within_rate(&mut self, id: impl FnOnce() -> Option<String>) -> bool {
        if self.counted() {
            return true;
        }
        if !self.is_closing() {
            let limits = self.state.websocket();
            let message = format!(
                "at most {} commands a second, {} at once (key {}); this one was not done",
                limits.commands_per_second,
                limits.command_burst,
                Limit::Commands.key(),
            );
            self.refuse(&Refusal {
                id: id(),
                code: "rate_limited",
                message,
            });
        }
        false
    }

    /// The next bytes for the connection.
    pub fn poll_next(&mut self, client: &Client, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.closed {
            return Poll::Ready(None);
        }
        if let Some(frame) = self.outbox.pop_front() {
            self.room.notify_one();
            return Poll::Ready(Some(frame));
        }
        if let Some((code, reason)) = self.closing {
            self.closed = true;
            return Poll::Ready(Some(frames::close(code, reason)));
        }
        let now = Instant::now();
        let mut due = None;
        for _ in 0..self.subscriptions.len() {
            self.turn = (self.turn + 1) % self.subscriptions.len();
            match self.subscription(client, self.turn, now) {
                Ok(bytes) if !bytes.is_empty() => return Poll::Ready(Some(bytes)),
                Ok(_) => {}
                Err(Some(at)) => due = Some(due.map_or(at, |due: Instant| due.min(at))),
                Err(None) => {}
            }
            if self.closing.is_some() {
                return self.poll_next(client, cx);
            }
        }
        if client.ticket.is_draining() {
            let retry = self.state.door().drain_millis();
            self.say("draining", None, &format!(",\"retry\":{retry}"));
            self.close(close::GOING_AWAY, "the server is going away");
            return self.poll_next(client, cx);
        }
        let ping = self.state.websocket().ping;
        let gone_at = self.heard_at + ping * 2 + ping / 2;
        if now >= gone_at {
            // It has answered neither of two pings: nobody is there to read a close.
            self.closed = true;
            return Poll::Ready(None);
        }
        if now.duration_since(self.pinged_at) >= ping {
            self.pinged_at = now;
            return Poll::Ready(Some(frames::ping()));
        }
        let exactly = due.map_or(gone_at, |due| due.min(gone_at));
        let due = Due::new(Some(exactly), self.pinged_at + ping, ping);
        if !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        client.ticket.park(cx.waker(), due);
        self.subscriptions
            .iter()
            .for_each(|s| s.cursor.park(cx.waker()));
        Poll::Pending
    }

    /// The next bytes of one subscription, or when it may have some without a tick.
    fn subscription(
        &mut self,
        client: &Client,
        at: usize,
        now: Instant,
    ) -> Result<Bytes, Option<Instant>> {
        let stream = client.ticket.stream();
        let subscription = &mut self.subscriptions[at];
        if subscription.over || subscription.cursor.is_paused() {
            return Err(None);
        }
        if let Some(initial) = &mut subscription.initial {
            if let Some(frame) = initial.next(self.state.live(), &subscription.name, self.notation)
            {
                return Ok(frame);
            }
            subscription.initial = None;
        }
        let step = subscription
            .cursor
            .step(stream, self.state.door().time(now));
        let tell = |cursor: &Cursor, event, position, fields: &str| {
            encode::control(&cursor.view().spec.encoding, event, position, fields)
        };
        let cursor = &mut subscription.cursor;
        match step {
            Step::Send(bytes) => {
                client.ticket.sent(cursor, bytes.len());
                Ok(bytes)
            }
            Step::Reset(reason) => {
                client.connection.reset();
                let position = cursor.position(stream);
                let fields = reset_fields(reason, &subscription.requested, position);
                Ok(tell(cursor, "reset", Some(position), &fields))
            }
            Step::Gap { from, to } => Ok(tell(cursor, "gap", None, &gap_fields(from, to))),
            Step::Lagged(skipped) => {
                client.connection.lagged(skipped);
                let fields = format!(",\"skipped\":{skipped}");
                Ok(tell(cursor, "lagged", None, &fields))
            }
            Step::End(reason) => {
                subscription.over = true;
                let fields = format!(",\"reason\":\"{}\"", reason.as_str());
                Ok(tell(cursor, "end", None, &fields))
            }
            Step::TooSlow => {
                client.connection.too_slow();
                self.close(close::TOO_SLOW, "too slow for the alerts");
                Err(None)
            }
            Step::Wait { due } => {
                if cursor.view().spec.topics.contains(Topic::Status) {
                    let status = stream.status();
                    if status.version > subscription.status_version {
                        subscription.status_version = status.version;
                        return Ok(tell(cursor, "status", None, &status.fields));
                    }
                }
                Err(due.map(|due| now + due))
            }
        }
    }
}
