//! Alerts, of now and of the past, and what people do with them.

use std::cmp::Reverse;

use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::{execute, list, query::Query};
use crate::{
    control::Command,
    entry::pending::Busy,
    model::AlertEvent,
    store,
    web::{problem::Problem, state::State},
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
