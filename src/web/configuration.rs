//! `/api/config`: whether the configuration is in effect, and reading it again.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use serde_json::{Value, json};

use super::{api, problem::Problem, rules::faults_of, state::State, who};
use crate::control::reload::Outcome;

/// `GET /api/config`
pub async fn status(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let reload = state.control().reload();
    let outcome = reload.outcome();
    let file = reload.file().map(|file| file.display().to_string());
    Ok(api::json(shown(&outcome, file).to_string()))
}

/// `POST /api/config/reload`
pub async fn reload(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let reload = state.control().reload();
    let outcome = reload.reload(who::of(&request)).await;
    let file = reload.file().map(|file| file.display().to_string());
    match &outcome.result {
        Ok(_) => Ok(api::json(shown(&outcome, file).to_string())),
        Err(faults) => {
            let detail = "the configuration has faults; the one before stays in effect";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
            Err(problem.with("faults", faults_of(faults)))
        }
    }
}

fn shown(outcome: &Outcome, file: Option<String>) -> Value {
    let mut shown =
        json!({ "file": file, "read": outcome.at, "in_effect": outcome.result.is_ok() });
    match &outcome.result {
        Ok(report) => {
            shown["rules"] = json!(report.rules);
            shown["changed"] = json!(report.changed);
            shown["needs_restart"] = json!(report.needs_restart);
        }
        Err(faults) => shown["faults"] = faults_of(faults),
    }
    shown
}
