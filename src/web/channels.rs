//! `/api/channels` and `/api/notifications`: whom there is to tell, and what became of telling them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Serialize;
use serde_json::json;

use super::{api, problem::Problem, query, state::State};
use crate::{
    history::query::{LATER, TIME, time},
    model::{Attempt, DeliveryState, Timestamp},
    notify::{ChannelStatus, Untested},
    store::notifications::{self, Entry, Wanted},
};

/// Deliveries in one answer, at most, and where nothing is said.
const MOST: usize = 1000;
const USUAL: usize = 100;

/// A channel as it is listed; what is secret of it is not.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    enabled: bool,
    #[serde(flatten)]
    status: ChannelStatus,
}

/// `GET /api/channels`
pub async fn channels(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let notifier = state.control().notifier();
    let (settings, mut status) = (notifier.settings(), notifier.status());
    let listed = settings.notify.channels.iter().map(|channel| Listed {
        name: &channel.name,
        kind: channel.kind.as_str(),
        enabled: channel.enabled,
        status: status.remove(&channel.name).unwrap_or_default(),
    });
    let listed: Vec<_> = listed.collect();
    let position = state.stream().log().position();
    Ok(api::list(position, "channels", &listed))
}

/// `POST /api/channels/{name}/test`
pub async fn test(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let attempt = tested(State::of(&request)?, &name).await?;
    Ok(HttpResponse::Ok().json(attempt))
}

/// Tries a channel; that it did not take it is a problem.
pub async fn tested(state: &State, name: &str) -> Result<Attempt, Problem> {
    let tested = state.control().notifier().test(name).await;
    let attempt = tested.map_err(|error| match error {
        Untested::Unknown(_) => Problem::not_found(error.to_string()),
        Untested::TooMany | Untested::Gone => Problem::busy(error.to_string()),
    })?;
    match attempt.state {
        DeliveryState::Sent => Ok(attempt),
        _ => {
            let detail = format!("the channel {name} did not take it: {}", attempt.answer);
            let problem = Problem::new(StatusCode::BAD_GATEWAY, detail);
            Err(problem.with("attempt", json!(attempt)))
        }
    }
}

/// `GET /api/notifications`
pub async fn notifications(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let wanted = parse(request.query_string(), state.now())?;
    let entries = ledger(state, wanted).await?;
    let position = state.stream().log().position();
    Ok(api::list(position, "notifications", &entries))
}

/// Reads the ledger.
pub async fn ledger(state: &State, wanted: Wanted) -> Result<Vec<Entry>, Problem> {
    let readers = state.parts().store.readers();
    let read = readers.read(move |stored| notifications::ledger(stored, &wanted));
    let busy = |busy: crate::entry::pending::Busy| Problem::busy(busy.to_string());
    let read = read.map_err(busy)?.await.map_err(busy)?;
    read.map_err(|error| {
        tracing::error!(%error, "the ledger cannot be read");
        Problem::internal()
    })
}

fn parse(text: &str, now: Timestamp) -> Result<Wanted, Problem> {
    const KNOWN: [&str; 6] = ["channel", "state", "alert", "from", "to", "count"];
    let mut wanted = Wanted {
        to: Timestamp::from_millis(i64::MAX),
        most: USUAL,
        ..Wanted::default()
    };
    for (name, value) in query::pairs(text) {
        let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
        let at = || time(&value, now).ok_or_else(|| wrong(TIME));
        match name.as_str() {
            "channel" => wanted.channel = Some(value),
            "state" => {
                let state = DeliveryState::parse(&value);
                let accepted = "queued, sent, failed, expired or dropped";
                wanted.state = Some(state.ok_or_else(|| wrong(accepted))?);
            }
            "alert" => {
                let alert = value.parse().map_err(|_| wrong("the id of an alert"))?;
                wanted.alert = Some(alert);
            }
            "from" => wanted.from = at()?,
            "to" => wanted.to = at()?,
            "count" => {
                let count = value.parse().ok().filter(|n| (1..=MOST).contains(n));
                wanted.most = count.ok_or_else(|| wrong("a whole number from 1 to 1000"))?;
            }
            _ => return Err(Problem::unknown_parameter(&name, &value, &KNOWN)),
        }
    }
    match wanted.from < wanted.to {
        true => Ok(wanted),
        false => Err(Problem::parameter("to", &wanted.to.to_string(), LATER)),
    }
}
