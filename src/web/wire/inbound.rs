//! What comes over a connection that was taken over, as the payload that actix-ws reads its frames from.

use std::{
    borrow::Borrow,
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    FromRequest as _, HttpRequest, dev,
    error::PayloadError,
    web::{self, Bytes},
};
use tokio_stream::Stream;

use super::{
    frame_heads::{Fault, FrameHeads},
    outlet,
    takeover::Socket,
};

/// Both ends of it: a cheap handle.
#[derive(Clone)]
pub struct Inbound(Rc<RefCell<Way>>);

struct Way {
    heads: FrameHeads,
    fault: Option<Fault>,
    /// Something was just given: first that is looked at, then the next is read. Whoever reads takes all there is
    /// before it looks.
    given: bool,
    /// What actix-http had read before the connection was taken over.
    early: Option<web::Payload>,
    socket: Option<Rc<dyn Borrow<Socket>>>,
}

impl Inbound {
    /// Begins with what came with the request; of frames of at most `max_frame` bytes. A connection that is never taken
    /// over goes on with that.
    pub fn new(early: web::Payload, max_frame: usize) -> Self {
        Self(Rc::new(RefCell::new(Way {
            heads: FrameHeads::new(max_frame),
            fault: None,
            given: false,
            early: Some(early),
            socket: None,
        })))
    }

    /// As a payload.
    pub fn payload(&self, request: &HttpRequest) -> Result<web::Payload, actix_web::Error> {
        let inbound: Pin<Box<dyn Stream<Item = <Self as Stream>::Item>>> = Box::pin(self.clone());
        let mut payload = dev::Payload::Stream { payload: inbound };
        web::Payload::from_request(request, &mut payload).into_inner()
    }

    /// The connection has been taken over.
    pub fn open(&self, socket: Rc<dyn Borrow<Socket>>) {
        self.0.borrow_mut().socket = Some(socket);
    }

    /// Nothing more is read.
    pub fn close(&self) {
        let mut way = self.0.borrow_mut();
        (way.early, way.socket) = (None, None);
    }
}

impl Way {
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if let Some(early) = &mut self.early {
            match Pin::new(early).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Poll::Pending if self.socket.is_none() => return Poll::Pending,
                _ => self.early = None,
            }
        }
        let Some(socket) = &self.socket else {
            return Poll::Ready(None);
        };
        let read = ready!(outlet::read((**socket).borrow(), cx, |bytes| match bytes {
            [] => None,
            bytes => Some(Bytes::copy_from_slice(bytes)),
        }));
        Poll::Ready(read.map_err(PayloadError::Io).transpose())
    }
}

impl Stream for Inbound {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let way = &mut *self.0.borrow_mut();
        if std::mem::take(&mut way.given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(fault) = way.fault {
            return Poll::Ready(Some(Err(match fault {
                Fault::TooLarge => PayloadError::Overflow,
                Fault::NoFrame => PayloadError::EncodingCorrupted,
            })));
        }
        let Some(read) = ready!(way.read(cx)) else {
            return Poll::Ready(None);
        };
        way.given = true;
        Poll::Ready(Some(read.map(|mut bytes| {
            let (good, fault) = way.heads.pass(&bytes);
            way.fault = fault;
            bytes.truncate(good);
            bytes
        })))
    }
}
