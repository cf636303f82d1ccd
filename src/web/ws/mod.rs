//! The WebSocket: `/ws`, commands in, subscriptions out.
//!
//! - [`command`]: frames of the client, parsed; [`cbor`]: those in CBOR as the JSON they stand for
//! - `session`: what commands do
//! - `body`: what is sent: answers, and what the subscriptions' cursors choose
//! - `initial`: the windows in memory, at the start of a subscription
//! - `frames`: frames of the protocol itself
//!
//! actix-ws shakes hands and reads. Writing is ours, so that the frames of a tick are encoded once for all sockets.

mod body;
pub mod cbor;
pub mod command;
pub mod echo;
mod frames;
mod initial;
mod session;

use std::{cell::RefCell, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, http::header::SEC_WEBSOCKET_PROTOCOL, web};
use actix_ws::{Message, ProtocolError};
use tokio_stream::StreamExt as _;

use self::{
    body::Body,
    session::{Message as Frame, Session},
};
use super::{problem::Problem, state::State};
use crate::stream::view::Notation;

/// The subprotocols spoken here. The first that a client lists is taken; without one it is JSON.
const JSON: &str = "tickwire.v1.json";
const CBOR: &str = "tickwire.v1.cbor";

/// Close codes; from 4000 to 4499 the client may come back, from 4500 on it should not.
mod close {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL: u16 = 1002;
    pub const TOO_BIG: u16 = 1009;
    pub const TOO_SLOW: u16 = 4008;
    pub const RATE_LIMITED: u16 = 4013;
}

/// `GET /ws`
pub async fn open(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?.clone();
    let shard = State::shard(&request)?.clone();
    let (response, _, messages) = actix_ws::handle_with_protocols(&request, payload, &[JSON, CBOR])
        .map_err(|error| {
            let detail = format!("not a WebSocket handshake: {error}");
            Problem::new(actix_web::http::StatusCode::BAD_REQUEST, detail)
        })?;
    let mut messages = messages
        .max_frame_size(state.websocket().max_frame)
        .aggregate_continuations()
        .max_continuation_size(state.websocket().max_frame);
    let notation = match response.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        Some(protocol) if protocol == CBOR => Notation::Cbor,
        _ => Notation::Json,
    };
    let session = Rc::new(RefCell::new(Session::new(&state, &shard, notation)));
    let reading = session.clone();
    actix_web::rt::spawn(async move {
        use actix_ws::AggregatedMessage as M;
        while let Some(message) = messages.next().await {
            let message = match message {
                Ok(message) => message,
                Err(error) => {
                    let (code, reason) = fault(&error);
                    reading.borrow_mut().close(code, reason);
                    break;
                }
            };
            reading.borrow_mut().heard();
            match message {
                M::Text(text) => session::command(&reading, &state, Frame::Text(&text)).await,
                M::Binary(bytes) => session::command(&reading, &state, Frame::Binary(&bytes)).await,
                M::Ping(payload) => reading.borrow_mut().answer(frames::pong(&payload)),
                M::Pong(_) => {}
                M::Close(reason) => {
                    let code = reason.map_or(close::NORMAL, |r| r.code.into());
                    reading.borrow_mut().close(code, "");
                    break;
                }
            }
            session::room(&reading).await;
            if reading.borrow().is_closing() {
                break;
            }
        }
        reading.borrow_mut().close(close::NORMAL, "");
    });
    // The handshake's own body stays: dropping it is what ends the reading side.
    Ok(response
        .map_body(|_, handshake| Body::new(session, handshake))
        .map_into_boxed_body())
}

fn fault(error: &ProtocolError) -> (u16, &'static str) {
    match error {
        // A message in pieces that is too large in all comes as the other one; so does a connection that broke, which
        // nobody reads the reason of.
        ProtocolError::Overflow | ProtocolError::Io(_) => (
            close::TOO_BIG,
            "frame over the limit (key websocket.max_frame)",
        ),
        _ => (close::PROTOCOL, "not a WebSocket frame"),
    }
}

/// A message of the echo socket.
pub(super) type EchoMessage = Message;
