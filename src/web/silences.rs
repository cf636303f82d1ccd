//! `/api/silences`: times in which people are not told of some alerts.

pub mod written;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{api, ingest::body, problem::Problem, state::State, who};
use crate::{
    control::{self, Command},
    model::{Matcher, Silence, Timestamp},
};

/// A silence as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    silence: &'a Silence,
    /// It silences now.
    active: bool,
    /// Open alerts that it silences.
    silenced: usize,
}

/// `GET /api/silences`
pub async fn silences(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let live = state.live().read();
    let now = state.now();
    let listed = live.silences.iter().map(|silence| Listed {
        silence,
        active: silence.is_active(now),
        silenced: live
            .open_alerts()
            .filter(|a| a.is_silenced_by(silence.id))
            .count(),
    });
    let listed: Vec<_> = listed.collect();
    let position = state.stream().log().position();
    Ok(api::list(position, "silences", &listed))
}

/// `POST /api/silences`
pub async fn silence(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let asked = written::parse(&body, state.now())?;
    let made = make(&request, asked).await?;
    Ok(HttpResponse::Created()
        .insert_header(("location", format!("/api/silences/{}", made.id)))
        .json(json!({ "id": made.id, "from": made.from, "until": made.until })))
}

/// Makes the silence that somebody asked for.
pub async fn make(request: &HttpRequest, asked: written::Asked) -> Result<Silence, Problem> {
    let state = State::of(request)?;
    let now = state.now();
    let matcher = match asked.of {
        written::Of::Matcher(matcher) => matcher,
        written::Of::Alert(id) => {
            let live = state.live().read();
            let alert = live.open_alerts().find(|alert| alert.id == id);
            let alert = alert.ok_or_else(|| {
                Problem::field("alert", &id.to_string(), "the id of an alert that is open")
            })?;
            Matcher::exactly(&alert.rule, &alert.series)
        }
    };
    let silence = Silence {
        id: control::new_id(now),
        matcher,
        from: asked.from,
        until: asked.until,
        until_resolved: asked.until_resolved,
        has_covered: false,
        reason: asked.reason,
        by: asked.by.unwrap_or_else(|| who::of(request)),
        created: now,
    };
    let command = Command::Silence(Box::new(silence.clone()));
    let done = state.control().execute(command, silence.by.clone()).await;
    done.map_err(api::problem)?;
    Ok(silence)
}

/// `DELETE /api/silences/{id}`
pub async fn unsilence(
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    api::execute(&request, Command::Unsilence(parsed(&id)?)).await
}

/// The id that a path names.
pub fn parsed(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| {
        let shown: String = id.chars().take(80).collect();
        Problem::not_found(format!("there is no silence {shown:?}"))
    })
}

/// How long a silence has still to go.
pub fn left(silence: &Silence, now: Timestamp) -> std::time::Duration {
    silence.until.since(now)
}
