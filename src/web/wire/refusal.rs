//! What is said to a connection itself, before HTTP has begun or instead of it.

use std::{io, time::Duration};

use actix_web::{http::StatusCode, rt::net::TcpStream};

use super::{outlet, takeover::Socket};
use crate::web::{limits::Limits, problem::Problem};

/// A client that has not said anything after this long is answered all the same.
const WAIT: Duration = Duration::from_secs(1);

/// Tells a connection that it has no place, and closes it.
pub async fn refuse(socket: TcpStream, problem: &Problem, limits: &Limits) {
    let Some(_place) = limits.farewell() else {
        return;
    };
    // An answer to no question confuses clients.
    let _ = tokio::time::timeout(WAIT, socket.readable()).await;
    answer(&socket, problem).await;
}

/// The status of an answer that actix-http gives by itself to what is no request for a handler: it has no words.
pub fn wordless(answer: &[u8]) -> Option<StatusCode> {
    let (code, rest) = answer.strip_prefix(b"HTTP/1.1 ")?.split_at_checked(3)?;
    let status = StatusCode::from_bytes(code).ok()?;
    let line = rest.iter().position(|byte| *byte == b'\n')?;
    let empty = rest[line + 1..].starts_with(b"content-length: 0\r\n");
    (empty && status.is_client_error()).then_some(status)
}

/// Tells a connection why no request is made of what it sent, and closes it.
pub async fn refuse_head(socket: Socket, status: StatusCode) {
    let limits = socket.limits();
    let problem = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => limits.head_too_large(),
        StatusCode::REQUEST_TIMEOUT => Problem::new(status, "the request's head took too long"),
        _ => Problem::new(
            status,
            "this is no HTTP/1.1 request; TLS (https://) is not spoken here",
        ),
    };
    if let Some(_place) = limits.farewell() {
        answer(&socket, &problem).await;
    }
}

async fn answer(socket: &TcpStream, problem: &Problem) {
    match write(socket, problem).await {
        Ok(()) => outlet::farewell(socket).await,
        Err(error) => tracing::debug!(%error, "a refusal could not be told"),
    }
}

/// A socket that nothing else was written to takes all of it at once.
async fn write(socket: &TcpStream, problem: &Problem) -> io::Result<()> {
    let answer = problem.to_http();
    tokio::time::timeout(WAIT, socket.writable()).await??;
    match socket.try_write(answer.as_bytes())? {
        n if n == answer.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_without_a_body_have_no_words() {
        let head = |line: &str, length| {
            let head = format!("HTTP/1.1 {line}\r\ncontent-length: {length}\r\ndate: now\r\n\r\n");
            wordless(head.as_bytes()).map(|status| status.as_u16())
        };
        assert_eq!(head("431 Request Header Fields Too Large", 0), Some(431));
        assert_eq!(head("400 Bad Request", 0), Some(400));
        assert_eq!(head("431 Request Header Fields Too Large", 20), None);
        assert_eq!(head("200 OK", 0), None);
        for cut in [
            "",
            "HTTP/1.1 4",
            "HTTP/1.1 431",
            "HTTP/1.1 431 \r\n",
            "8f\r\nevent: ",
        ] {
            assert_eq!(wordless(cut.as_bytes()), None);
        }
    }
}
