//! A socket's session: its subscriptions, its answers, its end.
//!
//! Answers wait in a queue of at most [`OUTBOX`] and about [`OUTBOX_BYTES`]; while it is full no further command is read, so a client that sends
//! and never reads is held by TCP, not by our memory.

use std::{
    cell::RefCell,
    collections::VecDeque,
    num::NonZeroU32,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    close,
    command::{self, Command, Refusal, Subscribe},
    frames,
    initial::Initial,
};
use crate::{
    control,
    stream::{
        Stream,
        cursor::{Cursor, Missed, Step},
        encode::{self, text_frame},
        filter::{Filter, Topic},
        log::Start,
        shard::{Shard, Ticket},
        view::{Encoding, Shape, ViewSpec},
    },
    web::{
        connection::{Connection, reset_fields},
        query::Since,
        start,
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
    ticket: Ticket,
    connection: Connection,
    outbox: VecDeque<Bytes>,
    room: Rc<Notify>,
    subscriptions: Vec<Subscription>,
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
    initial: Option<Initial>,
    requested: String,
    status_version: u64,
}

/// Waits until there is room for another answer.
pub async fn room(session: &Rc<RefCell<Session>>) {
    loop {
        let notify = {
            let session = session.borrow();
            if session.has_room() || session.is_closing() {
                return;
            }
            session.room.clone()
        };
        notify.notified().await;
    }
}

/// Does what a text frame asks for and answers it.
pub async fn command(session: &Rc<RefCell<Session>>, state: &State, text: &str) {
    if !session.borrow_mut().within_rate() {
        return;
    }
    let frame = match command::parse(text) {
        Ok(frame) => frame,
        Err(refusal) => return session.borrow_mut().refuse(&refusal),
    };
    let id = frame.id;
    let control = match frame.command {
        Command::Source(name, action) => control::Command::Source { name, action },
        Command::Acknowledge(alert) => control::Command::Acknowledge(alert),
        Command::Dismiss(alert) => control::Command::Dismiss(alert),
        Command::Clear => control::Command::Clear,
        own => {
            let mut session = session.borrow_mut();
            if let Err((code, message)) = session.own(own, id.as_deref()) {
                session.refuse(&Refusal { id, code, message });
            }
            return;
        }
    };
    let kind = control.done_word();
    let done = state.control().execute(control).await;
    let mut session = session.borrow_mut();
    match done {
        Ok(changed) => session.say(kind, id.as_deref(), &format!(",\"changed\":{changed}")),
        Err(error) => session.refuse(&Refusal {
            id,
            code: error.code(),
            message: error.to_string(),
        }),
    }
}

impl Session {
    /// A session that begins with its `hello`.
    pub fn new(state: &State, shard: &Shard) -> Self {
        let stream = shard.stream();
        let limits = state.websocket();
        let connection = Connection::socket(stream);
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
            ticket: shard.join(),
            connection,
            outbox: VecDeque::new(),
            room: Rc::new(Notify::new()),
            subscriptions: Vec::new(),
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

    /// Commands are text.
    pub fn refuse_binary(&mut self) {
        if !self.within_rate() {
            return;
        }
        self.refuse(&Refusal {
            id: None,
            code: "bad_frame",
            message: "commands are JSON in text frames".to_owned(),
        });
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn say(&mut self, kind: &str, id: Option<&str>, fields: &str) {
        let id = id.map(|id| format!(",\"id\":{id}")).unwrap_or_default();
        let payload = format!("{{\"type\":\"{kind}\"{id}{fields}}}");
        self.answer(text_frame(payload.as_bytes()));
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let message = serde_json::Value::from(refusal.message.as_str());
        let fields = format!(",\"code\":\"{}\",\"message\":{message}", refusal.code);
        self.say("error", refusal.id.as_deref(), &fields);
    }

    fn within_rate(&mut self) -> bool {
        if self.rate.check().is_ok() {
            self.over_rate = 0;
            return true;
        }
        self.over_rate += 1;
        if self.over_rate > PATIENCE {
            self.close(close::RATE_LIMITED, "too many commands");
        } else {
            let limits = self.state.websocket();
            let message = format!(
                "at most {} commands a second, {} at once; this one was not done",
                limits.commands_per_second, limits.command_burst
            );
            self.refuse(&Refusal {
                id: None,
                code: "rate_limited",
                message,
            });
        }
        false
    }

    /// Does what concerns this session alone.
    fn own(&mut self, command: Command, id: Option<&str>) -> Result<(), (&'static str, String)> {
        match command {
            Command::Ping => {
                let now = self.state.now();
                self.say("pong", id, &format!(",\"timestamp\":\"{now}\""));
            }
            Command::Subscribe(subscribe) => self.subscribe(*subscribe, id)?,
            Command::Unsubscribe(name) => {
                let at = self.find(&name)?;
                self.subscriptions.remove(at);
                self.say("unsubscribed", id, &named(&name));
            }
            Command::Pause(name) => {
                for at in self.of(name.as_deref())? {
                    self.subscriptions[at].cursor.pause();
                }
                self.say(
                    "paused",
                    id,
                    &name.as_deref().map(named).unwrap_or_default(),
                );
            }
            Command::Resume(name, missed) => {
                let skipped = self.resume(name.as_deref(), missed)?;
                let name = name.as_deref().map(named).unwrap_or_default();
                self.say("resumed", id, &format!("{name},\"skipped\":{skipped}"));
            }
            Command::RequestMetrics(filter) => self.newest(&filter, id),
            Command::Source(..)
            | Command::Acknowledge(_)
            | Command::Dismiss(_)
            | Command::Clear => {}
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        wanted: Subscribe,
        id: Option<&str>,
    ) -> Result<(), (&'static str, String)> {
        let max = self.state.websocket().max_subscriptions;
        if self.subscriptions.len() >= max {
            let message = format!("{max} subscriptions a socket (key websocket.max_subscriptions)");
            return Err(("too_many_subscriptions", message));
        }
        let stream = self.state.stream().clone();
        let name: Arc<str> = format!("s{}", self.named + 1).into();
        let spec = ViewSpec {
            topics: wanted.topics,
            filter: wanted.filter.clone(),
            shape: Shape::Batch,
            period: wanted.period,
            encoding: Encoding::Socket(name.clone()),
        };
        let view = stream.views().get(spec, None);
        let view = view.map_err(|error| ("too_many_views", error.to_string()))?;
        self.named += 1;
        let metrics = wanted.topics.contains(Topic::Metrics);
        let (start, initial) = if wanted.since.is_none() && metrics {
            let live = self.state.live().read();
            let position = stream.log().position();
            let initial = Initial::new(&live, &wanted.filter, position);
            let start = Start {
                after: position.seq,
                reset: None,
            };
            (start, Some(initial))
        } else {
            (
                start::resolve(&self.state, wanted.since.as_ref(), wanted.topics),
                None,
            )
        };
        let fields = format!(
            "{},\"topics\":{},\"metrics\":{},\"hosts\":{},\"position\":\"{}\"",
            named(&name),
            json(&wanted.topics.iter().map(Topic::as_str).collect::<Vec<_>>()),
            json(&wanted.filter.names),
            json(&wanted.filter.hosts),
            stream.log().at(start.after),
        );
        self.say("subscribed", id, &fields);
        let requested = match &wanted.since {
            Some(Since::Position(position)) => position.to_string(),
            _ => String::new(),
        };
        self.subscriptions.push(Subscription {
            name,
            cursor: Cursor::new(view, start, None, None),
            initial,
            requested,
            status_version: 0,
        });
        Ok(())
    }

    fn resume(
        &mut self,
        name: Option<&str>,
        missed: Missed,
    ) -> Result<u64, (&'static str, String)> {
        let stream = self.state.stream().clone();
        let mut skipped = 0;
        for at in self.of(name)? {
            skipped += self.subscriptions[at].cursor.resume(&stream, missed);
        }
        Ok(skipped)
    }

    /// Answers with the newest value of each series that passes.
    fn newest(&mut self, filter: &Filter, id: Option<&str>) {
        let mut data: Vec<u8> = Vec::new();
        let position = {
            let live = self.state.live().read();
            for window in live
                .windows
                .iter()
                .filter(|w| filter.series(w.series.key()))
            {
                if let Some((timestamp, value)) = window.points().next_back() {
                    if !data.is_empty() {
                        data.push(b',');
                    }
                    encode::sample_object(&mut data, &window.series, value, timestamp);
                }
            }
            self.state.stream().log().position()
        };
        let data = String::from_utf8_lossy(&data);
        self.say(
            "metrics",
            id,
            &format!(",\"position\":\"{position}\",\"data\":[{data}]"),
        );
    }

    fn find(&self, name: &str) -> Result<usize, (&'static str, String)> {
        let at = self.subscriptions.iter().position(|s| &*s.name == name);
        at.ok_or_else(|| {
            let names: Vec<&str> = self.subscriptions.iter().map(|s| &*s.name).collect();
            let name: String = name.chars().take(80).collect();
            let message = format!("there is no subscription {name:?}; there are {names:?}");
            ("unknown_subscription", message)
        })
    }

    fn of(&self, name: Option<&str>) -> Result<Vec<usize>, (&'static str, String)> {
        match name {
            Some(name) => Ok(vec![self.find(name)?]),
            None => Ok((0..self.subscriptions.len()).collect()),
        }
    }

    /// The next bytes for the connection.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
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
        let stream = self.state.stream().clone();
        let mut due = None;
        for _ in 0..self.subscriptions.len() {
            self.turn = (self.turn + 1) % self.subscriptions.len();
            match self.subscription(&stream, self.turn) {
                Ok(bytes) if !bytes.is_empty() => return Poll::Ready(Some(bytes)),
                Ok(_) => {}
                Err(Some(at)) => due = Some(due.map_or(at, |due: Instant| due.min(at))),
                Err(None) => {}
            }
            if self.closing.is_some() {
                return self.poll_next(cx);
            }
        }
        if stream.draining().is_cancelled() {
            let retry = self.state.door().drain_millis();
            self.say("draining", None, &format!(",\"retry\":{retry}"));
            self.close(close::GOING_AWAY, "the server is going away");
            return self.poll_next(cx);
        }
        let now = Instant::now();
        let ping = self.state.websocket().ping;
        if now.duration_since(self.heard_at) >= ping * 2 + ping / 2 {
            // It has answered neither of two pings: nobody is there to read a close.
            self.closed = true;
            return Poll::Ready(None);
        }
        if now.duration_since(self.pinged_at) >= ping {
            self.pinged_at = now;
            return Poll::Ready(Some(frames::ping()));
        }
        let ping_at = self.pinged_at + ping;
        let due = due.map_or(ping_at, |due| due.min(ping_at));
        self.waker = Some(cx.waker().clone());
        self.ticket.park(cx.waker(), Some(due));
        Poll::Pending
    }

    /// The next bytes of one subscription, or when it may have some without a tick.
    fn subscription(&mut self, stream: &Stream, at: usize) -> Result<Bytes, Option<Instant>> {
        let now = self.state.now();
        let live = self.state.live().clone();
        let subscription = &mut self.subscriptions[at];
        if subscription.cursor.is_paused() {
            return Err(None);
        }
        if let Some(initial) = &mut subscription.initial {
            if let Some(frame) = initial.next(&live, &subscription.name) {
                return Ok(frame);
            }
            subscription.initial = None;
        }
        let encoding = subscription.cursor.view().spec.encoding.clone();
        match subscription.cursor.step(stream, now) {
            Step::Send(bytes) => {
                self.connection.sent(&mut subscription.cursor, bytes.len());
                Ok(bytes)
            }
            Step::Reset(reason) => {
                self.connection.reset();
                let seq = subscription.cursor.at();
                let fields = reset_fields(reason, &subscription.requested, stream.log().at(seq));
                Ok(encode::control(
                    stream,
                    &encoding,
                    "reset",
                    Some(seq),
                    &fields,
                ))
            }
            Step::Lagged(skipped) => {
                self.connection.lagged(skipped);
                let fields = format!(",\"skipped\":{skipped}");
                Ok(encode::control(stream, &encoding, "lagged", None, &fields))
            }
            Step::End(_) => Err(None),
            Step::TooSlow => {
                self.connection.too_slow();
                self.close(close::TOO_SLOW, "too slow for the alerts");
                Err(None)
            }
            Step::Wait { due } => {
                let topics = subscription.cursor.view().spec.topics;
                let status = stream.status();
                if topics.contains(Topic::Status) && status.version > subscription.status_version {
                    subscription.status_version = status.version;
                    return Ok(encode::control(
                        stream,
                        &encoding,
                        "status",
                        None,
                        &status.fields,
                    ));
                }
                Err(due.map(|due| Instant::now() + due))
            }
        }
    }
}

fn named(subscription: &str) -> String {
    format!(",\"subscription\":\"{subscription}\"")
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
