//! What comes over a connection that was taken over, as the payload that actix-ws reads its frames from.

use std::{
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

use super::{outlet, takeover::Socket};

/// Both ends of it: a cheap handle.
#[derive(Clone)]
pub struct Inbound(Rc<RefCell<Way>>);

struct Way {
    /// What actix-http had read before the connection was taken over.
    early: Option<web::Payload>,
    socket: Option<Rc<Socket>>,
}

impl Inbound {
    /// Begins with what came with the request.
    pub fn new(early: web::Payload) -> Self {
        Self(Rc::new(RefCell::new(Way {
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

    /// The connection has been taken over; not to be read before.
    pub fn open(&self, socket: Rc<Socket>) {
        self.0.borrow_mut().socket = Some(socket);
    }

    /// Nothing more is read.
    pub fn close(&self) {
        *self.0.borrow_mut() = Way {
            early: None,
            socket: None,
        };
    }
}

impl Stream for Inbound {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut way = self.0.borrow_mut();
        if let Some(early) = &mut way.early {
            if let Poll::Ready(Some(Ok(bytes))) = Pin::new(early).poll_next(cx) {
                return Poll::Ready(Some(Ok(bytes)));
            }
            way.early = None;
        }
        let Some(socket) = &way.socket else {
            return Poll::Ready(None);
        };
        let read = ready!(outlet::read(socket, cx, |bytes| match bytes {
            [] => None,
            bytes => Some(Bytes::copy_from_slice(bytes)),
        }));
        Poll::Ready(read.map_err(PayloadError::Io).transpose())
    }
}
