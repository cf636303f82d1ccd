//! An answer in one piece: for connections that are not, or no longer, in the hands of actix-http.

use actix_web::http::StatusCode;
use chrono::Utc;

/// Head and body as they go out; the connection is closed after them. `retry_after` in seconds.
pub fn answer(
    status: StatusCode,
    content_type: &str,
    retry_after: Option<u32>,
    body: &str,
) -> String {
    let retry_after = retry_after.map_or(String::new(), |seconds| {
        format!("retry-after: {seconds}\r\n")
    });
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {content_type}\r\ncache-control: no-store\r\n{retry_after}\
         content-length: {}\r\nconnection: close\r\ndate: {}\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        Utc::now().format("%a, %d %b %Y %H:%M:%S GMT"),
    )
}
