//! A socket that takes nothing: for how long yet.
//!
//! Made only when a write would block, so clients that keep up have no timer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::time::{Instant, Sleep, sleep_until};

/// A reader that is merely slow blocks for less than this at a time.
const SLOW: Duration = Duration::from_secs(5);
/// How much longer the kernel waits than we do, so that it is we who end it, and count it.
const MARGIN: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Stall {
    timer: Pin<Box<Sleep>>,
    ends: Instant,
    patience: Duration,
    /// The kernel's own limit, while ours stands in its place.
    kernel: Option<Duration>,
}

impl Stall {
    /// Begins now and may last for `patience`.
    pub fn new(patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            timer: Box::pin(sleep_until(now + patience.min(SLOW))),
            ends: now + patience,
            patience,
            kernel: None,
        }
    }

    /// Ready when it has lasted too long.
    pub fn poll(&mut self, socket: &TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= self.ends {
                return Poll::Ready(());
            }
            self.hold_back_the_kernel(socket);
            self.timer.as_mut().reset(self.ends);
        }
    }

    /// The socket has taken something.
    pub fn over(self, socket: &TcpStream) {
        #[cfg(target_os = "linux")]
        if let Some(limit) = self.kernel {
            let _ = SockRef::from(socket).set_tcp_user_timeout(Some(limit));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = socket;
    }

    /// Linux ends a connection whose window stays closed for TCP_USER_TIMEOUT, although the peer answers every probe.
    /// That limit is there for peers that do not answer.
    fn hold_back_the_kernel(&mut self, socket: &TcpStream) {
        #[cfg(target_os = "linux")]
        {
            let socket = SockRef::from(socket);
            self.kernel = socket.tcp_user_timeout().ok().flatten();
            let _ = socket.set_tcp_user_timeout(Some(self.patience + MARGIN));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (socket, self.patience, MARGIN);
    }
}
