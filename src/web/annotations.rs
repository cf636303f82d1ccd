//! `/api/annotations`: marks on a moment or a span of time, put there by people and programs. They are lines of the feed; here
//! are those that stand.

mod query;
pub mod written;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use self::{query::AnnotationQuery, written::Limits};
use super::{api, ingest::body, problem::Problem, state::State};
use crate::{
    control::Command,
    model::{Activity, HostName, Person, Position, Timestamp},
};

/// Annotations in one answer, at most.
const MOST: usize = 1000;

/// An annotation as it is listed.
#[derive(Serialize)]
pub struct Listed<'a> {
    id: Option<Uuid>,
    kind: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a HostName>,
    from: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Timestamp>,
}

impl<'a> Listed<'a> {
    /// Of one.
    pub fn new(annotation: &'a Activity) -> Self {
        Self {
            id: annotation.id,
            kind: &annotation.kind,
            message: &annotation.message,
            alert: annotation.alert,
            by: annotation.by.as_ref(),
            host: annotation.host.as_ref(),
            from: annotation.timestamp,
            to: annotation.until,
        }
    }
}

/// The annotations of a time.
#[derive(Serialize)]
struct List<'a> {
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Timestamp>,
    annotations: Vec<Listed<'a>>,
    /// How many that begin earlier were left out.
    more: usize,
}

/// `POST /api/annotations`
pub async fn annotate(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let ingest = &state.parts().ingest;
    let body = body::read(&request, payload, ingest, state.limits()).await?;
    let limits = Limits {
        now: state.now(),
        past: state.live().read().annotations.keep(),
        future: ingest.accept_future,
    };
    let annotation = written::parse(&body, &limits)?;
    let done = state.control().annotate(annotation).await;
    let (id, number) = done.map_err(api::problem)?;
    let position = state.stream().log().at(number);
    Ok(HttpResponse::Created()
        .insert_header(("location", format!("/api/annotations/{id}")))
        .json(serde_json::json!({ "id": id, "position": position })))
}

/// `GET /api/annotations`
pub async fn annotations(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let query = query::parse(request.query_string(), state.now())?;
    let AnnotationQuery { from, to, .. } = query;
    let live = state.live().read();
    let all = live.annotations.within(
        from.unwrap_or(Timestamp::from_millis(i64::MIN)),
        to.unwrap_or(Timestamp::from_millis(i64::MAX)),
    );
    let mut found: Vec<_> = all.filter(|annotation| query.fits(annotation)).collect();
    found.sort_by_key(|annotation| (annotation.timestamp, annotation.id));
    let more = found.len().saturating_sub(MOST);
    let newest = found[more..].iter();
    Ok(json(&List {
        position: state.stream().log().position(),
        from,
        to,
        annotations: newest.map(|annotation| Listed::new(annotation)).collect(),
        more,
    }))
}

/// `GET /api/annotations/{id}`
pub async fn annotation(
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let live = state.live().read();
    let found = parsed(&id).map(|id| live.annotations.get(id))?;
    let annotation = found.ok_or_else(|| unknown(&id))?;
    Ok(json(&Listed::new(annotation)))
}

/// `DELETE /api/annotations/{id}`
pub async fn withdraw(
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    api::execute(&request, Command::Withdraw(parsed(&id)?)).await
}

fn json(answer: &impl Serialize) -> HttpResponse {
    api::json(serde_json::to_string(answer).unwrap_or_default())
}

fn parsed(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(80).collect();
    Problem::not_found(format!("there is no annotation {shown:?}"))
}
