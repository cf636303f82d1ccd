//! `/ws/echo`: whatever is sent comes back.

use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::support::{Server, Socket};

async fn open(server: &Server) -> Socket {
    let mut socket = Socket::open(server, "/ws/echo", &[]).await.unwrap();
    assert_eq!(socket.next().await["type"], "hello");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_come_back_as_they_were() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    let long = "ä".repeat(30_000);
    for message in [
        Message::text("hello"),
        Message::text(""),
        Message::text(long),
        Message::binary(vec![0, 255, 10]),
        Message::binary(Vec::new()),
    ] {
        socket.send(message.clone()).await;
        assert_eq!(socket.message().await, Some(message));
    }
    socket.send(Message::Ping(Bytes::from_static(b"x"))).await;
    assert_eq!(
        socket.message().await,
        Some(Message::Pong(Bytes::from_static(b"x")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_closes_with_the_code_it_was_sent() {
    let server = Server::start().await;
    for code in [1000, 1001, 3000, 4321] {
        let mut socket = open(&server).await;
        let close = CloseFrame {
            code: CloseCode::from(code),
            reason: "bye".into(),
        };
        socket.send(Message::Close(Some(close))).await;
        assert_eq!(socket.closed().await.1, Some(code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_away_with_the_server() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    let (_, (_, code)) = tokio::join!(server.stop(), socket.closed());
    assert_eq!(code, Some(1001));
}
