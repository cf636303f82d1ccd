//! `POST /api/rules/backtest`: a rule, tried on the past.

pub mod written;

use std::{convert::Infallible, ops::ControlFlow, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use super::{ingest::body, problem::Problem, rules, state::State};
use crate::backtest::{Asked, Report, Trial};

/// How long a page waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// Lines of progress that may wait; one that finds no room is left out.
const LINES: usize = 16;

/// `POST /api/rules/backtest`: the report; with `Accept: application/x-ndjson` lines of progress, then the report.
pub async fn backtest(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let body = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let asked = asked(state, &body)?;
    let accept = request.headers().get(header::ACCEPT);
    let lines = accept.is_some_and(|a| a.as_bytes().starts_with(b"application/x-ndjson"));
    if !lines {
        let report = run(state.clone(), asked, |_| ControlFlow::Continue(())).await?;
        return Ok(HttpResponse::Ok().json(report));
    }
    // One that is busy is said with a status, before anything is answered.
    let place = place(state)?;
    let (sender, receiver) = mpsc::channel::<Bytes>(LINES);
    let state = state.clone();
    actix_web::rt::spawn(async move {
        let progress = sender.clone();
        let trying = read_and_run(&state, asked, place, move |share| {
            let line = json!({ "type": "progress", "share": (share * 100.0).round() / 100.0 });
            match progress.try_send(Bytes::from(format!("{line}\n"))) {
                Err(mpsc::error::TrySendError::Closed(_)) => ControlFlow::Break(()),
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => ControlFlow::Continue(()),
            }
        });
        let report = tokio::select! {
            report = trying => report,
            // Nobody is there any more.
            () = sender.closed() => return,
        };
        let line = match report {
            Ok(report) => {
                let mut line = json!(report);
                line["type"] = json!("report");
                line
            }
            Err(problem) => json!({ "type": "error", "message": problem.to_string() }),
        };
        // Nobody may be there any more.
        let _ = sender.send(Bytes::from(format!("{line}\n"))).await;
    });
    let lines = ReceiverStream::new(receiver).map(Ok::<_, Infallible>);
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(lines))
}

/// What a body asks for: a rule of its own, or one by name; with `compare` as it is saved beside it.
fn asked(state: &State, body: &[u8]) -> Result<Asked, Problem> {
    let written = written::parse(body, state.now())?;
    let book = state.live().read().book.clone();
    let (rule, saved) = match written.of {
        written::Of::Rule(json) => {
            let rule = Arc::new(rules::parsed(&json)?);
            let saved = book.get(&rule.name).map(|listed| listed.rule.clone());
            (rule, saved.filter(|_| written.compare))
        }
        written::Of::Name(name) => {
            let known = book.get(&name).map(|listed| listed.rule.clone());
            let rule = known
                .ok_or_else(|| Problem::field("name", &name, "the name of a rule that there is"))?;
            (rule, None)
        }
    };
    Ok(Asked {
        rule,
        saved,
        from: written.from,
        to: written.to,
        per_week: written.per_week,
        only: None,
    })
}

/// Tries a rule on the past, if no other one is being tried.
async fn run(
    state: State,
    asked: Asked,
    progress: impl FnMut(f64) -> ControlFlow<()>,
) -> Result<Report, Problem> {
    let place = place(&state)?;
    read_and_run(&state, asked, place, progress).await
}

/// Reads what a rule looks at, and does something with it, when those that were asked for before are done. Whoever does not
/// want it any more drops the future.
pub async fn in_turn<T: Send + 'static>(
    state: &State,
    asked: Asked,
    then: impl FnOnce(&Trial) -> T + Send + 'static,
) -> Result<T, Problem> {
    let place = tokio::time::timeout(TURN, state.parts().trials.clone().acquire_owned());
    let place = place.await.ok().and_then(Result::ok).ok_or_else(taken)?;
    let trial = read(state, asked, |_| ControlFlow::Continue(())).await?;
    work(place, trial, then).await
}

async fn read_and_run(
    state: &State,
    asked: Asked,
    place: OwnedSemaphorePermit,
    progress: impl FnMut(f64) -> ControlFlow<()>,
) -> Result<Report, Problem> {
    let trial = read(state, asked, progress).await?;
    work(place, trial, Trial::run).await
}

async fn read(
    state: &State,
    asked: Asked,
    progress: impl FnMut(f64) -> ControlFlow<()>,
) -> Result<Trial, Problem> {
    let archive = state.stream().archive().ok_or_else(|| {
        Problem::busy("nothing is kept: the data folder cannot be written to, so there is no past to try a rule on")
    })?;
    let trial = Trial::read(archive, asked, progress).await;
    trial.map_err(|busy| Problem::busy(busy.to_string()))
}

/// It takes a core and its place until it is done, or nobody waits for it any more.
async fn work<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    trial: Trial,
    work: impl FnOnce(&Trial) -> T + Send + 'static,
) -> Result<T, Problem> {
    let _stopper = trial.stopper();
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&trial);
        drop(place);
        done
    });
    done.await.map_err(|error| {
        tracing::error!(%error, "a rule could not be tried");
        Problem::internal()
    })
}

fn place(state: &State) -> Result<OwnedSemaphorePermit, Problem> {
    let trials = state.parts().trials.clone();
    trials.try_acquire_owned().map_err(|_| taken())
}

fn taken() -> Problem {
    Problem::busy("another rule is being tried; try again when that is done")
}
