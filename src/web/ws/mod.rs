//! The WebSocket: `/ws`, commands in, subscriptions out.
//!
//! - [`command`]: frames of the client, parsed; [`cbor`]: those in CBOR as the JSON they stand for
//! - `session`: what commands do, and what is sent: answers, and what the subscriptions' cursors choose
//! - `peer`: a client, as its reading and its sending side share it
//! - `initial`: the windows in memory, at the start of a subscription
//! - `frames`: frames of the protocol itself
//!
//! actix-ws shakes hands and reads. Writing is ours, so that the frames of a tick are encoded once for all sockets.

pub mod cbor;
pub mod command;
pub mod echo;
mod frames;
mod initial;
mod peer;
mod session;

use std::{io, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse, error::PayloadError, http::header::SEC_WEBSOCKET_PROTOCOL, rt, web,
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, Message, ProtocolError};
use tokio_stream::StreamExt as _;

use self::{
    peer::{Peer, Sending},
    session::{Client, Message as Frame, Session},
};
use super::{
    connection::Connection,
    limits::Limit,
    problem::Problem,
    state::State,
    who,
    wire::{
        inbound::Inbound,
        outlet::{self, Outlet},
        takeover::{Desk, Handover},
    },
};
use crate::stream::view::Notation;

/// The subprotocols spoken here. The first that a client lists is taken; without one it is JSON.
const JSON: &str = "tickwire.v1.json";
const CBOR: &str = "tickwire.v1.cbor";

/// Close codes; from 4000 to 4499 the client may come back, from 4500 on it should not.
mod close {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL: u16 = 1002;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
    pub const TOO_SLOW: u16 = 4008;
    pub const RATE_LIMITED: u16 = 4013;
}

/// `GET /ws`
pub async fn open(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?.clone();
    let shard = State::shard(&request)?.clone();
    let desk = Desk::of(&request)?;
    let no_handshake = |error| {
        let detail = format!("not a WebSocket handshake: {error}");
        Problem::new(actix_web::http::StatusCode::BAD_REQUEST, detail)
    };
    let inbound = Inbound::new(payload, state.websocket().max_frame);
    let payload = inbound.payload(&request).map_err(no_handshake)?;
    let (response, _, messages) =
        actix_ws::handle_with_protocols(&request, payload, &[JSON, CBOR]).map_err(no_handshake)?;
    let messages = messages
        .max_frame_size(state.websocket().max_frame)
        .aggregate_continuations()
        .max_continuation_size(state.websocket().max_frame);
    let notation = match response.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        Some(protocol) if protocol == CBOR => Notation::Cbor,
        _ => Notation::Json,
    };
    let person = who::of(&request);
    let connection = Connection::socket(state.stream(), state.limits())?;
    let response = response.map_body(|_, handshake| {
        Handover::new(desk, move |socket| {
            let peer = Peer::new(socket, Session::new(&state, notation, person));
            let ticket = shard.join();
            inbound.open(peer.clone());
            let sending = Sending {
                peer: peer.clone(),
                client: Client { ticket, connection },
                patience: state.door().stall_timeout(),
                inbound,
                _handshake: handshake,
            };
            let client = Outlet::new(peer.clone(), sending, None);
            state.streams().spawn_local(outlet::serve(client));
            rt::spawn(read(messages, peer, state));
        })
    });
    Ok(response.map_into_boxed_body())
}

async fn read(mut messages: AggregatedMessageStream, peer: Rc<Peer>, state: State) {
    while let Some(message) = messages.next().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                let (code, reason) = fault(&error);
                if code == close::TOO_BIG {
                    state.limits().count(Limit::Frame);
                }
                peer.session().close(code, reason);
                break;
            }
        };
        peer.session().heard();
        match message {
            AggregatedMessage::Text(text) => {
                session::command(&peer, &state, Frame::Text(&text)).await;
            }
            AggregatedMessage::Binary(bytes) => {
                session::command(&peer, &state, Frame::Binary(&bytes)).await;
            }
            AggregatedMessage::Ping(payload) => peer.session().pinged(&payload),
            AggregatedMessage::Pong(_) => peer.session().ponged(),
            AggregatedMessage::Close(reason) => {
                let code = reason.map_or(close::NORMAL, |r| r.code.into());
                peer.session().close(code, "");
                break;
            }
        }
        session::room(&peer).await;
        if peer.session().is_closing() {
            break;
        }
    }
    peer.session().close(close::NORMAL, "");
}

fn fault(error: &ProtocolError) -> (u16, &'static str) {
    const TOO_BIG: (u16, &str) = (
        close::TOO_BIG,
        "frame over the limit (key websocket.max_frame)",
    );
    const NO_FRAME: (u16, &str) = (close::PROTOCOL, "not a WebSocket frame");
    let ProtocolError::Io(inner) = error else {
        return match error {
            ProtocolError::Overflow => TOO_BIG,
            _ => NO_FRAME,
        };
    };
    let payload = inner.get_ref().and_then(|e| e.downcast_ref());
    match payload {
        Some(PayloadError::Overflow) => TOO_BIG,
        // Also a connection that broke, which nobody reads the reason of.
        Some(_) => NO_FRAME,
        None if inner.kind() == io::ErrorKind::InvalidData => (close::NOT_UTF8, "text is UTF-8"),
        // A message in pieces that is too large in all.
        None => TOO_BIG,
    }
}

/// A message of the echo socket.
pub(super) type EchoMessage = Message;
