//! `GET /api/history`: the past, series by series, as JSON, lines or a table.
//!
//! The answer is made on the store's reading threads, a piece at a time, the next one when the client has taken the one before: it
//! is never whole in memory, and who goes away stops it.

mod body;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};

use self::body::Body;
use super::{problem::Problem, query::pairs, state::State};
pub use crate::history::query::{LATER, TIME, time};
use crate::history::{
    plan::Plan,
    query::{self, Fault, Format},
};

/// Stretches of all series of an answer, at most; samples as they are come piece by piece, however many.
const MAX_STEPS: usize = 2_000_000;

/// `GET /api/history`
pub async fn history(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or("");
    let parameters = pairs(request.query_string());
    let query = query::parse(parameters, accepted(accept), state.now())?;
    let content_type = match query.format {
        Format::Json => "application/json",
        Format::Ndjson => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let store = &state.parts().store;
    let plan = Plan::new(query, store.catalogue());
    let (series, steps) = (plan.series(), plan.steps().unwrap_or(0));
    if steps.saturating_mul(series) > MAX_STEPS {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "{series} series match, each of {steps} steps; that is more than {MAX_STEPS}: ask for fewer series, a shorter time or larger steps"
            ),
        ));
    }
    let position = state.stream().log().position();
    // What cannot be read at all is said as a problem, before there is an answer.
    let body = Body::begun(store.readers().clone(), plan, position).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type(content_type)
        .body(body))
}

/// The format that a client asks for: the first of ours in its `Accept`.
fn accepted(accept: &str) -> Format {
    let kinds = accept
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or("").trim());
    let mut known = kinds.filter_map(|kind| match kind {
        "application/json" => Some(Format::Json),
        "application/x-ndjson" => Some(Format::Ndjson),
        "text/csv" => Some(Format::Csv),
        _ => None,
    });
    known.next().unwrap_or(Format::Json)
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed {
                name,
                value,
                accepted,
            } => Self::parameter(&name, &value, accepted),
            Fault::Unknown { name, value, known } => Self::unknown_parameter(&name, &value, &known),
        }
    }
}
