//! What every request passes on its way in, and its answer on its way out. One middleware, not one for each question:
//! each costs a request some pieces of memory.

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::{guard, limits::gate, people, problem::Problem, state::State};

/// Lets a request through if the limits and the guard do; an error gets the form that its reader can read.
pub async fn entry(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Err(problem) = check(request.request()) {
        return Ok(request.error_response(problem));
    }
    let answer = next.call(request).await?.map_into_boxed_body();
    Ok(people::readable(answer))
}

fn check(request: &HttpRequest) -> Result<(), Problem> {
    let state = State::of(request)?;
    gate::check(state.limits(), request)?;
    guard::check(&state.parts().server, request)
}
