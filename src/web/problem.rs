//! Errors as clients see them: problem documents (RFC 9457). The one place that decides status codes.

use std::fmt;

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;

use super::{limits::Limit, wire::whole};
use crate::pipeline::Busy;

/// An error answer; small, since most answers are none.
#[derive(Debug, Clone)]
pub struct Problem(Box<Details>);

/// What a problem document says. `title` is the same for every problem of its kind; `detail` is about this one.
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    /// `about:blank`: the status says all that a program needs.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind of problem, in words.
    pub title: &'static str,
    /// The status code.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// What was wrong here.
    pub detail: String,
    /// The parameter, or field, that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// The key of the limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'static str>,
    /// What only problems of one kind say.
    #[serde(flatten)]
    pub members: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            parameter: None,
            value: None,
            accepted: None,
            limit: None,
            members: serde_json::Map::new(),
            retry_after_seconds: None,
        }))
    }

    /// 400: a parameter that is malformed; says which, what it was and what it takes.
    pub fn parameter(name: &str, value: &str, accepted: &str) -> Self {
        let shown: String = value.chars().take(200).collect();
        let detail = format!("parameter {name}={shown:?} is not valid: it takes {accepted}");
        let mut problem = Self::new(StatusCode::BAD_REQUEST, detail);
        problem.0.parameter = Some(name.to_owned());
        problem.0.value = Some(shown);
        problem.0.accepted = Some(accepted.to_owned());
        problem
    }

    /// 422: a body that is not what it should be.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 422: a field of a body that is malformed; says which, what it was and what it takes.
    pub fn field(name: &str, value: &str, accepted: &str) -> Self {
        let shown: String = value.chars().take(200).collect();
        let detail = format!("field {name}={shown:?} is not valid: it takes {accepted}");
        let mut problem = Self::unprocessable(detail);
        problem.0.parameter = Some(name.to_owned());
        problem.0.value = Some(shown);
        problem.0.accepted = Some(accepted.to_owned());
        problem
    }

    /// 400: a parameter that is not known here; says which are.
    pub fn unknown_parameter(name: &str, value: &str, known: &[&str]) -> Self {
        let accepted = format!("no such parameter here; there are {}", known.join(", "));
        let mut problem = Self::parameter(name, value, &accepted);
        problem.0.detail = format!("parameter {name:?}: {accepted}");
        problem
    }

    /// 503 with `Retry-After`.
    pub fn busy(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.0.retry_after_seconds = Some(1);
        problem
    }

    /// 500, whose cause is in the log.
    pub fn internal() -> Self {
        let detail = "something went wrong here; the server's log says what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// With one more member.
    pub fn with(mut self, member: &str, value: serde_json::Value) -> Self {
        self.0.members.insert(member.to_owned(), value);
        self
    }

    /// 412: what was waited for has not come; what `report` says becomes members of the document.
    pub fn not_held(detail: impl Into<String>, report: &impl Serialize) -> Self {
        let mut problem = Self::new(StatusCode::PRECONDITION_FAILED, detail);
        if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(report) {
            problem.0.members = members;
        }
        problem
    }

    /// A limit was reached: `detail` is what is the case; the key is named behind it.
    pub fn limit(limit: Limit, detail: &str) -> Self {
        let (status, retry) = match limit {
            Limit::Requests => (StatusCode::TOO_MANY_REQUESTS, Some(1..=1)),
            Limit::Head => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, None),
            Limit::Body | Limit::Unpacked | Limit::Frame => (StatusCode::PAYLOAD_TOO_LARGE, None),
            // A place is given back when somebody leaves, which takes longer than a turn of a queue.
            Limit::Connections
            | Limit::ConnectionsPerAddress
            | Limit::Clients
            | Limit::Waits
            | Limit::Playbacks => (StatusCode::SERVICE_UNAVAILABLE, Some(5..=15)),
            Limit::Views | Limit::Subscriptions | Limit::Commands => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(1..=1))
            }
        };
        let detail = format!("{detail}, which is the limit (key {})", limit.key());
        let mut problem = Self::new(status, detail).of(limit.key());
        // Random, so that those who were refused together do not come back together.
        problem.0.retry_after_seconds = retry.map(rand::random_range);
        problem
    }

    /// Because of the limit of this key.
    pub fn of(mut self, key: &'static str) -> Self {
        self.0.limit = Some(key);
        self
    }

    /// With this `Retry-After`.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// As the whole answer of a connection that is closed after it.
    pub fn to_http(&self) -> String {
        let body = serde_json::to_string(&*self.0).unwrap_or_default();
        let retry_after = self.0.retry_after_seconds;
        whole::answer(
            self.0.status,
            "application/problem+json",
            retry_after,
            &body,
        )
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// What it says.
    pub fn details(&self) -> &Details {
        &self.0
    }
}

/// The answer where no route is: 404, and where the routes are said.
pub async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path: String = request.path().chars().take(200).collect();
    let method = request.method();
    Err(Problem::not_found(format!(
        "there is no {method} {path:?} here; GET /api/openapi.json says what there is"
    )))
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        Self::busy(busy.to_string()).of(Busy::KEY)
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u16(status.as_u16())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        if let Some(seconds) = self.0.retry_after_seconds {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        let body = serde_json::to_string(&*self.0).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}
