//! Takes connections over from HTTP once the head of an answer that never ends is on its way.
//!
//! actix-http keeps two buffers of 8 KiB, a dispatcher and its timers for each connection, and copies and checks on
//! every piece of a body. A stream needs none of that after its head, so the socket is taken out from under it: the
//! handler answers with a [`Handover`] as the body; as soon as the head has been written, what actix-http holds
//! ([`Io`]) gives the socket away and looks closed from then on. An answer that is long in coming is handed over before
//! its head ([`Desk::hand_over`]).

use std::{
    cell::RefCell,
    convert::Infallible,
    io,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest,
    body::{BodySize, MessageBody},
    dev::Extensions,
    http::StatusCode,
    rt::{self, net::TcpStream},
};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    head::{Head, Verdict},
    refusal,
};
use crate::web::{
    limits::{Limits, Permit},
    problem::Problem,
};

type Taker = Box<dyn FnOnce(Socket)>;

/// A connection's socket, and with it its place among all connections.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    permit: Permit,
}

impl Socket {
    /// The limits that let it in.
    pub fn limits(&self) -> Limits {
        self.permit.limits()
    }
}

impl Deref for Socket {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

/// A connection as actix-http sees it.
#[derive(Debug)]
pub struct Io {
    /// `None` once it has been taken.
    socket: Option<Socket>,
    desk: Desk,
    /// The first head, until it is whole.
    head: Option<Head>,
}

/// Where a handler leaves word that it wants the connection its request came over; a cheap handle.
#[derive(Clone, Default)]
pub struct Desk(Rc<RefCell<Option<Taker>>>);

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wanted = self.0.borrow().is_some();
        f.debug_struct("Desk").field("wanted", &wanted).finish()
    }
}

impl Desk {
    /// That of the connection that a request came over.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let desk: Option<&Self> = request.conn_data();
        desk.cloned().ok_or_else(|| {
            let detail = "the connection cannot be taken over";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })
    }

    /// Hands the connection over before anything is answered: `take` has all of the answer to write. The handler that
    /// awaits this is dropped, since its connection looks closed; so is `take`, uncalled, if the client is gone before.
    pub async fn hand_over(self, take: impl FnOnce(Socket) + 'static) -> Infallible {
        *self.0.borrow_mut() = Some(Box::new(take));
        std::future::pending().await
    }
}

impl Io {
    /// A connection that was just accepted.
    pub fn new(stream: TcpStream, permit: Permit) -> Self {
        let head = Head::new(permit.limits().max_head());
        Self {
            socket: Some(Socket { stream, permit }),
            desk: Desk::default(),
            head: Some(head),
        }
    }

    /// Looks at what was read of the first head. If that is too long, the client is told here, and actix-http sees the
    /// end of the connection.
    fn look(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(head) = &mut self.head else { return };
        match head.read(&buf.filled()[before..]) {
            Verdict::Open => return,
            Verdict::Whole => {}
            Verdict::TooLong => {
                buf.set_filled(before);
                if let Some(socket) = self.socket.take() {
                    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                    rt::spawn(refusal::refuse_head(socket, status));
                }
            }
        }
        self.head = None;
    }

    /// Puts its desk where handlers find it.
    pub fn introduce(&self, data: &mut Extensions) {
        data.insert(self.desk.clone());
    }
}

/// The body of an answer after whose head the connection is taken over. If the client is gone before that, `take` is
/// dropped without being called.
pub struct Handover {
    desk: Desk,
    take: Option<Taker>,
}

impl Handover {
    /// Calls `take` with the socket.
    pub fn new(desk: Desk, take: impl FnOnce(Socket) + 'static) -> Self {
        Self {
            desk,
            take: Some(Box::new(take)),
        }
    }
}

impl MessageBody for Handover {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// Asked for the first piece, the head is in the write buffer; the flush that follows finds the word on the desk.
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(take) = self.take.take() {
            *self.desk.0.borrow_mut() = Some(take);
        }
        Poll::Pending
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Some(socket) = &mut self.socket {
            ready!(Pin::new(&mut socket.stream).poll_read(cx, buf))?;
            self.look(buf, before);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // It is the last that actix-http has to say on a connection, so the connection can be taken for better words.
        if let Some(status) = refusal::wordless(buf)
            && let Some(socket) = self.socket.take()
        {
            rt::spawn(refusal::refuse_head(socket, status));
            return Poll::Ready(Ok(buf.len()));
        }
        match &mut self.socket {
            Some(socket) => Pin::new(&mut socket.stream).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Everything that was to be written has been.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let take = self.desk.0.borrow_mut().take();
        if let Some(take) = take
            && let Some(socket) = self.socket.take()
        {
            take(socket);
            // actix-http sees the end of the connection when it looks next.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Some(socket) => Pin::new(&mut socket.stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
