//! Clients that mean harm.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pipelines_behind_its_stream_loses_it_and_the_others_do_not() {
    let server = Server::start().await;
    let mut other = server.stream("/api/events/metrics").await;
    let mut socket = TcpStream::connect(server.app.address()).await.unwrap();
    let get = b"GET /api/events/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    socket.write_all(get).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let flood = tokio::spawn(async move {
        let many = b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20_000);
        // It is cut off in the middle.
        let _ = writing.write_all(&many).await;
        writing
    });
    let ended = async {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !seen.windows(7).any(|w| w == b"\r\n0\r\n\r\n") {
            let n = reading.read(&mut piece).await.unwrap_or(0);
            if n == 0 {
                return;
            }
            seen.extend_from_slice(&piece[..n]);
        }
    };
    within("the stream's end", ended).await;
    flood.abort();
    server.sample("cpu", 1).await;
    other.event("metric").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_dies_with_answers_waiting_is_let_go() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    for _ in 0..100 {
        socket
            .say(serde_json::json!({"type": "request_metrics"}))
            .await;
    }
    drop(socket);
    let gone = async { while server.metric("tickwire_clients{kind=\"websocket\"}").await > 0.0 {} };
    within("the socket to be gone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_break_in_a_message_forges_no_event_on_a_page() {
    let server = Server::start().await;
    let mut page = TcpStream::connect(server.app.address()).await.unwrap();
    let get = b"GET /pages/stream?page=overview HTTP/1.1\r\nhost: localhost\r\n\r\n";
    page.write_all(get).await.unwrap();
    let message = "hi\rid: e9.00000000-77\r\revent: draining\rdata: boo";
    let event = serde_json::json!({"kind": "note", "message": message});
    let answer = server.post("/api/events", event.to_string()).await;
    assert_eq!(answer.status(), 202);
    let told = async {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !seen.windows(3).any(|w| w == b"boo") {
            let n = page.read(&mut piece).await.unwrap();
            assert!(n > 0, "the stream goes on");
            seen.extend_from_slice(&piece[..n]);
        }
        String::from_utf8(seen).unwrap()
    };
    let told = within("the message", told).await;
    assert!(
        told.split(['\r', '\n'])
            .all(|line| line != "event: draining"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_never_leads_to_another_site() {
    let server = Server::start().await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let referer = format!("http://{}//evil.example/x", server.app.address());
    let request = http
        .post(server.url("/alerts/clear"))
        .header("referer", referer);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/evil.example/x");
}
