//! Limits: the error, the counter, that others are not disturbed, and that a place is given back.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{raw::Plain, *};

/// What a limit has refused.
async fn refused(server: &Server, key: &str) -> f64 {
    let name = format!("tickwire_refused_total{{limit=\"{key}\"}}");
    server.metric(&name).await
}

/// Asks from an address on a connection of its own, whose answer is the only one on it.
async fn ask(server: &Server, source: &str, path: &str) -> raw::Answer {
    let mut connection = Plain::from(source, server.app.address()).await;
    connection.ask(path, "connection: close\r\n").await;
    connection.answer().await
}

/// A stream from an address, open.
async fn stream(server: &Server, source: &str) -> Plain {
    let mut stream = Plain::from(source, server.app.address()).await;
    stream.ask("/api/events/metrics", "").await;
    assert_eq!(stream.answer().await.status, 200);
    stream
}

fn retry_after(answer: &raw::Answer) -> u32 {
    answer.header("retry-after").parse().expect("seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections_and_streams_are_among_them() {
    let key = "server.max_connections_per_address";
    let server = Server::with(
        "[server]\nmax_connections_per_address = 3\nunlimited_addresses = [\"127.0.0.1\"]",
    )
    .await;
    let first = stream(&server, "127.0.0.2").await;
    let second = stream(&server, "127.0.0.2").await;
    let mut idle = Plain::from("127.0.0.2", server.app.address()).await;
    idle.ask("/healthz", "").await;
    assert_eq!(idle.answer().await.status, 200);

    let mut fourth = Plain::from("127.0.0.2", server.app.address()).await;
    fourth.ask("/healthz", "").await;
    let answer = fourth.answer().await;
    answer.assert_problem(503, key);
    assert!((5..=15).contains(&retry_after(&answer)), "{answer:?}");
    assert_eq!(answer.header("connection"), "close");
    fourth.closed().await;
    assert_eq!(refused(&server, key).await, 1.0);

    // Others have places of their own, and who is there goes on.
    assert_eq!(ask(&server, "127.0.0.3", "/healthz").await.status, 200);
    idle.ask("/healthz", "").await;
    assert_eq!(idle.answer().await.status, 200);

    // A stream gives its place back, a connection too.
    drop((first, second, idle));
    let back = async {
        while ask(&server, "127.0.0.2", "/healthz").await.status != 200 {}
        while server.metric("tickwire_limited_addresses").await > 0.0 {}
    };
    within("the places to be given back", back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_connections_and_streams_cannot_take_the_last_ones() {
    let server = Server::with("[server]\nmax_connections = 35").await;
    let mut streams = Vec::new();
    for _ in 0..30 {
        streams.push(stream(&server, "127.0.0.2").await);
    }
    // A socket is as good as a stream.
    let socket = server.socket().await;
    // Operators still see how it is.
    let mut last = Plain::from("127.0.0.1", server.app.address()).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for path in ["/api/events/all", "/pages/stream?page=overview"] {
        last.ask(path, "").await;
        last.answer()
            .await
            .assert_problem(503, "stream.max_clients");
    }
    for path in ["/ws", "/ws/echo"] {
        let mut another = Plain::from("127.0.0.1", server.app.address()).await;
        another.ask(path, upgrade).await;
        let answer = another.answer().await;
        answer.assert_problem(503, "stream.max_clients");
        assert!((5..=15).contains(&retry_after(&answer)), "{answer:?}");
    }
    let clients = "tickwire_refused_total{limit=\"stream.max_clients\"}";
    assert_eq!(last.metric(clients).await, 4.0);
    // Connections that ask nothing can take what is left.
    let mut idle = Vec::new();
    let answer = loop {
        let mut another = Plain::from("127.0.0.1", server.app.address()).await;
        another.ask("/healthz", "").await;
        let answer = another.answer().await;
        if answer.status != 200 {
            break answer;
        }
        idle.push(another);
        assert!(idle.len() <= 3);
    };
    answer.assert_problem(503, "server.max_connections");
    assert!((5..=15).contains(&retry_after(&answer)), "{answer:?}");
    let connections = "tickwire_refused_total{limit=\"server.max_connections\"}";
    assert_eq!(last.metric(connections).await, 1.0);

    drop((streams, socket, idle));
    let back = async {
        while last.metric("tickwire_connections").await > 1.0 {}
        while last.metric("tickwire_clients{kind=\"sse\"}").await > 0.0 {}
        while last.metric("tickwire_clients{kind=\"websocket\"}").await > 0.0 {}
    };
    within("the places to be given back", back).await;
    let _socket = server.socket().await;
    let mut stream = server.stream("/api/events/metrics").await;
    last.push(r#"{"name":"cpu","value":1}"#).await;
    stream.event("metric").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_is_refused_disturbs_nobody() {
    let server = Server::with("[server]\nmax_connections = 2").await;
    let mut open = server.stream("/api/events/metrics").await;
    let mut last = Plain::from("127.0.0.1", server.app.address()).await;
    assert_eq!(last.metric("tickwire_connections").await, 2.0);
    // More than are told why; none of them asks anything.
    let mut crowd = Vec::new();
    for _ in 0..400 {
        crowd.push(Plain::from("127.0.0.4", server.app.address()).await);
    }
    last.push(r#"{"name":"cpu","value":1}"#).await;
    open.event("metric").await;
    for one in &mut crowd {
        one.closed().await;
    }
    let connections = "tickwire_refused_total{limit=\"server.max_connections\"}";
    assert_eq!(last.metric(connections).await, 400.0);
    assert_eq!(last.metric("tickwire_connections").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_asks_so_often_and_checks_have_an_account_of_their_own() {
    let key = "server.requests_per_second";
    let server = Server::with(
        "[server]\nrequests_per_second = 1\nrequest_burst = 20\nunlimited_addresses = [\"127.0.0.1\"]",
    )
    .await;
    let mut connection = Plain::from("127.0.0.2", server.app.address()).await;
    let limited = async {
        loop {
            connection.ask("/api/rules", "").await;
            let answer = connection.answer().await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = within("a refusal", limited).await;
    answer.assert_problem(429, key);
    assert_eq!(retry_after(&answer), 1);
    // To open a stream or a socket is a request too.
    for path in ["/api/events/metrics", "/ws", "/nothing"] {
        connection.ask(path, "").await;
        let again = connection.answer().await;
        // A second may have passed meanwhile.
        if again.status == 429 {
            again.assert_problem(429, key);
        }
    }
    assert!(refused(&server, key).await >= 1.0);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(&server, "127.0.0.2", path).await.status, 200, "{path}");
    }
    assert_eq!(ask(&server, "127.0.0.3", "/api/rules").await.status, 200);
    for _ in 0..100 {
        assert_eq!(server.get("/api/rules").await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_take_turns_and_each_is_complete() {
    const LINES: usize = 3000;
    const CROWD: usize = 12;
    let server = Server::with("[stream]\nmax_replays = 1").await;
    let start = server.position().await;
    for turn in 0..LINES / 500 {
        let one = |i: usize| json!({"name": "cpu", "value": turn * 500 + i, "labels": {"n": i.to_string()}});
        server.push((0..500).map(one).collect::<Vec<_>>()).await;
    }
    let path = format!("/api/events/metrics?since={start}");
    // It takes the only turn and reads nothing.
    let _stalled = raw::Raw::open(server.app.address(), &path).await;
    let readers = (0..CROWD).map(|_| async {
        let mut stream = server.stream(&path).await;
        let mut values = Vec::new();
        while values.len() < LINES {
            let event = stream.event("metric").await;
            values.push(event.samples()[0].1 as usize);
        }
        (stream, values)
    });
    let sockets = async {
        let mut socket = server.socket().await;
        let subscribe =
            json!({"type": "subscribe", "id": 1, "topics": ["metrics"], "since": start});
        socket.ask(subscribe).await;
        let mut values = Vec::new();
        while values.len() < LINES {
            let frame = socket.frame("metrics").await;
            values.extend(socket::samples(&frame).iter().map(|(_, v)| *v as usize));
        }
        values
    };
    let all = futures_util::future::join(futures_util::future::join_all(readers), sockets);
    let (readers, over_socket) = within("all replays", all).await;
    let expected: Vec<usize> = (0..LINES).collect();
    assert_eq!(over_socket, expected);
    // What comes now comes to all of them, next.
    server.sample("after", 7).await;
    for (mut stream, values) in readers {
        assert_eq!(values, expected);
        assert_eq!(stream.event("metric").await.data["name"], "after");
    }
    assert!(server.metric("tickwire_replays_waited_total").await > 0.0);
    let done = async { while server.metric("tickwire_replays{state=\"waiting\"}").await > 0.0 {} };
    within("the queue to be empty", done).await;
    assert_eq!(server.metric("tickwire_resets_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_so_many_bytes_and_headers() {
    let key = "server.max_head";
    let counted = "tickwire_refused_total{limit=\"server.max_head\"}";
    let server = Server::start().await;
    let mut last = Plain::from("127.0.0.1", server.app.address()).await;
    let open = |source| Plain::from(source, server.app.address());
    let long = |bytes| format!("x-long: {}\r\n", "x".repeat(bytes));
    let many = |count| "a: b\r\n".repeat(count);
    let line = format!("/{}", "x".repeat(40 << 10));
    let giant = format!("/{}", "x".repeat(1 << 20));
    for (path, headers) in [
        ("/healthz", long(40 << 10)),
        ("/healthz", long(1 << 20)),
        ("/healthz", many(1000)),
        ("/healthz", many(100_000)),
        (&*line, String::new()),
        (&*giant, String::new()),
    ] {
        let mut connection = open("127.0.0.1").await;
        connection.ask(path, &headers).await;
        let answer = connection.answer().await;
        answer.assert_problem(431, key);
        assert_eq!(answer.header("connection"), "close");
        connection.closed().await;
    }
    assert_eq!(last.metric(counted).await, 6.0);

    let mut connection = open("127.0.0.1").await;
    for headers in [long(30 << 10), many(90), String::new()] {
        connection.ask("/healthz", &headers).await;
        assert_eq!(connection.answer().await.status, 200);
    }
    // Later heads are held to it too, and the connection stays.
    connection.ask("/healthz", &long(40 << 10)).await;
    connection.answer().await.assert_problem(431, key);
    assert_eq!(last.metric(counted).await, 7.0);
    connection.ask("/healthz", "").await;
    assert_eq!(connection.answer().await.status, 200);
    // What actix-http does not even read to the end is refused in the same words.
    connection.ask("/healthz", &many(1000)).await;
    connection.answer().await.assert_problem(431, key);
    connection.closed().await;
    assert_eq!(last.metric(counted).await, 8.0);
    let within_reason = async { while last.metric("tickwire_connections").await > 1.0 {} };
    within("the places to be given back", within_reason).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_so() {
    let server = Server::start().await;
    let no_requests: [&[u8]; 3] = [
        b"hello\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
        // How a client begins that was told https://.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for bytes in no_requests {
        for used_before in [false, true] {
            let mut connection = Plain::from("127.0.0.1", server.app.address()).await;
            if used_before {
                connection.ask("/healthz", "").await;
                assert_eq!(connection.answer().await.status, 200);
            }
            connection.send(bytes).await;
            let answer = connection.answer().await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(answer.body.contains("no HTTP/1.1 request"), "{answer:?}");
            connection.closed().await;
        }
    }
    let given_back = async { while server.metric("tickwire_connections").await > 1.0 {} };
    within("the places to be given back", given_back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_socket_may_do_is_counted_when_it_is_too_much() {
    let server = Server::with(
        "[websocket]\nmax_subscriptions = 1\ncommands_per_second = 1\ncommand_burst = 3\nmax_frame = \"1KiB\"\n\
         [stream]\nmax_views = 2",
    )
    .await;
    let mut socket = server.socket().await;
    let subscribe = |id| json!({"type": "subscribe", "id": id});
    assert_eq!(socket.ask(subscribe(1)).await["type"], "subscribed");
    let full = socket.ask(subscribe(2)).await;
    assert_eq!(full["code"], "too_many_subscriptions");
    assert_eq!(refused(&server, "websocket.max_subscriptions").await, 1.0);

    let mut last = json!(null);
    for id in 3..10 {
        last = socket.ask(json!({"type": "ping", "id": id})).await;
    }
    assert_eq!(last["code"], "rate_limited");
    assert_eq!(last["id"], 9);
    let message = last["message"].as_str().unwrap();
    assert!(
        message.contains("websocket.commands_per_second"),
        "{message}"
    );
    assert!(refused(&server, "websocket.commands_per_second").await >= 1.0);

    let mut other = server.socket().await;
    let _view = server.stream("/api/events/metrics?names=a").await;
    let views = other.ask(subscribe(1)).await;
    // It shares the view of the first socket by its name.
    assert_eq!(views["type"], "subscribed");
    let filtered = server.get("/api/events/metrics?names=b").await;
    let said = http::problem(filtered, 503).await;
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("stream.max_views")
    );
    assert_eq!(refused(&server, "stream.max_views").await, 1.0);

    socket.send(Message::text("x".repeat(2000))).await;
    assert_eq!(socket.closed().await.1, Some(1009));
    assert_eq!(refused(&server, "websocket.max_frame").await, 1.0);
    // The other one was not disturbed, and one that breaks off counts for nothing.
    assert_eq!(
        other.ask(json!({"type": "ping", "id": 2})).await["type"],
        "pong"
    );
    drop(other);
    let gone = async { while server.metric("tickwire_clients{kind=\"websocket\"}").await > 0.0 {} };
    within("the sockets to be gone", gone).await;
    assert_eq!(refused(&server, "websocket.max_frame").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_is_counted_when_it_is_too_much() {
    let server = Server::with(
        "[series]\nmax = 2\n[ingest]\nmax_body = \"1KiB\"\nmax_decompressed = \"1KiB\"",
    )
    .await;
    let answer = server.post("/api/ingest", "x".repeat(2000)).await;
    let said = http::problem(answer, 413).await;
    assert!(said["detail"].as_str().unwrap().contains("ingest.max_body"));
    assert_eq!(refused(&server, "ingest.max_body").await, 1.0);
    let unpacks_to_more = http::gzip(" ".repeat(2000).as_bytes());
    let said = http::problem(server.post_gzip(unpacks_to_more).await, 413).await;
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.contains("ingest.max_decompressed"), "{detail}");
    assert_eq!(refused(&server, "ingest.max_decompressed").await, 1.0);
    for name in ["a", "b"] {
        server.sample(name, 1).await;
    }
    let (status, report) = server
        .tell("/api/ingest", r#"{"name":"c","value":1}"#)
        .await;
    assert_eq!(status, 422, "{report}");
    let reason = report["rejected"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("series.max"), "{reason}");
    assert_eq!(refused(&server, "series.max").await, 1.0);
    server.sample("a", 2).await;
}
