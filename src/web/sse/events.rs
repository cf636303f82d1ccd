//! One client of a stream over HTTP: a cursor and a place in the worker's shard. It chooses its bytes when its socket
//! can take them.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    model::Timestamp,
    stream::{
        Stream,
        cursor::{Cursor, Step},
        encode::{self, LAST_CHUNK},
        filter::Topic,
        shard::{Due, Shard, Ticket},
        view::Encoding,
    },
    web::{
        connection::{self, Connection, Door},
        problem::Problem,
        state::State,
        wire::outlet::Source,
    },
};

/// What is sent to one client of a stream.
pub struct Events {
    cursor: Cursor,
    ticket: Ticket,
    connection: Connection,
    door: Door,
    /// Sent before anything else.
    first: Option<Bytes>,
    /// What the client asked to resume after.
    requested: String,
    quiet_heartbeat: bool,
    status_version: u64,
    last_sent: Instant,
    /// Whether the bytes go out as chunks of HTTP/1.1.
    pub(super) chunked: bool,
    over: bool,
}

impl Events {
    /// Sends `first` (if any) and then what `cursor` chooses. Fails when there are too many clients.
    pub fn new(
        state: &State,
        shard: &Shard,
        cursor: Cursor,
        first: Option<Bytes>,
        requested: String,
        quiet_heartbeat: bool,
    ) -> Result<Self, Problem> {
        let door = state.door();
        let stream = state.stream();
        let mut greeting = Vec::new();
        match cursor.view().spec.encoding {
            Encoding::Ndjson => {
                greeting.extend_from_slice(&heartbeat(stream, &cursor, state.now(), false));
            }
            _ => {
                let retry = door.reconnect_millis();
                greeting.extend_from_slice(format!(":ok\nretry: {retry}\n\n").as_bytes());
            }
        }
        greeting.extend_from_slice(&first.unwrap_or_default());
        Ok(Self {
            ticket: shard.join(),
            connection: Connection::stream(stream, state.limits())?,
            door,
            first: Some(greeting.into()),
            requested,
            quiet_heartbeat,
            status_version: 0,
            last_sent: Instant::now(),
            chunked: true,
            over: false,
            cursor,
        })
    }

    /// `is_id`: whether the client may resume with it.
    fn control(&self, event: &str, is_id: bool, fields: &str) -> Bytes {
        let encoding = &self.cursor.view().spec.encoding;
        // Every line of NDJSON has a position; in SSE an id is only where it means something.
        let has_position = is_id || *encoding == Encoding::Ndjson;
        let position = has_position.then(|| self.cursor.position(self.ticket.stream()));
        encode::control(encoding, event, position, fields)
    }

    /// The next bytes as they go out; `None` when there are none now.
    fn next(&mut self, waker: &Waker, now: Instant) -> Option<Bytes> {
        let piece = match self.first.take() {
            Some(first) => first,
            None => {
                let time = self.door.time(now);
                match self.cursor.step(self.ticket.stream(), time) {
                    Step::Send(chunk) if self.chunked => return Some(chunk),
                    Step::Send(chunk) => return Some(encode::unchunked(&chunk)),
                    step => self.tell(step, waker, now)?,
                }
            }
        };
        Some(match self.chunked {
            true => encode::chunked(&piece),
            false => piece,
        })
    }

    /// What this client alone is told; parks it when that is nothing.
    fn tell(&mut self, step: Step, waker: &Waker, now: Instant) -> Option<Bytes> {
        let due = match step {
            Step::Send(bytes) => return Some(bytes),
            Step::Reset(reason) => {
                self.connection.reset();
                let at = self.cursor.position(self.ticket.stream());
                let fields = connection::reset_fields(reason, &self.requested, at);
                return Some(self.control("reset", true, &fields));
            }
            Step::Gap { from, to } => {
                return Some(self.control("gap", false, &connection::gap_fields(from, to)));
            }
            Step::Lagged(skipped) => {
                self.connection.lagged(skipped);
                return Some(self.control("lagged", false, &format!(",\"skipped\":{skipped}")));
            }
            Step::End(reason) => {
                self.over = true;
                let fields = format!(",\"reason\":\"{}\"", reason.as_str());
                return Some(self.control("end", false, &fields));
            }
            Step::TooSlow => {
                self.over = true;
                self.connection.too_slow();
                return None;
            }
            Step::Wait { due } => due,
        };
        if self.ticket.is_draining() {
            self.over = true;
            return Some(self.draining());
        }
        if self.cursor.view().spec.topics.contains(Topic::Status)
            && !matches!(self.cursor.view().spec.encoding, Encoding::Page(_))
        {
            let status = self.ticket.stream().status();
            if status.version > self.status_version {
                self.status_version = status.version;
                return Some(self.control("status", false, &status.fields));
            }
        }
        let heartbeat_at = self.last_sent + self.door.heartbeat();
        if now >= heartbeat_at {
            return Some(heartbeat(
                self.ticket.stream(),
                &self.cursor,
                self.door.time(now),
                self.quiet_heartbeat,
            ));
        }
        let flush = due.map(|due| now + due);
        let due = Due::new(flush, heartbeat_at, self.door.heartbeat());
        self.ticket.park(waker, due);
        self.cursor.park(waker);
        None
    }

    fn draining(&self) -> Bytes {
        let retry = self.door.drain_millis();
        match self.cursor.view().spec.encoding {
            Encoding::Ndjson => self.control("draining", false, &format!(",\"retry\":{retry}")),
            _ => format!("event: draining\nretry: {retry}\ndata: {{\"type\":\"draining\",\"retry\":{retry}}}\n\n").into(),
        }
    }
}

fn heartbeat(stream: &Stream, cursor: &Cursor, now: Timestamp, quiet: bool) -> Bytes {
    let encoding = &cursor.view().spec.encoding;
    let position = cursor.position(stream);
    if quiet && *encoding != Encoding::Ndjson {
        return encode::id_only(position);
    }
    let fields = format!(",\"timestamp\":\"{now}\"");
    encode::control(encoding, "heartbeat", Some(position), &fields)
}

impl Source for Events {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over {
            return Poll::Ready(None);
        }
        let now = Instant::now();
        match self.next(cx.waker(), now) {
            Some(bytes) => {
                self.last_sent = now;
                self.ticket.sent(&mut self.cursor, bytes.len());
                Poll::Ready(Some(bytes))
            }
            None if self.over => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn last(&self) -> &'static [u8] {
        if self.chunked { LAST_CHUNK } else { b"" }
    }

    fn patience(&self) -> Duration {
        self.door.stall_timeout()
    }

    fn stalled(&mut self) {
        self.connection.stalled();
    }
}
