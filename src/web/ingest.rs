//! `POST /api/ingest`: samples from anything that speaks HTTP, as JSON or as Prometheus text. `POST /api/events`: lines for the
//! feed.
//!
//! A line that cannot be taken is reported with its number and the reason; the others are taken.

pub mod body;
#[cfg(test)]
mod fixture;
mod form;
mod groups;
pub mod json;
mod known;
pub mod text;
mod times;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};

use self::{form::Form, json::Scalar};
pub use self::{
    known::{Caches, Known},
    times::Limits,
};
use super::{problem::Problem, query, state::State, who};
use crate::{
    control::Command,
    entry::SAMPLE_BYTES,
    model::{
        Batch, HostName, MetricName,
        event::{MAX_KIND_BYTES, MAX_MESSAGE_BYTES},
    },
    pipeline::push_source,
};

/// Bodies over this many bytes are read beside the worker.
const LARGE: usize = 64 << 10;

/// What became of the lines.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Samples taken.
    pub accepted: usize,
    /// The lines not taken, at most 100.
    pub rejected: Vec<Rejected>,
    /// How many more were not taken.
    #[serde(skip_serializing_if = "is_zero")]
    pub rejected_more: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // what serde calls it with
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The lines not taken, as they are found: the first ones with their reasons, the others counted.
#[derive(Debug, Default)]
pub struct Faults {
    first: Vec<Rejected>,
    more: usize,
}

impl Faults {
    /// Faults reported in one answer.
    const MOST: usize = 100;

    /// One more; its reason is only put into words if it is reported.
    pub fn add(&mut self, line: usize, reason: impl FnOnce() -> String) {
        if self.first.len() < Self::MOST {
            let reason = reason();
            self.first.push(Rejected { line, reason });
        } else {
            self.more += 1;
        }
    }

    /// None so far.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Those with reasons, by line, and how many more there are.
    pub fn into_parts(mut self) -> (Vec<Rejected>, usize) {
        self.first.sort_by_key(|fault| fault.line);
        (self.first, self.more)
    }
}

/// A line that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its number, from 1: of the line, or of the element of an array.
    pub line: usize,
    /// What was wrong and what is accepted.
    pub reason: String,
}

/// What a body had.
#[derive(Debug)]
pub struct Pushed {
    /// Samples of one host and one time together, in the order in which these came; each with its line.
    pub batches: Vec<(Batch, Vec<usize>)>,
    /// What cannot be taken.
    pub faults: Faults,
}

/// `POST /api/ingest`
pub async fn samples(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    if !state.parts().sources.takes_pushes() {
        let detail = "the source push is stopped; start it with POST /api/sources/push/start";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let host = default_host(request.query_string())?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let form = Form::of(&request, &body);
    let large = body.len() > LARGE;
    let limits = Limits {
        now: state.now(),
        past: state.parts().ingest.accept_past,
        future: state.parts().ingest.accept_future,
    };
    let parse = {
        let state = state.clone();
        move || {
            let known = &state.parts().known;
            known.with(form, &host, |known| match form {
                Form::Json => json::parse(&body, known, &limits),
                Form::Text => text::parse(&body, known, &limits),
            })
        }
    };
    // A large body takes long to read: the worker has streams to serve meanwhile.
    let pushed = if large {
        let parsed = web::block(parse).await;
        parsed.map_err(|_| Problem::busy("the server is too busy to read this"))?
    } else {
        parse()
    };
    let mut rejected = pushed.faults;
    let (batches, lines): (Vec<_>, Vec<_>) = pushed.batches.into_iter().unzip();
    let mut accepted = 0;
    if !batches.is_empty() {
        // Kept until what was pushed is on its way to the store.
        let samples: usize = batches.iter().map(|batch| batch.values.len()).sum();
        let store = &state.parts().store;
        let _room = store.room(samples * SAMPLE_BYTES).await;
        let outcomes = state.parts().inlet.push(batches).await;
        let outcomes = outcomes.map_err(Problem::from)?;
        for (outcome, lines) in outcomes.into_iter().zip(lines) {
            accepted += outcome.accepted;
            for (index, refused) in outcome.refused {
                rejected.add(lines[index], || refused.to_string());
            }
        }
    }
    state.parts().sources.pushed(accepted as u64);
    let (rejected, rejected_more) = rejected.into_parts();
    let status = if accepted == 0 && !rejected.is_empty() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok(HttpResponse::build(status).json(Report {
        accepted,
        rejected,
        rejected_more,
    }))
}

/// The host of samples that name none: the parameter `host`, or this source's own name.
fn default_host(query: &str) -> Result<HostName, Problem> {
    let mut host = None;
    for (name, value) in query::pairs(query) {
        if name != "host" {
            return Err(Problem::unknown_parameter(&name, &value, &["host"]));
        }
        let parsed = HostName::parse(&value)
            .map_err(|_| Problem::parameter(&name, &value, "a host name"))?;
        host = Some(parsed);
    }
    match host {
        Some(host) => Ok(host),
        None => HostName::parse(push_source().as_str()).map_err(|_| Problem::internal()),
    }
}

/// The body of `POST /api/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event<'a> {
    /// A short word for machines: letters, digits, `_`; up to 64 bytes.
    pub kind: String,
    /// A sentence for people, up to 1,024 bytes.
    pub message: String,
    /// The host it is about.
    #[serde(default)]
    pub host: Option<String>,
    /// When it happened; now, if left out.
    #[serde(borrow, default)]
    pub timestamp: Option<Scalar<'a>>,
}

/// `POST /api/events`
pub async fn event(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let bad = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let event: Event<'_> = serde_json::from_slice(&body).map_err(|error| {
        bad(format!(
            "not an event: {error}; it is {{\"kind\",\"message\",\"host\"?,\"timestamp\"?}}"
        ))
    })?;
    if MetricName::parse(&event.kind).is_err() || event.kind.len() > MAX_KIND_BYTES {
        return Err(bad(format!(
            "kind {:?}: letters, digits and '_', at most {MAX_KIND_BYTES} bytes",
            event.kind
        )));
    }
    let message = event.message.trim();
    if message.is_empty() || message.len() > MAX_MESSAGE_BYTES || message.contains('\0') {
        return Err(bad(format!(
            "message: 1 to {MAX_MESSAGE_BYTES} bytes of text"
        )));
    }
    let host = event.host.as_deref().map(HostName::parse).transpose();
    let host = host.map_err(|error| bad(error.to_string()))?;
    let limits = Limits {
        now: state.now(),
        past: state.parts().ingest.accept_past,
        future: state.parts().ingest.accept_future,
    };
    let timestamp = event
        .timestamp
        .as_ref()
        .map(|t| limits.timestamp(t))
        .transpose()
        .map_err(bad)?;
    let command = Command::Event {
        kind: event.kind,
        message: message.to_owned(),
        host,
        timestamp,
    };
    let accepted = state
        .control()
        .execute(command, who::of(&request))
        .await
        .map_err(super::api::problem)?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "accepted": accepted })))
}
