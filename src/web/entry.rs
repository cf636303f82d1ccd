//! What every request passes on its way in, and its answer on its way out. One middleware, not one for each question:
//! each costs a request some pieces of memory.

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::{
    guard,
    limits::gate,
    people::{self, Reader},
    state::State,
};

/// Lets a request through if the limits and the guard do; an error gets the form that its reader can read.
pub async fn entry(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The request itself may not be held over the call: the router wants it for itself.
    let state = State::of(request.request())?.clone();
    let allowed = gate::check(state.limits(), &request);
    let allowed = allowed.and_then(|()| guard::check(&state.parts().server, request.request()));
    if let Err(problem) = allowed {
        return Ok(request.error_response(problem));
    }
    let reader = Reader::of(&request);
    let answer = next.call(request).await?.map_into_boxed_body();
    Ok(people::readable(answer, reader, &state))
}
