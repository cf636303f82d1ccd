//! What a socket sends: the session chooses, this hands it to the connection.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::body::BoxBody;
use bytes::Bytes;

use super::session::Session;
use crate::web::wire::{inbound::Inbound, outlet::Source};

/// The sending side of a session.
pub struct Sending {
    /// What chooses.
    pub session: Rc<RefCell<Session>>,
    /// How long the client may take nothing.
    pub patience: Duration,
    /// What is read.
    pub inbound: Inbound,
    /// The body that actix-ws answered with: dropping it is what ends the reading side.
    pub _handshake: BoxBody,
}

impl Source for Sending {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.session.borrow_mut().poll_next(cx)
    }

    fn last(&self) -> &'static [u8] {
        b""
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn stalled(&mut self) {
        self.session.borrow().stalled();
    }
}

/// The connection is gone, in whatever way: the reading side must not wait for room that nobody makes.
impl Drop for Sending {
    fn drop(&mut self) {
        self.session.borrow_mut().hang_up();
        self.inbound.close();
    }
}
