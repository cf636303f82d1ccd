//! `POST /api/ingest`: samples from anything that speaks HTTP. `POST /api/events`: lines for the feed.
//!
//! A line that cannot be taken is reported with its number and the reason; the others are taken.

pub mod body;
pub mod sample;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};

use self::sample::Item;
use super::{problem::Problem, state::State};
use crate::{
    control::Command,
    model::{
        Batch, HostName, MetricName, SeriesKey, SeriesSpec, Timestamp,
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

/// `POST /api/ingest`
pub async fn samples(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    if !state.parts().sources.takes_pushes() {
        let detail = "the source push is stopped; start it with POST /api/sources/push/start";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let large = body.len() > LARGE;
    let now = state.now();
    let limits = sample::Limits {
        now,
        past: state.parts().ingest.accept_past,
        future: state.parts().ingest.accept_future,
    };
    let parse = move || {
        let (items, rejected) = sample::parse(&body, &limits);
        (batches(items), rejected)
    };
    // A large body takes long to read: the worker has streams to serve meanwhile.
    let (batches, mut rejected) = if large {
        let parsed = web::block(parse).await;
        parsed.map_err(|_| Problem::busy("the server is too busy to read this"))?
    } else {
        parse()
    };
    let (batches, lines): (Vec<_>, Vec<_>) = batches.into_iter().unzip();
    let mut accepted = 0;
    if !batches.is_empty() {
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

/// Items as batches of one host and one timestamp, in the order in which these came; each with the lines of its samples.
/// A series that comes twice in a batch begins another one, so that the last wins.
fn batches(items: Vec<Item>) -> Vec<(Batch, Vec<usize>)> {
    struct Group {
        timestamp: Timestamp,
        specs: Vec<SeriesSpec>,
        values: Vec<f64>,
        lines: Vec<usize>,
    }
    let mut groups: Vec<Group> = Vec::new();
    for (at, item) in group_numbers(&items).into_iter().zip(items) {
        if at == groups.len() {
            groups.push(Group {
                timestamp: item.timestamp,
                specs: Vec::new(),
                values: Vec::new(),
                lines: Vec::new(),
            });
        }
        groups[at].specs.push(item.spec);
        groups[at].values.push(item.value);
        groups[at].lines.push(item.line);
    }
    let source = push_source();
    groups
        .into_iter()
        .map(|group| {
            let batch = Batch {
                source: source.clone(),
                timestamp: group.timestamp,
                interval: None,
                layout: Arc::from(group.specs),
                values: group.values,
            };
            (batch, group.lines)
        })
        .collect()
}

/// The number of the group that each item belongs to, counted in the order in which groups begin.
fn group_numbers(items: &[Item]) -> Vec<usize> {
    // Most pushes are one sample.
    if items.len() == 1 {
        return vec![0];
    }
    let mut groups = 0;
    let mut open: HashMap<(&HostName, Timestamp), usize> = HashMap::new();
    let mut taken: HashSet<(usize, &SeriesKey)> = HashSet::new();
    let mut numbers = Vec::with_capacity(items.len());
    for item in items {
        let key = &item.spec.key;
        let at = open.entry((&key.host, item.timestamp)).or_insert(groups);
        if !taken.insert((*at, key)) {
            *at = groups;
            taken.insert((groups, key));
        }
        groups = groups.max(*at + 1);
        numbers.push(*at);
    }
    numbers
}

/// The body of `POST /api/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// A short word for machines: letters, digits, `_`; up to 64 bytes.
    pub kind: String,
    /// A sentence for people, up to 1,024 bytes.
    pub message: String,
    /// The host it is about.
    #[serde(default)]
    pub host: Option<String>,
    /// When it happened; now, if left out.
    #[serde(default)]
    pub timestamp: Option<serde_json::Value>,
}

/// `POST /api/events`
pub async fn event(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let bad = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let event: Event = serde_json::from_slice(&body).map_err(|error| {
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
    let limits = sample::Limits {
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
        .execute(command)
        .await
        .map_err(super::api::problem)?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "accepted": accepted })))
}
