//! The streams over HTTP: `/api/events/…`, as SSE or NDJSON.
//!
//! A client is a cursor and a place in the worker's shard. It chooses its bytes when its socket can take them.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, body,
    http::{Method, StatusCode, Version, header},
};
use bytes::Bytes;

use super::{
    connection::{Connection, Door},
    limits::Limit,
    problem::Problem,
    query::{self, Format, Since, StreamQuery, UntilParam},
    start,
    state::State,
    wire::{
        outlet::{self, Outlet, Source},
        takeover::{Desk, Handover},
    },
};
use crate::{
    model::Seq,
    stream::{
        Stream,
        cursor::{Cursor, Step, Until},
        encode::{self, LAST_CHUNK},
        filter::{Topic, Topics},
        log::Start,
        shard::{Shard, Ticket},
        view::{Encoding, ViewSpec},
    },
};

/// `GET /api/events/metrics`
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::of(&[Topic::Metrics]))
}

/// `GET /api/events/alerts`
pub async fn alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::of(&[Topic::Alerts]))
}

/// `GET /api/events/all`
pub async fn all(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::all())
}

fn open(request: &HttpRequest, topics: Topics) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    let stream = state.stream();
    let mut query = query::parse(request.query_string(), topics)?;
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|v: &header::HeaderValue| v.to_str().ok())
    };
    if header("accept").is_some_and(|accept| accept.contains("application/x-ndjson")) {
        query.format.get_or_insert(Format::Ndjson);
    }
    let format = query.format.unwrap_or_default();
    if let Some(id) = header("last-event-id").filter(|id| !id.is_empty()) {
        let position = id.parse().map(Since::Position);
        query.since = Some(position.unwrap_or_else(|_| Since::Unreadable(id.to_owned())));
    }
    let start = start::resolve(state, query.since.as_ref(), query.topics);
    let until = until(stream, &query)?;
    if is_over(state, start, until) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let spec = ViewSpec {
        topics: query.topics,
        filter: query.filter.clone(),
        shape: query.shape,
        period: query.period,
        encoding: match format {
            Format::Sse => Encoding::Sse,
            Format::Ndjson => Encoding::Ndjson,
        },
    };
    let view = stream
        .views()
        .get(spec, None)
        .map_err(|error| state.limits().refuse(Limit::Views, &error.to_string()))?;
    let mut response = head(format);
    if request.method() == Method::HEAD {
        let head = response.finish().set_body(body::None::new());
        return Ok(head.map_into_boxed_body());
    }
    let shard = State::shard(request)?;
    let (start, snapshot) = if query.snapshot {
        snapshot(state, &query, start)
    } else {
        (start, None)
    };
    let cursor = Cursor::new(stream, view, start, query.limit, until);
    let requested = match &query.since {
        Some(Since::Position(position)) => position.to_string(),
        Some(Since::Unreadable(text)) => text.clone(),
        _ => String::new(),
    };
    let events = Events::new(
        state,
        shard,
        cursor,
        snapshot,
        requested,
        query.quiet_heartbeat,
    )?;
    answer(request, response, events)
}

/// So much may a client send behind its request before its stream is ended: nothing is expected of it.
const UNASKED_BYTES: usize = 64 << 10;

/// Answers with a stream: the head is actix-http's, then the connection is taken over.
pub(super) fn answer(
    request: &HttpRequest,
    mut head: HttpResponseBuilder,
    mut events: Events,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::of(request)?;
    let streams = State::of(request)?.streams().clone();
    // HTTP/1.0 knows no chunks; the end of the connection is the end of the body.
    events.chunked = request.version() >= Version::HTTP_11;
    let chunked = events.chunked;
    let handover = Handover::new(desk, move |socket| {
        let client = Outlet::new(socket, events, Some(UNASKED_BYTES));
        streams.spawn_local(outlet::serve(client));
    });
    let mut response = head.force_close().body(handover);
    response.head_mut().no_chunking(!chunked);
    Ok(response)
}

/// The head of a stream's answer.
pub(super) fn head(format: Format) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::OK);
    response
        .insert_header((
            header::CONTENT_TYPE,
            match format {
                Format::Sse => "text/event-stream",
                Format::Ndjson => "application/x-ndjson",
            },
        ))
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store, no-transform"))
        .insert_header(("x-accel-buffering", "no"));
    response
}

fn until(stream: &Stream, query: &StreamQuery) -> Result<Option<Until>, Problem> {
    Ok(match query.until {
        None => None,
        Some(UntilParam::Time(time)) => Some(Until::Time(time)),
        Some(UntilParam::Position(position)) => {
            if position.epoch != stream.log().at(0).epoch {
                let accepted = "a position of this life of the server, or a time";
                return Err(Problem::parameter("until", &position.to_string(), accepted));
            }
            Some(Until::Seq(position.seq))
        }
    })
}

/// Whether a stream that was asked for has nothing to come, because its end is behind its beginning.
fn is_over(state: &State, start: Start, until: Option<Until>) -> bool {
    if start.reset.is_some() {
        return false;
    }
    match until {
        None => false,
        Some(Until::Seq(seq)) => start.after >= seq,
        Some(Until::Time(time)) => {
            state.now() > time && start.after >= state.stream().log().received_by(time)
        }
    }
}

/// The open alerts as events, and the stream's start moved to the moment they were read at.
fn snapshot(state: &State, query: &StreamQuery, start: Start) -> (Start, Option<Bytes>) {
    let stream = state.stream();
    let encoding = match query.format.unwrap_or_default() {
        Format::Sse => Encoding::Sse,
        Format::Ndjson => Encoding::Ndjson,
    };
    let live = state.live().read();
    // Who resumes goes on where it was: a higher id here would let it miss what lies between.
    let after = match query.since {
        Some(_) => start.after,
        None => stream.log().head(),
    };
    let mut bytes = Vec::new();
    for event in live.open_alerts().filter(|event| query.filter.alert(event)) {
        let fields = crate::pipeline::alert_fields(event);
        let block = encode::control(stream, &encoding, "alert", Some(after), &fields);
        bytes.extend_from_slice(&block);
    }
    (Start { after, ..start }, Some(bytes.into()))
}

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
    chunked: bool,
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

    fn control(&self, event: &str, seq: Option<Seq>, fields: &str) -> Bytes {
        let encoding = &self.cursor.view().spec.encoding;
        // Every line of NDJSON has a position; in SSE an id is only where it means something.
        let seq = seq.or_else(|| (*encoding == Encoding::Ndjson).then(|| self.cursor.at()));
        encode::control(self.ticket.stream(), encoding, event, seq, fields)
    }

    /// The next bytes as they go out; `None` when there are none now.
    fn next(&mut self, waker: &std::task::Waker) -> Option<Bytes> {
        let piece = match self.first.take() {
            Some(first) => first,
            None => {
                let stream = self.ticket.stream().clone();
                match self.cursor.step(&stream, self.door.now()) {
                    Step::Send(chunk) if self.chunked => return Some(chunk),
                    Step::Send(chunk) => return Some(encode::unchunked(&chunk)),
                    step => self.tell(&stream, step, waker)?,
                }
            }
        };
        Some(match self.chunked {
            true => encode::chunked(&piece),
            false => piece,
        })
    }

    /// What this client alone is told; parks it when that is nothing.
    fn tell(&mut self, stream: &Stream, step: Step, waker: &std::task::Waker) -> Option<Bytes> {
        let due = match step {
            Step::Send(bytes) => return Some(bytes),
            Step::Reset(reason) => {
                self.connection.reset();
                let at = stream.log().at(self.cursor.at());
                let fields = super::connection::reset_fields(reason, &self.requested, at);
                return Some(self.control("reset", Some(self.cursor.at()), &fields));
            }
            Step::Lagged(skipped) => {
                self.connection.lagged(skipped);
                return Some(self.control("lagged", None, &format!(",\"skipped\":{skipped}")));
            }
            Step::End(reason) => {
                self.over = true;
                let fields = format!(",\"reason\":\"{}\"", reason.as_str());
                return Some(self.control("end", None, &fields));
            }
            Step::TooSlow => {
                self.over = true;
                self.connection.too_slow();
                return None;
            }
            Step::Wait { due } => due,
        };
        if stream.draining().is_cancelled() {
            self.over = true;
            return Some(self.draining());
        }
        if self.cursor.view().spec.topics.contains(Topic::Status)
            && !matches!(self.cursor.view().spec.encoding, Encoding::Page(_))
        {
            let status = stream.status();
            if status.version > self.status_version {
                self.status_version = status.version;
                return Some(self.control("status", None, &status.fields));
            }
        }
        let heartbeat_at = self.last_sent + self.door.heartbeat();
        let instant = Instant::now();
        if instant >= heartbeat_at {
            return Some(heartbeat(
                stream,
                &self.cursor,
                self.door.now(),
                self.quiet_heartbeat,
            ));
        }
        let due = due.map_or(heartbeat_at, |due| heartbeat_at.min(instant + due));
        self.ticket.park(waker, Some(due));
        self.cursor.park(waker);
        None
    }

    fn draining(&self) -> Bytes {
        let retry = self.door.drain_millis();
        match self.cursor.view().spec.encoding {
            Encoding::Ndjson => self.control("draining", None, &format!(",\"retry\":{retry}")),
            _ => format!("event: draining\nretry: {retry}\ndata: {{\"type\":\"draining\",\"retry\":{retry}}}\n\n").into(),
        }
    }
}

fn heartbeat(stream: &Stream, cursor: &Cursor, now: crate::model::Timestamp, quiet: bool) -> Bytes {
    let encoding = &cursor.view().spec.encoding;
    if quiet && *encoding != Encoding::Ndjson {
        return encode::id_only(stream, cursor.at());
    }
    let fields = format!(",\"timestamp\":\"{now}\"");
    encode::control(stream, encoding, "heartbeat", Some(cursor.at()), &fields)
}

impl Source for Events {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over {
            return Poll::Ready(None);
        }
        match self.next(cx.waker()) {
            Some(bytes) => {
                let now = Instant::now();
                self.last_sent = now;
                self.connection.sent(&mut self.cursor, bytes.len(), now);
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
