//! `GET /ws/echo`: greets, then gives back what it gets. To try a client with.

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseReason, Session};
use tokio_stream::StreamExt as _;

use super::{EchoMessage as Message, close, fault};
use crate::web::{limits::Limit, problem::Problem, state::State, wire::inbound::Inbound};

/// `GET /ws/echo`
pub async fn open(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?.clone();
    let no_handshake = |error| {
        let detail = format!("not a WebSocket handshake: {error}");
        Problem::new(actix_web::http::StatusCode::BAD_REQUEST, detail)
    };
    let place = state.limits().client()?;
    let inbound = Inbound::new(payload, state.websocket().max_frame);
    let payload = inbound.payload(&request).map_err(no_handshake)?;
    let (response, session, messages) =
        actix_ws::handle(&request, payload).map_err(no_handshake)?;
    let messages = messages.max_frame_size(state.websocket().max_frame);
    let draining = state.stream().draining().clone();
    actix_web::rt::spawn(async move {
        let _place = place;
        let closing = session.clone();
        tokio::select! {
            reason = talk(session, messages, &state) => drop(closing.close(reason).await),
            () = draining.cancelled() => {
                let reason = CloseReason::from(actix_ws::CloseCode::Away);
                drop(closing.close(Some(reason)).await);
            }
        }
    });
    Ok(response)
}

/// Echoes until the client closes or breaks off; the reason to close with.
async fn talk(
    mut session: Session,
    mut messages: actix_ws::MessageStream,
    state: &State,
) -> Option<CloseReason> {
    let greeting = r#"{"type":"hello","message":"whatever you send comes back"}"#;
    if session.text(greeting).await.is_err() {
        return None;
    }
    let mut messages = std::pin::Pin::new(&mut messages);
    while let Some(message) = messages.next().await {
        let sent = match message {
            Ok(Message::Text(text)) => session.text(text).await,
            Ok(Message::Binary(bytes)) => session.binary(bytes).await,
            Ok(Message::Ping(payload)) => session.pong(&payload).await,
            Ok(Message::Continuation(item)) => session.continuation(item).await,
            Ok(Message::Close(reason)) => return reason,
            Ok(Message::Pong(_) | Message::Nop) => Ok(()),
            Err(error) => {
                let (code, reason) = fault(&error);
                if code == close::TOO_BIG {
                    state.limits().count(Limit::Frame);
                }
                let code = actix_ws::CloseCode::from(code);
                return Some(CloseReason::from((code, reason)));
            }
        };
        if sent.is_err() {
            return None;
        }
    }
    None
}
