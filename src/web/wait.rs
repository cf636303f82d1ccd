//! `GET /api/wait`: answered when a condition on samples has held for long enough, or when the time is up.
//!
//! - [`query`]: its parameters
//! - [`condition`]: what must hold; pure
//! - [`waiter`]: one request that waits: reads the log, wakes with ticks
//! - [`answer`]: what it says in the end
//!
//! Nothing is sent before the answer, and that may take an hour. So the connection leaves actix-http at once, like that
//! of a stream: it costs as little, and what a client sends meanwhile is not actix-http's to pile up.

pub mod answer;
pub mod condition;
pub mod query;
pub mod waiter;

use actix_web::{HttpRequest, HttpResponse};

use self::waiter::Waiter;
use super::{
    problem::Problem,
    sse::UNASKED_BYTES,
    state::State,
    wire::{
        outlet::{self, Outlet},
        takeover::Desk,
    },
};

/// `GET /api/wait`
pub async fn wait(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let query = query::parse(request.query_string())?;
    let places = state.limits().wait()?;
    let desk = Desk::of(&request)?;
    let waiter = Waiter::new(state, State::shard(&request)?, query, places);
    let streams = state.streams().clone();
    let handed_over = desk.hand_over(move |socket| {
        let client = Outlet::new(socket, waiter, Some(UNASKED_BYTES));
        streams.spawn_local(outlet::serve(client));
    });
    match handed_over.await {}
}
