//! What a socket sends: the session chooses, this hands it to the connection.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::session::Session;
use crate::web::wire::outlet::Source;

/// The sending side of a session.
pub struct Sending(pub Rc<RefCell<Session>>);

impl Source for Sending {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.borrow_mut().poll_next(cx)
    }
}

/// The connection is gone, in whatever way: the reading side must not wait for room that nobody makes.
impl Drop for Sending {
    fn drop(&mut self) {
        self.0.borrow_mut().hang_up();
    }
}
