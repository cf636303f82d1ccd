//! The listening socket, and the socket options of each connection.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::rt::net::TcpStream;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Connections the kernel holds until they are accepted: everyone may come back at once after a restart.
pub const BACKLOG: u32 = 4096;
/// Bytes the kernel takes that are not sent yet. More than this only makes what a slow reader gets older.
const UNSENT_BYTES: u32 = 16 << 10;
/// A peer that acknowledges nothing for this long is gone. With a heartbeat after 15 s of silence a peer that vanished
/// is so noticed within 30 s, whatever was under way.
const USER_TIMEOUT: Duration = Duration::from_secs(12);
/// A silent peer is asked after this long, and again each quarter of it, until [`USER_TIMEOUT`] has passed.
const KEEPALIVE: Duration = Duration::from_secs(6);

/// Listens. Fails if another process listens there.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Lets a restarted server listen while connections of the last one linger; two servers at once it does not allow.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG as i32)?;
    Ok(socket.into())
}

/// Sets a connection up so that slow and dead readers are noticed. What the system does not know is left out.
pub fn tune(connection: &TcpStream) {
    let socket = SockRef::from(connection);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let keepalive = keepalive.with_interval(KEEPALIVE / 4).with_retries(3);
    let mut results = vec![
        socket.set_tcp_nodelay(true),
        socket.set_tcp_keepalive(&keepalive),
    ];
    #[cfg(target_os = "linux")]
    results.extend([
        socket.set_tcp_notsent_lowat(UNSENT_BYTES),
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT)),
    ]);
    for error in results.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option could not be set");
    }
}
