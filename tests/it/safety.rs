//! Who may ask: Host on everything, Origin on sockets and on what changes state.

use tokio_tungstenite::tungstenite::Error;

use crate::support::{Server, Socket, http::problem, within};

const ALLOWED: &str = r#"
[server]
allowed_hosts = ["metrics.example.org"]
allowed_origins = ["https://status.example.org"]
"#;

async fn get_as(server: &Server, host: &str) -> u16 {
    let request = server.http.get(server.url("/healthz")).header("host", host);
    within("an answer", request.send())
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_served_is_misdirected() {
    let server = Server::with(ALLOWED).await;
    for host in [
        "localhost",
        "LocalHost:9999",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:8080",
        "a.localhost",
        "metrics.example.org",
        "METRICS.example.org:443",
    ] {
        assert_eq!(get_as(&server, host).await, 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "169.254.169.254",
        "[::2]",
        "",
    ] {
        assert_eq!(get_as(&server, host).await, 421, "{host}");
    }
    for path in ["/api/events/all", "/metrics", "/ws", "/", "/nothing"] {
        let request = server
            .http
            .get(server.url(path))
            .header("host", "evil.example");
        problem(within("an answer", request.send()).await.unwrap(), 421).await;
    }
}

/// The status of a push with these headers.
async fn push_as(server: &Server, headers: &[(&str, &str)]) -> u16 {
    let body = r#"{"name":"a","value":1}"#;
    let mut request = server.http.post(server.url("/api/ingest")).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    within("an answer", request.send())
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// The status of a handshake with these headers: 101 when it was accepted.
async fn shake_as(server: &Server, path: &str, headers: &[(&str, &str)]) -> u16 {
    match Socket::open(server, path, headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_may_not_change_anything_nor_open_a_socket() {
    let server = Server::with(ALLOWED).await;
    let own = format!("http://{}", server.app.address());
    let tls = format!("https://{}", server.app.address());
    let other_port = "http://127.0.0.1:1";
    let cases: [(&[(&str, &str)], bool); 10] = [
        (&[], true),
        (&[("origin", &own)], true),
        (&[("origin", &tls)], true),
        (&[("origin", "https://status.example.org")], true),
        (&[("origin", "http://status.example.org")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", other_port)], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-origin")], true),
    ];
    for (headers, allowed) in cases {
        let (push, shake) = if allowed { (200, 101) } else { (403, 403) };
        assert_eq!(push_as(&server, headers).await, push, "{headers:?}");
        for path in ["/ws", "/ws/echo"] {
            assert_eq!(
                shake_as(&server, path, headers).await,
                shake,
                "{path} {headers:?}"
            );
        }
    }
    let refused: &[(&str, &str)] = &[
        ("origin", "https://status.example.org"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        push_as(&server, refused).await,
        200,
        "an allowed origin is another site"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_guarded() {
    let server = Server::start().await;
    for path in [
        "/api/ingest",
        "/api/events",
        "/api/sources/push/stop",
        "/api/alerts/clear",
        "/api/alerts/01890a5d-ac96-774b-bcce-b302099a8057/acknowledge",
    ] {
        let request = server
            .http
            .post(server.url(path))
            .header("origin", "https://evil.example");
        problem(within("an answer", request.send()).await.unwrap(), 403).await;
    }
    server.sample("still", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_over_http_is_left_to_the_browsers_own_rules() {
    let server = Server::start().await;
    let request = server
        .http
        .get(server.url("/api/stats"))
        .header("origin", "https://evil.example");
    let response = within("an answer", request.send()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}
