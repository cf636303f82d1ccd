//! Errors in the form that who asked can read: a browser that asked for a page gets a page, all others get the problem
//! document. Errors that came from the framework, without a document, get theirs here. What was
//! our fault is logged, with its cause; who asked is not told the cause.

use actix_web::{
    HttpRequest, ResponseError as _,
    dev::ServiceResponse,
    http::{StatusCode, header},
};

use super::{pages::routes, problem::Problem, state::State};

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Somebody who asked for a page.
    Person,
    /// Everything else, scripts of a page among it.
    Program,
}

impl Reader {
    fn of(request: &HttpRequest) -> Self {
        let header = |name| {
            let value: Option<&header::HeaderValue> = request.headers().get(name);
            value.and_then(|v| v.to_str().ok())
        };
        let page = header(header::ACCEPT).is_some_and(|a| a.contains("text/html"));
        match page && header(header::HeaderName::from_static("hx-request")).is_none() {
            true => Self::Person,
            false => Self::Program,
        }
    }
}

/// Gives an error its form; what is none stays as it is.
pub fn readable(answer: ServiceResponse) -> ServiceResponse {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let for_people = Reader::of(answer.request()) == Reader::Person;
    let error = answer.response().error();
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        let cause = error.map_or_else(|| "no cause was given".to_owned(), ToString::to_string);
        tracing::error!(
            path = answer.request().path(),
            status = status.as_u16(),
            cause,
            "a request failed"
        );
    }
    let problem = error.and_then(|e| e.as_error::<Problem>()).cloned();
    // An answer with a content type has words of its own; only problems, and what has none, are put into words here.
    let worded = answer.headers().contains_key(header::CONTENT_TYPE);
    if worded && (problem.is_none() || !for_people) {
        return answer;
    }
    let problem = problem.unwrap_or_else(|| Problem::new(status, without_words(status)));
    let response = if for_people {
        let page = State::of(answer.request());
        let page =
            page.and_then(|state| routes::error_page(state, status, &problem.details().detail));
        page.unwrap_or_else(|problem| problem.error_response())
    } else {
        problem.error_response()
    };
    answer.into_response(response)
}

/// What the framework's own errors are about.
fn without_words(status: StatusCode) -> &'static str {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method",
        _ => "the request could not be served",
    }
}
