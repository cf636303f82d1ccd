//! What a client of the socket does wrong is told by a code, and the socket stays open; unless it cannot.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_a_code_and_the_socket_stays_open() {
    let server = Server::with("[websocket]\nmax_subscriptions = 1").await;
    let mut socket = server.socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    assert_eq!(
        socket
            .ask(json!({ "type": "subscribe", "id": 0, "names": ["x"] }))
            .await["type"],
        "subscribed"
    );
    assert_eq!(socket.next().await["type"], "initial");
    let faults = [
        (r#"{"type":"#, "bad_json"),
        ("[]", "bad_json"),
        ("7", "bad_json"),
        (r#"{"id":1}"#, "missing_field"),
        (r#"{"type":"dance","id":1}"#, "unknown_type"),
        (r#"{"type":7,"id":1}"#, "unknown_type"),
        (r#"{"type":"ping","id":1,"colour":1}"#, "unknown_field"),
        (r#"{"type":"unsubscribe","id":1}"#, "missing_field"),
        (r#"{"type":"acknowledge","id":1}"#, "missing_field"),
        (
            r#"{"type":"source","id":1,"source":"host"}"#,
            "missing_field",
        ),
        (
            r#"{"type":"source","id":1,"source":"host","action":"jump"}"#,
            "bad_field",
        ),
        (r#"{"type":"acknowledge","id":1,"alert":"x"}"#, "bad_field"),
        (r#"{"type":"resume","id":1,"missed":"all"}"#, "bad_field"),
        (r#"{"type":"subscribe","id":1,"max_rate":0}"#, "bad_field"),
        (
            r#"{"type":"subscribe","id":1,"since":"yesterday"}"#,
            "bad_field",
        ),
        (
            r#"{"type":"subscribe","id":1,"metrics":"cpu"}"#,
            "bad_filter",
        ),
        (
            r#"{"type":"subscribe","id":1,"metrics":[""]}"#,
            "bad_filter",
        ),
        (
            r#"{"type":"subscribe","id":1,"topics":["weather"]}"#,
            "bad_filter",
        ),
        (r#"{"type":"subscribe","id":1,"topics":[]}"#, "bad_filter"),
        (
            r#"{"type":"subscribe","id":1,"levels":["bad"]}"#,
            "bad_filter",
        ),
        (
            r#"{"type":"subscribe","id":1,"metrics":["a"],"names":["a"]}"#,
            "bad_filter",
        ),
        (r#"{"type":"subscribe","id":1}"#, "too_many_subscriptions"),
        (
            r#"{"type":"unsubscribe","id":1,"subscription":"s9"}"#,
            "unknown_subscription",
        ),
        (
            r#"{"type":"pause","id":1,"subscription":"s9"}"#,
            "unknown_subscription",
        ),
        (
            r#"{"type":"source","id":1,"source":"none","action":"start"}"#,
            "unknown_source",
        ),
        (
            r#"{"type":"acknowledge","id":1,"alert":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
            "unknown_alert",
        ),
    ];
    for (frame, code) in faults {
        socket.send(Message::text(frame)).await;
        let error = socket.next().await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{frame}: {error}"
        );
        assert!(
            error["message"].as_str().is_some_and(|m| !m.is_empty()),
            "{frame}"
        );
        let has_id = frame.contains(r#""id":1"#);
        assert_eq!(
            error["id"],
            if has_id { json!(1) } else { Value::Null },
            "{frame}"
        );
    }
    server.sample("x", 1).await;
    assert_eq!(socket.next().await["type"], "metrics");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_frame_is_refused_and_the_socket_stays_open() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    socket.send(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.frame("error").await["code"], "bad_frame");
    assert_eq!(
        socket.ask(json!({ "type": "ping", "id": 1 })).await["type"],
        "pong"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_limit_closes_with_1009() {
    let server = Server::with("[websocket]\nmax_frame = \"1KiB\"").await;
    let mut socket = server.socket().await;
    assert_eq!(socket.next().await["limits"]["frame"], 1024);
    let padded = |length: usize| {
        let command = json!({ "type": "ping", "id": 1 }).to_string();
        Message::text(format!("{command}{}", " ".repeat(length - command.len())))
    };
    socket.send(padded(1024)).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send(padded(1025)).await;
    assert_eq!(socket.closed().await.1, Some(1009));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_pieces_over_the_limit_closes_with_1009() {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let server = Server::with("[websocket]\nmax_frame = \"1KiB\"").await;
    let mut socket = server.socket().await;
    let piece = |code, last| Frame::message(Bytes::from(vec![b' '; 600]), OpCode::Data(code), last);
    socket.send(Message::Frame(piece(Data::Text, false))).await;
    socket
        .send(Message::Frame(piece(Data::Continue, true)))
        .await;
    assert_eq!(socket.closed().await.1, Some(1009));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_commands_are_refused_and_then_closed_with_4013() {
    let server = Server::with("[websocket]\ncommands_per_second = 1\ncommand_burst = 3").await;
    let mut socket = server.socket().await;
    for id in 0..3 {
        assert_eq!(
            socket.ask(json!({ "type": "ping", "id": id })).await["type"],
            "pong"
        );
    }
    socket.say(json!({ "type": "ping", "id": 3 })).await;
    assert_eq!(socket.frame("error").await["code"], "rate_limited");
    let mut socket = server.socket().await;
    for id in 0..300 {
        let ping = json!({ "type": "ping", "id": id }).to_string();
        // The server may close before all is sent.
        if !socket.try_send(Message::text(ping)).await {
            break;
        }
    }
    let (frames, code) = socket.closed().await;
    assert_eq!(code, Some(4013));
    assert!(frames.iter().any(|f| f["code"] == "rate_limited"));
}
