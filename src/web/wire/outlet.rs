//! Writes to a connection that was taken over: what a source chooses, when the socket can take it.

use std::{
    future::poll_fn,
    io,
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use bytes::{Buf as _, Bytes};
use socket2::SockRef;
use tokio::time::{Sleep, sleep};

use super::kernel_limit::KernelLimit;

/// Where the bytes come from. They are asked for only when the socket has taken all before them.
pub trait Source {
    /// The next bytes, never none; `None` at the end. When there are none now, the waker is called when there may be.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// How long a client may take to close its side after the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why not everything was written.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The client is there, or seems so, and has taken nothing for too long.
    #[error("the client took nothing for too long")]
    Stalled,
    /// The connection failed.
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// A slow client gets no more at once. The kernel would take 64 KiB more than it should, and then, until most of that is
/// read, nothing: a reader that goes on reading would look like one that does not.
const SIP: usize = 4 << 10;
/// A slow client that has caught up this often in a row is slow no more.
const SLOW_FOR: u8 = 100;

/// Writes what `source` gives, and `last` after its end. Fails when the connection does, or takes nothing for `patience`.
pub async fn write_all(
    socket: &TcpStream,
    source: &mut impl Source,
    last: &'static [u8],
    patience: Duration,
) -> Result<(), Broken> {
    let mut outlet = Outlet {
        rest: Bytes::new(),
        stall: None,
        patience,
        slow_for: 0,
        kernel_limit: None,
    };
    poll_fn(|cx| outlet.poll(socket, source, cx)).await?;
    outlet.rest = Bytes::from_static(last);
    poll_fn(|cx| outlet.poll_rest(socket, cx)).await
}

/// Gives a client up that takes nothing: what the kernel still holds for it is thrown away, else that would stay for as
/// long as the client answers and does not read.
pub fn give_up(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Ends a connection so that the client gets everything: closes this side, and waits a little for the other. A socket
/// closed with unread bytes in it would throw away what the client has not got yet.
pub async fn farewell(socket: &TcpStream) {
    if SockRef::from(socket).shutdown(Shutdown::Write).is_ok() {
        let _ = tokio::time::timeout(FAREWELL, until_closed(socket, usize::MAX)).await;
    }
}

/// Reads and throws away until the client closes, breaks off, or has sent more than `limit` bytes.
pub async fn until_closed(socket: &TcpStream, limit: usize) {
    let mut sent = 0_usize;
    poll_fn(|cx| {
        // A few at a time, so that who floods does not keep the others waiting.
        for _ in 0..16 {
            match ready!(read(socket, cx, <[u8]>::len)) {
                Ok(n) if n > 0 && sent <= limit => sent = sent.saturating_add(n),
                _ => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What `take` makes of the bytes that have come; none at all are the end.
pub fn read<T>(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    loop {
        ready!(socket.poll_read_ready(cx))?;
        // On the stack, for the moment: an idle connection keeps no buffer.
        let mut buffer = [0; 4096];
        match socket.try_read(&mut buffer) {
            Ok(n) => return Poll::Ready(Ok(take(&buffer[..n]))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

/// See the module.
#[derive(Debug)]
struct Outlet {
    /// Chosen, and not yet taken by the socket.
    rest: Bytes,
    /// Made when the socket takes nothing, so clients that keep up have no timer.
    stall: Option<Pin<Box<Sleep>>>,
    /// How long it may.
    patience: Duration,
    /// It has taken nothing for a moment, and counts as slow until it has caught up this often without that.
    slow_for: u8,
    /// While it counts as slow.
    kernel_limit: Option<KernelLimit>,
}

impl Outlet {
    fn poll(
        &mut self,
        socket: &TcpStream,
        source: &mut impl Source,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.poll_rest(socket, cx))?;
            match source.poll_next(cx) {
                Poll::Ready(Some(bytes)) => self.rest = bytes,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.slow_for = self.slow_for.saturating_sub(1);
                    if self.slow_for == 0
                        && let Some(limit) = self.kernel_limit.take()
                    {
                        limit.put_back(socket);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_rest(&mut self, socket: &TcpStream, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        while !self.rest.is_empty() {
            let most = if self.slow_for > 0 { SIP } else { usize::MAX };
            match socket.try_write(&self.rest[..self.rest.len().min(most)]) {
                Ok(0) => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                Ok(n) => {
                    self.rest.advance(n);
                    self.stall = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Poll::Ready(ready) = socket.poll_write_ready(cx) {
                        ready?;
                        continue;
                    }
                    self.slow_for = SLOW_FOR;
                    if self.kernel_limit.is_none() {
                        self.kernel_limit = Some(KernelLimit::take(socket));
                    }
                    let patience = self.patience;
                    let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(patience)));
                    ready!(stall.as_mut().poll(cx));
                    return Poll::Ready(Err(Broken::Stalled));
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        // What was sent is shared with others: holding on to the empty end of it would keep it in memory.
        self.rest = Bytes::new();
        Poll::Ready(Ok(()))
    }
}
