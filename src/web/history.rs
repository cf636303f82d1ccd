//! `GET /api/history`: the past, series by series, as JSON, lines or a table.
//!
//! The answer is made on the store's reading threads, a piece at a time, the next one when the client has taken the one before: it
//! is never whole in memory, and who goes away stops it.

mod export;
pub mod query;
mod write;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};

pub use self::query::{LATER, TIME, time};
use self::{
    export::Export,
    query::{Format, HistoryQuery, Resolution},
};
use super::{problem::Problem, state::State};
use crate::{
    store::{catalogue::Known, history::Step},
    stream::filter::Filter,
};

/// Stretches of all series of an answer, at most; samples as they are come piece by piece, however many.
const MAX_STEPS: usize = 2_000_000;

/// A series as it is answered: known by one number, or by several where its unit or source was another once.
type Group = Vec<Known>;

/// `GET /api/history`
pub async fn history(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or("");
    let query = query::parse(request.query_string(), accept, state.now())?;
    let groups = matching(state, &query.filter, &query);
    let span = query.to.since(query.from).as_millis() as i64;
    let step = match query.resolution {
        Resolution::Raw => None,
        Resolution::Points(points) => Some(Step::about((span - 1) / points as i64 + 1, points)),
        Resolution::Step(step) => Some(Step::exact(step.as_millis() as i64)),
    };
    if let Some(step) = step {
        let steps = usize::try_from(span / step.millis).unwrap_or(usize::MAX);
        if steps.saturating_mul(groups.len()) > MAX_STEPS {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "{} series match, each of {steps} steps; that is more than {MAX_STEPS}: ask for fewer series, a shorter time or larger steps",
                    groups.len()
                ),
            ));
        }
    }
    let content_type = match query.format {
        Format::Json => "application/json",
        Format::Ndjson => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let position = state.stream().log().position();
    let readers = state.parts().store.readers().clone();
    let export = Export::new(readers, Arc::new(query), groups, step, position);
    // What cannot be read at all is said as a problem, before there is an answer.
    let export = export.begun().await?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type(content_type)
        .body(export))
}

/// The series that fit and have something in the time asked for, by name.
fn matching(state: &State, filter: &Filter, query: &HistoryQuery) -> Vec<Group> {
    let mut known = state
        .parts()
        .store
        .catalogue()
        .matching(|series| filter.series(series.key()));
    known.retain(|known| known.last >= query.from && known.first < query.to);
    known.sort_by(|a, b| {
        let (a_key, b_key) = (a.series.key(), b.series.key());
        a_key.cmp(b_key).then(a.number.cmp(&b.number))
    });
    let same = |a: &Known, b: &Known| a.series.key() == b.series.key();
    known.chunk_by(same).map(<[Known]>::to_vec).collect()
}
