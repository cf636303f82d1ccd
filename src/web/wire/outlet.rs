//! Writes to a connection that was taken over: what a source chooses, when the socket can take it.

use std::{
    future::poll_fn,
    io,
    net::Shutdown,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use bytes::{Buf as _, Bytes};
use socket2::SockRef;

/// Where the bytes come from. They are asked for only when the socket has taken all before them.
pub trait Source {
    /// The next bytes, never none; `None` at the end. When there are none now, the waker is called when there may be.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// How long a client may take to close its side after the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Writes what `source` gives, and `last` after its end. Fails when the connection does.
pub async fn write_all(
    socket: &TcpStream,
    source: &mut impl Source,
    last: &'static [u8],
) -> io::Result<()> {
    let mut outlet = Outlet::default();
    poll_fn(|cx| outlet.poll(socket, source, cx)).await?;
    outlet.rest = Bytes::from_static(last);
    poll_fn(|cx| outlet.poll_rest(socket, cx)).await
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
#[derive(Debug, Default)]
struct Outlet {
    /// Chosen, and not yet taken by the socket.
    rest: Bytes,
}

impl Outlet {
    fn poll(
        &mut self,
        socket: &TcpStream,
        source: &mut impl Source,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_rest(socket, cx))?;
            match ready!(source.poll_next(cx)) {
                Some(bytes) => self.rest = bytes,
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_rest(&mut self, socket: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            match socket.try_write(&self.rest) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.rest.advance(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(socket.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // What was sent is shared with others: holding on to the empty end of it would keep it in memory.
        self.rest = Bytes::new();
        Poll::Ready(Ok(()))
    }
}
