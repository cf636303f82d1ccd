//! The page of one alert, the page of silences, and what their forms do.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template as _;
use uuid::Uuid;

use super::{
    back, form, html,
    live::{self, Followed, follow},
    rules,
};
use crate::{
    control::Command,
    entry::Entry,
    model::{AlertEvent, Timestamp},
    store::notifications::Wanted,
    web::{
        api, channels,
        ingest::body,
        pages::{
            alert::{AlertPage, QuietFragment},
            chart::Chart,
            fill::{self, history::Span},
            live_page::LivePage,
            overview::ShapeFragment,
            render,
            shell::{Shell, stream_url},
        },
        problem::Problem,
        query, silences,
        state::State,
    },
};

/// Messages about one alert on its page, at most.
const MOST_TOLD: usize = 500;

/// `GET /alerts/{id}`
pub async fn alert(request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let events = api::events(state, &id).await?;
    let newest = &events[events.len() - 1];
    let wanted = Wanted {
        alert: Some(newest.id),
        to: Timestamp::from_millis(i64::MAX),
        // Nothing was told before it opened.
        from: newest.since,
        most: MOST_TOLD,
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
    let chart = chart_of(state, newest, &events).await?;
    // Without scripts it is asked for by a link.
    let is_asked = query::pairs(request.query_string()).any(|(name, _)| name == "quiet");
    let quiet = match is_asked {
        true => quiet_text(state, &id).await,
        false => String::new(),
    };
    let live = state.live().read();
    let outlook = fill::outlook::Outlook::new(&live, state.now());
    let id = newest.id.to_string();
    let shell = Shell {
        stream: Some(stream_url("alert", "", &[("alert", &id)])),
        ..render::frame(state, &outlook, "alert", "Alert")
    };
    let page = AlertPage {
        quiet,
        ..fill::alert::page(&outlook, shell, &events, (&told, has_channels), chart)
    };
    html(StatusCode::OK, page.render())
}

/// The stream of that page: when something has happened to the alert, it says that it is to be drawn anew.
pub fn stream(
    request: &HttpRequest,
    id: &str,
    since: Option<query::Since>,
) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?.clone();
    let id: Uuid = id
        .parse()
        .map_err(|_| Problem::parameter("alert", id, "the id of an alert"))?;
    let renderer = Box::new(move |_: &[Arc<Entry>], _| {
        let shape = fill::alert::shape(&state.live().read(), id);
        let html = ShapeFragment { shape }.render().unwrap_or_default();
        vec![live::badge(&state), ("shape".to_owned(), html)]
    });
    let followed = Followed {
        page: "alert",
        host: id.to_string(),
        filter: fill::catalogue::uncharted(),
        renderer,
    };
    follow(request, followed, since)
}

/// What is shown of the metric before an alert opened, and after it ended: as long as it was open, within these.
const AROUND: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3600)];

/// Its series while it was open and around that, with the thresholds that it crossed.
async fn chart_of(
    state: &State,
    alert: &AlertEvent,
    events: &[Arc<AlertEvent>],
) -> Result<Option<Chart>, Problem> {
    let now = state.now();
    let end = match alert.state.is_open() {
        true => now,
        false => alert.timestamp,
    };
    let around = end.since(alert.since).clamp(AROUND[0], AROUND[1]);
    let span = Span {
        from: alert.since.minus(around),
        to: end.plus(around).min(now),
    };
    let mut chart = rules::chart(state, &alert.series, span).await?;
    if let Some(chart) = &mut chart {
        chart.thresholds = fill::alert::lines(events);
    }
    Ok(chart)
}

/// `GET /alerts/{id}/quiet`: at which thresholds it would not have fired, as a sentence.
pub async fn quiet(request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let text = quiet_text(State::of(&request)?, &id).await;
    html(StatusCode::OK, QuietFragment { text }.render())
}

async fn quiet_text(state: &State, id: &str) -> String {
    match api::quiet_of(state, id).await {
        Ok((quiet, rule, alert)) => fill::alert::quiet(&quiet, &rule, &alert),
        Err(problem) => problem.to_string(),
    }
}

pub async fn silences(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Silences))
}

/// `POST /silences`
pub async fn silence(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let fields = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let body = silences::written::of_fields(&String::from_utf8_lossy(&fields))?;
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
    if action == "notes" {
        let state = State::of(&request)?;
        let fields = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
        let fields = String::from_utf8_lossy(&fields);
        let message = query::pairs(&fields).find(|(name, _)| name == "message");
        let message = message.map(|(_, text)| text).unwrap_or_default();
        api::add_note(&request, &id, &message).await?;
        return Ok(back(&request));
    }
    form(&request, api::alert_command(&id, &action)?).await
}
