//! `GET /healthz`: the process answers. `GET /readyz`: requests should come here.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};

use super::{problem::Problem, state::State};

/// `GET /healthz`
pub async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// `GET /readyz`
pub async fn ready(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    if !state.is_ready() {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping",
        ));
    }
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })))
}
