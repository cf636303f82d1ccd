//! A client: its connection and its session, and the side of it that sends what the session chooses.

use std::{
    borrow::Borrow,
    cell::{RefCell, RefMut},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::body::BoxBody;
use bytes::Bytes;

use super::session::{Client, Session};
use crate::web::wire::{inbound::Inbound, outlet::Source, takeover::Socket};

/// What the reading and the sending side share. It is one piece of memory, for the same reason as an `Outlet`.
pub struct Peer {
    socket: Socket,
    session: RefCell<Session>,
}

impl Peer {
    /// A connection that was taken over, and its session.
    pub fn new(socket: Socket, session: Session) -> Rc<Self> {
        let session = RefCell::new(session);
        Rc::new(Self { socket, session })
    }

    /// The session; not to be held while anything is awaited.
    pub fn session(&self) -> RefMut<'_, Session> {
        self.session.borrow_mut()
    }
}

/// For the side that reads.
impl Borrow<Socket> for Peer {
    fn borrow(&self) -> &Socket {
        &self.socket
    }
}

/// For the side that writes.
impl Borrow<Socket> for Rc<Peer> {
    fn borrow(&self) -> &Socket {
        &self.socket
    }
}

/// The sending side.
pub struct Sending {
    /// Whose session chooses.
    pub peer: Rc<Peer>,
    /// What it holds while it sends.
    pub client: Client,
    /// How long the client may take nothing.
    pub patience: Duration,
    /// What is read.
    pub inbound: Inbound,
    /// The body that actix-ws answered with: dropping it is what ends the reading side.
    pub _handshake: BoxBody,
}

impl Source for Sending {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.peer.session().poll_next(&self.client, cx)
    }

    fn last(&self) -> &'static [u8] {
        b""
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn stalled(&mut self) {
        self.client.connection.stalled();
    }
}

/// The connection is gone, in whatever way: the reading side must not wait for room that nobody makes.
impl Drop for Sending {
    fn drop(&mut self) {
        self.peer.session().hang_up();
        self.inbound.close();
    }
}
