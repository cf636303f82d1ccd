//! Alerts, of now and of the past, and what people do with them.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{execute, list, query::Query};
use crate::{
    backtest::{Asked, SuggestedLevels, Trial},
    control::Command,
    entry::pending::Busy,
    model::{Activity, AlertEvent, Position, Rule, Timestamp, event},
    store,
    web::{annotations::Listed, backtest, ingest::body, problem::Problem, state::State, who},
};

/// Alerts of the past in one answer, at most.
const MAX_ALERTS: usize = 10_000;

/// `GET /api/alerts`
pub async fn alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let query = Query::parse(&request, &["state", "from", "to"])?;
    let past = match query.span(state.now())? {
        None => None,
        Some((from, to)) => {
            let readers = state.parts().store.readers();
            let read = readers
                .read(move |stored| store::alerts::read(stored, from, to, MAX_ALERTS, |_| true));
            let busy = |busy: Busy| Problem::busy(busy.to_string());
            let past = read.map_err(busy)?.await.map_err(busy)?;
            let past = past.map_err(|error| {
                tracing::error!(%error, "the alerts of the past cannot be read");
                Problem::internal()
            })?;
            Some((past, to))
        }
    };
    let live = state.live().read();
    let open = live.open_alerts().rev().map(AsRef::as_ref);
    let alerts: Vec<&AlertEvent> = match &past {
        None => {
            let resolved = live.resolved_alerts().rev().filter(|_| query.resolved);
            open.chain(resolved.map(AsRef::as_ref)).collect()
        }
        // What is open may have begun, and said its last, before the time that is asked for.
        Some((past, to)) => {
            let open = open.filter(|alert| alert.since < *to);
            let over = past.iter().filter(|alert| !live.is_open(alert.id));
            open.chain(over).collect()
        }
    };
    let mut alerts: Vec<_> = alerts
        .into_iter()
        .filter(|event| query.filter.alert(event))
        .collect();
    if past.is_some() {
        alerts.sort_by_key(|alert| Reverse((alert.since, alert.id)));
    }
    Ok(list(state.stream().log().position(), "alerts", &alerts))
}

/// Transitions of one alert, at most: the newest.
const MOST_EVENTS: usize = 500;
/// How long an alert is looked at, to tell at which thresholds it would not have fired.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The transitions of one alert, oldest first and at least one.
pub async fn events(state: &State, id: &str) -> Result<Vec<Arc<AlertEvent>>, Problem> {
    let unknown = || Problem::not_found("there is no alert of this id, or it is no longer kept");
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let readers = state.parts().store.readers();
    let read = readers.read(move |stored| store::alerts::of(stored, id, MOST_EVENTS));
    let busy = |busy: Busy| Problem::busy(busy.to_string());
    let read = read.map_err(busy)?.await.map_err(busy)?;
    let events = read.map_err(|error| {
        tracing::error!(%error, "an alert of the past cannot be read");
        Problem::internal()
    })?;
    let mut events: Vec<Arc<AlertEvent>> = events.into_iter().map(Arc::new).collect();
    // What happened a moment ago may not be in the store yet.
    let live = state.live().read();
    if let Some(newest) = live.alert(id)
        && events.last().is_none_or(|last| last != newest)
    {
        events.push(newest.clone());
    }
    match events.is_empty() {
        true => Err(unknown()),
        false => Ok(events),
    }
}

/// `GET /api/alerts/{id}`
pub async fn alert(request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let events = events(state, &id).await?;
    let live = state.live().read();
    let newest = events.last();
    let notes = newest
        .into_iter()
        .flat_map(|alert| live.annotations.on(alert.id));
    let notes: Vec<_> = notes.map(|note| Listed::new(note)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "position": state.stream().log().position(),
        "alert": newest,
        "events": events,
        "notes": notes,
    })))
}

/// `POST /api/alerts/{id}/notes`
pub async fn note(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    struct Written {
        message: String,
    }
    let state = State::of(&request)?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let written: Written = serde_json::from_slice(&body).map_err(|error| {
        Problem::unprocessable(format!("not a note: {error}; a note is {{\"message\"}}"))
    })?;
    let (id, position) = add_note(&request, &id, &written.message).await?;
    Ok(HttpResponse::Created()
        .insert_header(("location", format!("/api/annotations/{id}")))
        .json(json!({ "id": id, "position": position })))
}

/// Puts a note on an alert.
pub async fn add_note(
    request: &HttpRequest,
    alert: &str,
    message: &str,
) -> Result<(Uuid, Position), Problem> {
    let state = State::of(request)?;
    let events = events(state, alert).await?;
    let text = event::message(message).ok_or_else(|| {
        let accepted = format!("text of 1 to {} bytes", event::MAX_MESSAGE_BYTES);
        Problem::field("message", message, &accepted)
    })?;
    let note = Activity {
        alert: Some(events[0].id),
        by: Some(who::of(request)),
        host: Some(events[0].series.host.clone()),
        ..Activity::new(Activity::NOTE, text.to_owned(), state.now())
    };
    let done = state.control().annotate(note).await;
    let (id, number) = done.map_err(super::problem)?;
    Ok((id, state.stream().log().at(number)))
}

/// The thresholds at which an alert would not have fired.
#[derive(Debug, Serialize)]
pub struct Quiet {
    /// Its rule, as it is now.
    pub rule: Arc<str>,
    /// From when it was looked at.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The nearest thresholds, all of them further out by the same distance; none where none would do.
    pub levels: Option<SuggestedLevels>,
}

/// At which thresholds it would not have fired: its rule as it is now, run over its series as long as it was open. Also the
/// rule, and the alert as it stands.
pub async fn quiet_of(
    state: &State,
    id: &str,
) -> Result<(Quiet, Arc<Rule>, Arc<AlertEvent>), Problem> {
    let mut events = events(state, id).await?;
    let newest = events.swap_remove(events.len() - 1);
    let book = state.live().read().book.clone();
    let rule = book.get(&newest.rule).map(|listed| listed.rule.clone());
    let rule = rule.ok_or_else(|| Problem::not_found("its rule is no longer there"))?;
    let end = match newest.state.is_open() {
        true => state.now(),
        false => newest.timestamp,
    };
    let (from, to) = (newest.since, end.min(newest.since.plus(LONGEST)));
    let asked = Asked {
        rule: rule.clone(),
        saved: None,
        // What fires in a moment is rounded to one, also where the store has it.
        from: from.minus(Duration::from_millis(1)),
        to: to.max(from.plus(Duration::from_secs(1))),
        per_week: None,
        only: Some(newest.series.clone()),
    };
    let tried = |trial: &Trial| (trial.from(), trial.quiet());
    let (tried_from, levels) = backtest::in_turn(state, asked, tried).await?;
    let quiet = Quiet {
        rule: rule.name.clone(),
        from: from.max(tried_from),
        to,
        levels,
    };
    Ok((quiet, rule, newest))
}

/// `GET /api/alerts/{id}/quiet`
pub async fn quiet(request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (quiet, ..) = quiet_of(State::of(&request)?, &id).await?;
    Ok(HttpResponse::Ok().json(quiet))
}

/// `POST /api/alerts/{id}/{action}`
pub async fn alert_action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, action) = path.into_inner();
    execute(&request, alert_command(&id, &action)?).await
}

/// What a path says to an alert, in the API and in forms.
pub fn alert_command(id: &str, action: &str) -> Result<Command, Problem> {
    let id: Uuid = id.parse().map_err(|_| {
        let shown: String = id.chars().take(80).collect();
        Problem::not_found(format!("there is no alert {shown:?}"))
    })?;
    match action {
        "acknowledge" => Ok(Command::Acknowledge(id)),
        "dismiss" => Ok(Command::Dismiss(id)),
        _ => Err(Problem::not_found(
            "an alert can be told acknowledge or dismiss",
        )),
    }
}

/// `POST /api/alerts/clear`
pub async fn clear_alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    execute(&request, Command::Clear).await
}
