//! CBOR over the WebSocket: the same objects as in JSON, in both directions.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    Server,
    rules::CPU_HIGH,
    socket::{Socket, cbor},
};

/// The next frame of a JSON and of a CBOR socket, which must be equal; what there was at the beginning, but for where each
/// began.
async fn same(json: &mut Socket, cbor: &mut Socket) -> Value {
    let (json, mut cbor) = (next(json).await, next(cbor).await);
    if json["type"] == "initial" {
        cbor["position"] = json["position"].clone();
    }
    assert_eq!(json, cbor);
    json
}

/// The next frame. How many clients there are is passed over: that is told whenever a second is over, also between what two
/// sockets do one after the other.
async fn next(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.next().await;
        if frame["kind"] != "clients" {
            return frame;
        }
    }
}

/// The answers to a command on both, which must be equal but for where they stand: something may happen between them.
async fn ask(json: &mut Socket, cbor: &mut Socket, command: Value) -> Value {
    let (json, mut cbor) = (json.ask(command.clone()).await, cbor.ask(command).await);
    if let Some(position) = json.get("position") {
        cbor["position"] = position.clone();
    }
    assert_eq!(json, cbor);
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_has_the_same_objects_in_json_and_in_cbor() {
    let server = Server::with(CPU_HIGH).await;
    let now = chrono::Utc::now().timestamp_millis();
    for i in 0..300 {
        let sample = |core: usize, value: f64| {
            let labels = json!({ "core": core.to_string(), "vendor": "Å" });
            json!({
                "name": "cpu_usage", "value": value, "unit": "%", "labels": labels, "host": "wéb1",
                "timestamp": now - 310_000 + i * 1000,
            })
        };
        server.push([sample(0, 0.1), sample(1, 45.0)]).await;
    }
    let (mut json, mut cbor) = (server.socket().await, server.cbor_socket().await);
    let (hello, hello_cbor) = (json.next().await, cbor.next().await);
    assert_eq!(hello["limits"], hello_cbor["limits"]);
    assert_eq!(hello_cbor["type"], "hello");

    let subscribe = json!({
        "type": "subscribe", "id": { "of": [1, -2, 2.5, "x", true] }, "topics": ["metrics", "alerts", "activity"],
        "metrics": ["cpu*"], "hosts": ["*"], "max_rate": 50,
    });
    let subscribed = ask(&mut json, &mut cbor, subscribe.clone()).await;
    assert_eq!(subscribed["type"], "subscribed");
    assert_eq!(subscribed["id"], subscribe["id"]);
    let first = same(&mut json, &mut cbor).await;
    assert_eq!(
        (&first["type"], &first["done"]),
        (&json!("initial"), &json!(false))
    );
    assert_eq!(first["data"].as_array().unwrap().len(), 500);
    let last = same(&mut json, &mut cbor).await;
    assert_eq!(last["done"], true);

    for value in [98.0, 1.0, 0.1 + 0.2, -0.0, 1e300, 9_007_199_254_740_993.0] {
        server.sample("cpu", value).await;
        let metrics = same(&mut json, &mut cbor).await;
        assert_eq!(metrics["type"], "metrics");
        assert_eq!(metrics["data"][0]["value"].as_f64(), Some(value));
        if value == 98.0 || value == 1.0 || value == 1e300 {
            let alert = same(&mut json, &mut cbor).await;
            assert_eq!(alert["type"], "alert", "{alert}");
        }
    }
    let event = json!({ "kind": "deploy", "message": "\"2\" is out\n🦀" });
    server.tell("/api/events", event.to_string()).await;
    let activity = same(&mut json, &mut cbor).await;
    assert_eq!(activity["message"], event["message"]);

    let newest = json!({ "type": "request_metrics", "id": 3 });
    let newest = ask(&mut json, &mut cbor, newest).await;
    assert_eq!(newest["data"].as_array().unwrap().len(), 3);
    for command in [
        json!({ "type": "pause", "id": 4 }),
        json!({ "type": "resume", "id": 5, "subscription": "s1", "missed": "replay" }),
        json!({ "type": "source", "id": 6, "source": "none", "action": "start" }),
        json!({ "type": "unsubscribe", "id": 7, "subscription": "s1" }),
        json!({ "type": "subscribe", "id": 8, "since": "e1.0000007f-2", "names": ["none"] }),
    ] {
        ask(&mut json, &mut cbor, command).await;
    }
    assert_eq!(same(&mut json, &mut cbor).await["type"], "reset");
    let ping = json!({ "type": "ping", "id": 9 });
    assert_eq!(cbor.ask(ping).await["type"], "pong");
    let ends = tokio::join!(json.closed(), cbor.closed(), server.stop());
    assert_eq!((ends.0.1, ends.1.1), (Some(1001), Some(1001)));
    assert_eq!(ends.1.0.last().unwrap()["type"], "draining");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_subprotocol_of_ours_that_a_client_lists_is_taken() {
    let server = Server::start().await;
    for (offered, taken) in [
        ("tickwire.v1.json", Some("tickwire.v1.json")),
        ("tickwire.v1.cbor", Some("tickwire.v1.cbor")),
        (
            "tickwire.v1.cbor, tickwire.v1.json",
            Some("tickwire.v1.cbor"),
        ),
        (
            "tickwire.v1.json, tickwire.v1.cbor",
            Some("tickwire.v1.json"),
        ),
        ("mqtt, tickwire.v1.cbor", Some("tickwire.v1.cbor")),
        ("mqtt, tickwire.v2.cbor", None),
    ] {
        let request = server.http.get(server.url("/ws"));
        let response = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", offered)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 101, "{offered}");
        let header = response.headers().get("sec-websocket-protocol");
        assert_eq!(header.map(|h| h.to_str().unwrap()), taken, "{offered}");
        if taken.is_some() {
            let mut socket = server.socket_speaking(offered).await;
            assert_eq!(socket.protocol.as_deref(), taken);
            assert_eq!(socket.next().await["type"], "hello");
        }
    }
    let mut silent = server.socket().await;
    assert_eq!(silent.protocol, None);
    assert_eq!(silent.next().await["type"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_the_other_kind_is_refused_and_the_socket_stays_open() {
    let server = Server::start().await;
    let ping = json!({ "type": "ping", "id": 1 });
    let mut socket = server.cbor_socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    socket.send(Message::text(ping.to_string())).await;
    let refused = socket.next().await;
    assert_eq!(refused["code"], "bad_frame");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("CBOR in binary frames"), "{message}");
    assert!(message.contains("tickwire.v1.json"), "{message}");
    assert_eq!(socket.ask(ping.clone()).await["type"], "pong");

    let mut socket = server.socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    socket.send(Message::binary(cbor(&ping))).await;
    let refused = socket.next().await;
    assert_eq!(refused["code"], "bad_frame");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("JSON in text frames"), "{message}");
    assert!(message.contains("tickwire.v1.cbor"), "{message}");
    assert_eq!(socket.ask(ping).await["type"], "pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_told_with_a_code_and_the_socket_stays_open() {
    let server = Server::start().await;
    let mut socket = server.cbor_socket().await;
    assert_eq!(socket.next().await["type"], "hello");
    let ping = cbor(&json!({ "type": "ping", "id": 1 }));
    let with_id = |item: &[u8]| [b"\xa2\x64type\x64ping\x62id", item].concat();
    let huge = [0xff; 8];
    for (frame, what) in [
        (vec![], "missing"),
        (ping[..ping.len() - 1].to_vec(), "breaks off"),
        (ping[..5].to_vec(), "missing"),
        ([&ping[..], &[0x00]].concat(), "1 bytes follow"),
        (
            b"\x84\x01\x02\x03\x04".to_vec(),
            "something else than a map",
        ),
        (
            b"\xd9\xd9\xf7\xa1\x64type\x64ping".to_vec(),
            "something else than a map",
        ),
        (b"\xbf\x64type\x64ping\xff".to_vec(), "indefinite length"),
        (
            b"\xa2\x64type\x64ping\x64type\x64ping".to_vec(),
            "second time",
        ),
        (b"\xa1\x01\x64ping".to_vec(), "a key that is not text"),
        ([&[0xbb], &huge[..]].concat(), "missing"),
        (with_id(&[&[0x9b], &huge[..]].concat()), "missing"),
        (with_id(&[&[0x7b], &huge[..]].concat()), "breaks off"),
        (with_id(&[0x81; 60_000]), "more than 64"),
        (with_id(&[0xc1, 0x01]), "a tag"),
        (with_id(&[0x41, 0x01]), "a byte string"),
        (with_id(&[0xf9, 0x7e, 0x00]), "not finite"),
    ] {
        socket.send(Message::binary(frame.clone())).await;
        let error = socket.next().await;
        assert_eq!(error["code"], "bad_cbor", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(what), "{what}: {message}");
        assert!(message.contains("at byte"), "{message}");
    }
    for (command, code) in [
        (json!({ "id": 1 }), "missing_field"),
        (json!({ "type": "dance", "id": 1 }), "unknown_type"),
        (
            json!({ "type": "ping", "id": 1, "colour": 1 }),
            "unknown_field",
        ),
        (
            json!({ "type": "subscribe", "id": 1, "max_rate": 0 }),
            "bad_field",
        ),
        (
            json!({ "type": "subscribe", "id": 1, "metrics": "cpu" }),
            "bad_filter",
        ),
        (
            json!({ "type": "ping", "id": "x".repeat(200) }),
            "bad_field",
        ),
    ] {
        socket.say(command.clone()).await;
        let error = socket.next().await;
        assert_eq!(error["code"], code, "{command}: {error}");
    }
    // A float of two bytes, as other writers have it.
    let rate = b"\xa3\x64type\x69subscribe\x62id\x02\x68max_rate\xf9\x38\x00";
    socket.send(Message::binary(rate.to_vec())).await;
    assert_eq!(socket.next().await["type"], "subscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_cbor_is_told_how_many_it_missed() {
    let server = Server::with("[stream]\nslow_after = \"100ms\"").await;
    let mut socket = server.cbor_socket().await;
    let subscribe = json!({ "type": "subscribe", "id": 1, "topics": ["metrics"] });
    socket.ask(subscribe).await;
    let begun = std::time::Instant::now();
    let mut round = 0;
    while round < 60 || begun.elapsed().as_millis() < 800 {
        let batch: Vec<Value> = (0..900)
            .map(|i| json!({ "name": format!("metric_{i}"), "value": round }))
            .collect();
        server.push(batch).await;
        round += 1;
    }
    server.sample("last", 1).await;
    let mut lagged = 0;
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "lagged" => lagged += frame["skipped"].as_u64().unwrap(),
            "metrics" if frame["data"][0]["name"] == "last" => break,
            _ => {}
        }
    }
    assert!(lagged > 0);
}
