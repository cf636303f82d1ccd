//! The page of one alert, the page of silences, and what their forms do.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template as _;

use super::{back, form, html};
use crate::{
    control::Command,
    entry::pending::Busy,
    model::{AlertEvent, Timestamp},
    store::{self, notifications::Wanted},
    web::{
        api, channels,
        ingest::body,
        pages::{fill, live_page::LivePage, render},
        problem::Problem,
        silences,
        state::State,
    },
};

/// Transitions of one alert on its page, at most: the newest.
const MOST_STEPS: usize = 500;

/// `GET /alerts/{id}`
pub async fn alert(request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let unknown = || Problem::not_found("there is no alert of this id, or it is no longer kept");
    let id: uuid::Uuid = id.parse().map_err(|_| unknown())?;
    let readers = state.parts().store.readers();
    let read = readers.read(move |stored| store::alerts::of(stored, id, MOST_STEPS));
    let busy = |busy: Busy| Problem::busy(busy.to_string());
    let read = read.map_err(busy)?.await.map_err(busy)?;
    let events = read.map_err(|error| {
        tracing::error!(%error, "an alert of the past cannot be read");
        Problem::internal()
    })?;
    let mut events: Vec<Arc<AlertEvent>> = events.into_iter().map(Arc::new).collect();
    let wanted = Wanted {
        alert: Some(id),
        to: Timestamp::from_millis(i64::MAX),
        // Nothing was told before it opened.
        from: events.first().map(|event| event.since).unwrap_or_default(),
        most: MOST_STEPS,
        ..Wanted::default()
    };
    let told = channels::ledger(state, wanted).await?;
    let has_channels = !state
        .control()
        .notifier()
        .settings()
        .notify
        .channels
        .is_empty();
    let live = state.live().read();
    // What happened a moment ago may not be in the store yet.
    if let Some(newest) = live.alert(id)
        && events.last().is_none_or(|last| last != newest)
    {
        events.push(newest.clone());
    }
    let outlook = fill::outlook::Outlook::new(&live, state.now());
    let shell = render::still_frame(state, &outlook, "alert", "Alert");
    let page = fill::alert::page(&outlook, shell, &events, &told, has_channels);
    html(StatusCode::OK, page.ok_or_else(unknown)?.render())
}

pub async fn silences(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Silences))
}

/// `POST /silences`
pub async fn silence(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let fields = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let body = silences::written::of_fields(&String::from_utf8_lossy(&fields));
    let asked = silences::written::parse(&body, state.now())?;
    silences::make(&request, asked).await?;
    Ok(back(&request))
}

pub async fn end_silence(
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    form(&request, Command::Unsilence(silences::parsed(&id)?)).await
}

pub async fn clear(request: HttpRequest) -> Result<HttpResponse, Problem> {
    form(&request, Command::Clear).await
}

pub async fn alert_form(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (id, action) = path.into_inner();
    if action == "silence" {
        let state = State::of(&request)?;
        let fields = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
        let body = silences::written::of_form(&id, &String::from_utf8_lossy(&fields));
        let asked = silences::written::parse(&body, state.now())?;
        silences::make(&request, asked).await?;
        return Ok(back(&request));
    }
    form(&request, api::alert_command(&id, &action)?).await
}
