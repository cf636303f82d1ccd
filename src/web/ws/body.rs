//! What a socket sends: the session chooses, this hands it to the connection.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::session::Session;

/// The body of a socket's answer.
pub struct Body {
    session: Rc<RefCell<Session>>,
    _handshake: BoxBody,
}

impl Body {
    /// Sends what `session` chooses.
    pub fn new(session: Rc<RefCell<Session>>, handshake: BoxBody) -> Self {
        Self {
            session,
            _handshake: handshake,
        }
    }
}

/// The connection is gone, in whatever way: the reading side must not wait for room that nobody makes.
impl Drop for Body {
    fn drop(&mut self) {
        self.session.borrow_mut().hang_up();
    }
}

impl MessageBody for Body {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.session
            .borrow_mut()
            .poll_next(cx)
            .map(|bytes| bytes.map(Ok))
    }
}
