//! How a pushed body is written.

use actix_web::{HttpRequest, http::header};

/// JSON or Prometheus text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object, an array of them, or one a line.
    Json,
    /// Lines of Prometheus text, or of OpenMetrics.
    Text,
}

impl Form {
    /// As the content type says, if it is one of these formats; otherwise as the body begins: JSON with a brace or a bracket.
    pub fn of(request: &HttpRequest, body: &[u8]) -> Self {
        let said = request.headers().get(header::CONTENT_TYPE);
        let said = said.and_then(|value| value.to_str().ok()).unwrap_or("");
        Self::by_type(said).unwrap_or_else(|| Self::by_first_byte(body))
    }

    fn by_type(content_type: &str) -> Option<Self> {
        let lower = content_type.to_ascii_lowercase();
        let (essence, parameters) = lower.split_once(';').unwrap_or((&lower, ""));
        match essence.trim() {
            "application/json" | "application/x-ndjson" => Some(Self::Json),
            "application/openmetrics-text" => Some(Self::Text),
            // Without a version it is any text.
            "text/plain" if parameters.contains("version=") => Some(Self::Text),
            _ => None,
        }
    }

    fn by_first_byte(body: &[u8]) -> Self {
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match text.trim_ascii_start().first() {
            // Of an empty body the parser of JSON says that it is.
            Some(b'{' | b'[') | None => Self::Json,
            Some(_) => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_decides_where_it_says_something_and_the_first_byte_otherwise() {
        for (content_type, body, form) in [
            (
                "text/plain; version=0.0.4; charset=utf-8",
                "{\"a\"} 1",
                Form::Text,
            ),
            (
                "application/openmetrics-text; version=1.0.0",
                "",
                Form::Text,
            ),
            ("application/x-ndjson", "nonsense\n{}", Form::Json),
            ("application/json", "7", Form::Json),
            ("application/x-www-form-urlencoded", "a 1", Form::Text),
            ("application/x-www-form-urlencoded", " \r\n[]", Form::Json),
            ("text/plain", "{\"name\":\"a\"}", Form::Json),
            ("", "\u{feff}{}", Form::Json),
            ("", "# HELP a b", Form::Text),
            ("", " ", Form::Json),
        ] {
            let found = Form::by_type(content_type);
            let found = found.unwrap_or_else(|| Form::by_first_byte(body.as_bytes()));
            assert_eq!(found, form, "{content_type} {body}");
        }
    }
}
