//! Writes to a connection that was taken over: what a source chooses, when the socket can take it.

use std::{
    borrow::Borrow,
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

use super::{kernel_limit::KernelLimit, takeover::Socket};

/// Where the bytes come from. They are asked for only when the socket has taken all before them.
pub trait Source {
    /// The next bytes, never none; `None` at the end. When there are none now, the waker is called when there may be.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;

    /// What is sent after the end.
    fn last(&self) -> &'static [u8];

    /// How long the client may take nothing.
    fn patience(&self) -> Duration;

    /// The client has taken nothing for that long.
    fn stalled(&mut self);
}

/// How long a client may take to close its side after the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why not everything was written.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// It closed its side, or sent what nobody asked for.
    #[error("the client has left")]
    Left,
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

/// A client's socket, and what is sent over it. It is one piece of memory, because with thousands of clients each piece
/// costs the CPU a look into main memory at every tick.
#[derive(Debug)]
pub struct Outlet<K, S> {
    socket: K,
    source: S,
    /// Chosen, and not yet taken by the socket.
    rest: Bytes,
    /// The source has come to its end.
    ended: bool,
    /// What the client may still send; `None` when somebody else reads that.
    unasked: Option<usize>,
    /// Made when the socket takes nothing, so clients that keep up have no timer.
    slow: Option<Box<Slow>>,
}

/// A client that has taken nothing for a moment.
#[derive(Debug)]
struct Slow {
    /// It has taken nothing until now.
    stall: Option<Pin<Box<Sleep>>>,
    /// It counts as slow until it has caught up this often without that.
    turns: u8,
    kernel_limit: KernelLimit,
}

/// Sends all that the source gives, to its end, and says goodbye; or until the client has left, or takes nothing.
pub async fn serve<K: Borrow<Socket>, S: Source>(mut client: Box<Outlet<K, S>>) {
    let written = poll_fn(|cx| client.poll(cx)).await;
    let socket = client.leave(&written);
    match written {
        Ok(()) => Box::pin(farewell(socket.borrow())).await,
        Err(Broken::Stalled) => give_up(socket.borrow()),
        Err(broken) => tracing::debug!(%broken, "a client is gone"),
    }
}

impl<K: Borrow<Socket>, S: Source> Outlet<K, S> {
    /// With `unasked`, what the client sends is thrown away, and after so many bytes it is over; without, somebody else
    /// has to read, and to notice that the client has left.
    pub fn new(socket: K, source: S, unasked: Option<usize>) -> Box<Self> {
        Box::new(Self {
            socket,
            source,
            rest: Bytes::new(),
            ended: false,
            unasked,
            slow: None,
        })
    }

    /// Lets the source go and keeps the socket. Not in `serve` itself, whose future would keep room for the source.
    fn leave(mut self, written: &Result<(), Broken>) -> K {
        if let Err(Broken::Stalled) = written {
            self.source.stalled();
        }
        self.socket
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if let Poll::Ready(written) = self.poll_write(cx) {
            return Poll::Ready(written);
        }
        match &mut self.unasked {
            Some(unasked) => {
                poll_closed(self.socket.borrow(), unasked, cx).map(|()| Err(Broken::Left))
            }
            None => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.poll_rest(cx))?;
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            match self.source.poll_next(cx) {
                Poll::Ready(Some(bytes)) => self.rest = bytes,
                Poll::Ready(None) => {
                    self.ended = true;
                    self.rest = Bytes::from_static(self.source.last());
                }
                Poll::Pending => {
                    if let Some(slow) = &mut self.slow {
                        slow.turns -= 1;
                        if slow.turns == 0 {
                            slow.kernel_limit.put_back(self.socket.borrow());
                            self.slow = None;
                        }
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let socket = self.socket.borrow();
        while !self.rest.is_empty() {
            let most = if self.slow.is_some() { SIP } else { usize::MAX };
            match socket.try_write(&self.rest[..self.rest.len().min(most)]) {
                Ok(0) => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                Ok(n) => {
                    self.rest.advance(n);
                    if let Some(slow) = &mut self.slow {
                        slow.stall = None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Poll::Ready(ready) = socket.poll_write_ready(cx) {
                        ready?;
                        continue;
                    }
                    let slow = self.slow.get_or_insert_with(|| Slow::new(socket));
                    slow.turns = SLOW_FOR;
                    let patience = || Box::pin(sleep(self.source.patience()));
                    let stall = slow.stall.get_or_insert_with(patience);
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

impl Slow {
    fn new(socket: &TcpStream) -> Box<Self> {
        Box::new(Self {
            stall: None,
            turns: SLOW_FOR,
            kernel_limit: KernelLimit::take(socket),
        })
    }
}

/// Gives a client up that takes nothing: what the kernel still holds for it is thrown away, else that would stay for as
/// long as the client answers and does not read.
fn give_up(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Ends a connection so that the client gets everything: closes this side, and waits a little for the other. A socket
/// closed with unread bytes in it would throw away what the client has not got yet.
pub async fn farewell(socket: &TcpStream) {
    if SockRef::from(socket).shutdown(Shutdown::Write).is_ok() {
        let mut limit = usize::MAX;
        let closed = poll_fn(|cx| poll_closed(socket, &mut limit, cx));
        let _ = tokio::time::timeout(FAREWELL, closed).await;
    }
}

/// Reads and throws away until the client closes, breaks off, or has sent more than `limit` bytes, which it makes less.
fn poll_closed(socket: &TcpStream, limit: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
    // A few at a time, so that who floods does not keep the others waiting.
    for _ in 0..16 {
        match ready!(read(socket, cx, <[u8]>::len)) {
            Ok(n) if n > 0 && n <= *limit => *limit -= n,
            _ => return Poll::Ready(()),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
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
