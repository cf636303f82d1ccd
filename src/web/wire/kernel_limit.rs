//! What the kernel thinks of a client that reads slowly, and what we think instead.
//!
//! Linux ends a connection after TCP_USER_TIMEOUT also when the peer answers every probe of its closed window, and in that
//! it does not see that the window opens a little now and then: a reader of 10 KiB/s was reset after 12 s while it read
//! (Linux 6.18). That limit is for peers that do not answer. So it is taken off a connection that has blocked once; there
//! we end it when it takes nothing, and TCP keepalive does when it is silent.

use std::time::Duration;

use actix_web::rt::net::TcpStream;

/// The kernel's limit, while it is off.
#[derive(Debug, Clone, Copy)]
pub struct KernelLimit(#[cfg_attr(not(target_os = "linux"), allow(dead_code))] Option<Duration>);

impl KernelLimit {
    /// Takes it off.
    pub fn take(socket: &TcpStream) -> Self {
        #[cfg(target_os = "linux")]
        {
            let socket = socket2::SockRef::from(socket);
            let limit = socket.tcp_user_timeout().ok().flatten();
            let _ = socket.set_tcp_user_timeout(None);
            Self(limit)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = socket;
            Self(None)
        }
    }

    /// Puts it back.
    pub fn put_back(self, socket: &TcpStream) {
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(self.0);
        #[cfg(not(target_os = "linux"))]
        let _ = socket;
    }
}
