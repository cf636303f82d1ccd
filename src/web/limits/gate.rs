//! The limits of requests, before anything else is looked at: how many, and how large a head.

use actix_web::HttpRequest;

use super::{Account, Limits};
use crate::web::problem::Problem;

/// Lets a request through, or refuses it: 429 for too many, 431 for too long a head.
pub fn check(limits: &Limits, request: &HttpRequest) -> Result<(), Problem> {
    let account = match request.path() {
        // However much an address asks: that it may look at how the server is must not depend on it.
        "/healthz" | "/readyz" | "/metrics" => Account::Checks,
        _ => Account::Requests,
    };
    limits.request(request.peer_addr().map(|peer| peer.ip()), account)?;
    if head_bytes(request) > limits.max_head() {
        return Err(limits.head_too_large());
    }
    Ok(())
}

/// About how many bytes the head had: its first line, and each header with a colon, a space and a line break.
fn head_bytes(request: &HttpRequest) -> usize {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + 4);
    let target = request.uri().path_and_query();
    target.map_or(0, |target| target.as_str().len()) + headers.sum::<usize>()
}
