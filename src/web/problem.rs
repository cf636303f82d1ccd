//! Errors as clients see them: problem documents (RFC 9457). The one place that decides status codes.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;

/// An error answer. `title` is the same for every problem of its kind; `detail` is about this one.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    #[serde(skip)]
    code: StatusCode,
    /// `about:blank`: the status says all that a program needs.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind of problem, in words.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What was wrong here.
    pub detail: String,
    /// The parameter that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(code: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            kind: "about:blank",
            title: code.canonical_reason().unwrap_or("Error").to_owned(),
            status: code.as_u16(),
            detail: detail.into(),
            parameter: None,
            value: None,
            accepted: None,
            retry_after_seconds: None,
        }
    }

    /// 400: a parameter that is unknown or malformed; says which, what it was and what it takes.
    pub fn parameter(name: &str, value: &str, accepted: &str) -> Self {
        let shown: String = value.chars().take(200).collect();
        let detail = format!("parameter {name}={shown:?} is not valid: it takes {accepted}");
        Self {
            parameter: Some(name.to_owned()),
            value: Some(shown),
            accepted: Some(accepted.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// 503 with `Retry-After`.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self {
            retry_after_seconds: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        let body = serde_json::to_string(self).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}
