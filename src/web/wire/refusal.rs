//! What is said to a connection itself, before HTTP has begun or instead of it.

use std::{io, time::Duration};

use actix_web::rt::net::TcpStream;

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

/// Tells a connection that its first head is too long, and closes it.
pub async fn refuse_head(socket: Socket) {
    let limits = socket.limits();
    let problem = limits.head_too_large();
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
