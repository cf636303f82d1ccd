//! The JSON API: snapshots of the present with the position they belong to, and commands.

mod alerts;
mod query;
mod samples;
mod series;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Serialize;

pub use self::{
    alerts::{
        Quiet, add_note, alert, alert_action, alert_command, alerts, clear_alerts, events, note,
        quiet, quiet_of,
    },
    samples::{recent, stats},
    series::series,
};
use super::{problem::Problem, state::State, who};
use crate::{
    control::{Command, ControlError},
    model::Position,
    pipeline::Refusal,
    rules::Unremovable,
    sources::supervisor::Action,
};

/// An answer: the position it belongs to, and a list under its own name.
pub fn list(position: Position, name: &str, items: &impl Serialize) -> HttpResponse {
    let items = serde_json::to_string(items).unwrap_or_default();
    json(format!(
        "{{\"position\":\"{position}\",\"{name}\":{items}}}"
    ))
}

/// An answer that is this JSON.
pub fn json(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .body(body)
}

/// The problem of a command that was not done.
pub fn problem(error: ControlError) -> Problem {
    match error {
        ControlError::Alert(Refusal::Rule(Unremovable::OfFile(_))) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        ControlError::Alert(Refusal::TooManySilences | Refusal::TooManyRules) => {
            Problem::unprocessable(error.to_string())
        }
        ControlError::Source(_) | ControlError::Alert(_) | ControlError::Annotation(_) => {
            Problem::not_found(error.to_string())
        }
        ControlError::Busy(busy) => busy.into(),
    }
}

/// `GET /api/sources`
pub async fn sources(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let position = state.stream().log().position();
    Ok(list(position, "sources", &state.parts().sources.status()))
}

/// `POST /api/sources/{name}/{action}`
pub async fn source_action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, action) = path.into_inner();
    execute(&request, source_command(name, &action)?).await
}

/// What a path says to a source, in the API and in forms.
pub fn source_command(name: String, action: &str) -> Result<Command, Problem> {
    let action = match action {
        "start" => Action::Start,
        "stop" => Action::Stop,
        _ => return Err(Problem::not_found("a source can be told start or stop")),
    };
    Ok(Command::Source { name, action })
}

/// Has a command done; the answer says how much it changed.
pub async fn execute(request: &HttpRequest, command: Command) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    let done = state.control().execute(command, who::of(request)).await;
    let changed = done.map_err(problem)?;
    Ok(HttpResponse::build(StatusCode::OK).json(serde_json::json!({ "changed": changed })))
}
