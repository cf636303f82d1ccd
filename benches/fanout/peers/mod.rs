//! The servers that are not tickwire's. All take a POST to `/publish` and stream from `/events`; those of this program say
//! on their first line where they listen.

pub mod axum;
pub mod floor;
pub mod lab;
pub mod nchan;

use std::{
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// Events that a broadcast channel holds: some ticks of 30.
const CHANNEL: usize = 1024;
/// Silence after which a comment is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Listens on a free port and says so.
fn listen() -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from(socket);
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// The exit code of a server that has ended.
fn ended(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the server ended: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The id of an event, as long as tickwire's.
fn id(number: u64) -> String {
    format!("e1.2a67c239-{number}")
}
