//! The socket beneath its subscriptions: handshake, ids, pings.

use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{Server, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn an_id_comes_back_whatever_it_is() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    for id in [
        json!("a\"b"),
        json!(1.5),
        json!({ "deep": [1, null] }),
        json!([]),
        json!(true),
    ] {
        assert_eq!(
            socket.ask(json!({ "type": "ping", "id": id })).await["type"],
            "pong"
        );
    }
    assert_eq!(socket.next().await["type"], "hello");
    socket.say(json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await.get("id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_and_sent() {
    let server = Server::with("[websocket]\nping = \"1s\"").await;
    let mut socket = server.socket().await;
    socket
        .send(Message::Ping(Bytes::from_static(b"are you there")))
        .await;
    let (mut answered, mut asked) = (false, false);
    while !(answered && asked) {
        match socket.message().await.expect("an open socket") {
            Message::Pong(payload) => {
                assert_eq!(&payload[..], b"are you there");
                answered = true;
            }
            Message::Ping(_) => asked = true,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_silent_for_two_pings_is_closed() {
    let server = Server::with("[websocket]\nping = \"1s\"").await;
    // A client of bytes, which answers no ping.
    let mut raw = crate::support::raw::upgrade(server.app.address(), "/ws").await;
    let opened = std::time::Instant::now();
    raw.read_to_end().await;
    assert!(
        opened.elapsed().as_secs_f64() > 1.9,
        "{:?}",
        opened.elapsed()
    );
    let gone = async { while server.metric("tickwire_clients{kind=\"websocket\"}").await > 0.0 {} };
    crate::support::within("the socket to be gone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subprotocol_is_named_to_those_who_ask_for_it() {
    let server = Server::start().await;
    let headers = [("sec-websocket-protocol", "tickwire.v1.json")];
    let mut socket = Socket::open(&server, "/ws", &headers).await.unwrap();
    assert_eq!(socket.next().await["type"], "hello");
    assert_eq!(server.get("/ws").await.status(), 400);
}
