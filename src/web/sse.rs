//! The streams over HTTP: `/api/events/…`, as SSE or NDJSON. What a client gets is in [`events`].

pub mod events;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, body,
    http::{Method, StatusCode, Version, header},
};
use bytes::Bytes;

use self::events::Events;
use super::{
    limits::Limit,
    problem::Problem,
    query::{self, Format, Since, StreamQuery},
    start,
    state::State,
    wire::{
        outlet::{self, Outlet},
        takeover::{Desk, Handover},
    },
};
use crate::{
    entry::past::{Found, From},
    model::{Position, Timestamp},
    pipeline,
    stream::{
        Stream,
        cursor::{self, Cursor, Until},
        encode,
        filter::{Topic, Topics},
        log::Start,
        view::{Encoding, View, ViewSpec},
    },
};

/// `GET /api/events/metrics`
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::of(&[Topic::Metrics])).await
}

/// `GET /api/events/alerts`
pub async fn alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::of(&[Topic::Alerts])).await
}

/// `GET /api/events/notifications`
pub async fn notifications(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::of(&[Topic::Notifications])).await
}

/// `GET /api/events/all`
pub async fn all(request: HttpRequest) -> Result<HttpResponse, Problem> {
    open(&request, Topics::all()).await
}

async fn open(request: &HttpRequest, topics: Topics) -> Result<HttpResponse, Problem> {
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
    let until = query.until.map(|until| {
        start::until(stream, until)
            .map_err(|accepted| Problem::parameter("until", &until.to_string(), accepted))
    });
    let until = until.transpose()?;
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
    if is_over(state, &view, start, until).await {
        return Ok(HttpResponse::NoContent().finish());
    }
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
    let cursor = Cursor::new(stream, view, start, query.limit, until).paced(stream, query.speed);
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

/// So much may a client send behind its request before its stream, or its wait, is ended: nothing is expected of it.
pub(super) const UNASKED_BYTES: usize = 64 << 10;

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

/// Whether a stream that was asked for has nothing to come, because its end is behind its beginning.
async fn is_over(state: &State, view: &Arc<View>, start: Start, until: Option<Until>) -> bool {
    let stream = state.stream();
    let Some(until) = until.filter(|_| start.reset.is_none()) else {
        return false;
    };
    match (start.past, until) {
        (None, Until::Position(end)) => {
            let here = stream.log().at(start.after);
            (end.epoch.boot, end.seq) <= (here.epoch.boot, here.seq)
        }
        (None, Until::Time(time)) => {
            state.now() > time && start.after >= stream.log().received_by(time)
        }
        (Some(From::Place(place)), Until::Position(end)) => {
            (end.epoch.boot, end.seq) <= (place.boot, place.after)
        }
        (Some(From::Place(_)), Until::Time(time)) => {
            let next = next_received(stream, view, &start).await;
            next.is_some_and(|next| next > time)
        }
        (Some(From::Time(_) | From::Oldest), _) => false,
    }
}

/// When the next thing that a reader of the past would get was received, as far as that is known.
async fn next_received(stream: &Stream, view: &Arc<View>, start: &Start) -> Option<Timestamp> {
    let question = cursor::question(view, start)?;
    let (_, found) = stream.archive()?(question).ok()?.await.ok()?;
    match found {
        Found::Entries { entries, .. } => entries.first().map(|entry| entry.received),
        Found::Hole { to, .. } | Found::Over { to, .. } => Some(to),
        Found::Gone(_) | Found::NotYet | Found::Unknown | Found::Unreadable => None,
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
    let position = match (start.past, &query.since) {
        (Some(From::Place(place)), _) => Position {
            epoch: stream
                .log()
                .epoch_of(place.boot)
                .unwrap_or(stream.log().epoch()),
            seq: place.after,
        },
        (Some(_), _) => stream.log().at(0),
        (None, Some(_)) => stream.log().at(start.after),
        (None, None) => stream.log().position(),
    };
    let mut bytes = Vec::new();
    for event in live.open_alerts().filter(|event| query.filter.alert(event)) {
        let fields = pipeline::alert_fields(event);
        let block = encode::control(&encoding, "alert", Some(position), &fields);
        bytes.extend_from_slice(&block);
    }
    let after = match start.past {
        Some(_) => start.after,
        None => position.seq,
    };
    (Start { after, ..start }, Some(bytes.into()))
}
