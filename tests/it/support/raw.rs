//! A client that reads only when it is told to.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::{
    sse::{Event, Parser},
    within,
};

/// A stream over HTTP/1.0, whose body is nothing but its bytes, through a small receive buffer.
pub struct Raw {
    connection: TcpStream,
    parser: Parser,
    head: Option<Vec<u8>>,
    /// What came with the head.
    early: Vec<Event>,
}

impl Raw {
    /// Asks, and reads no further than the head of the answer.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::with(address, path, Parser::default()).await
    }

    /// Likewise, of NDJSON.
    pub async fn lines(address: SocketAddr, path: &str) -> Self {
        Self::with(address, path, Parser::new(true)).await
    }

    async fn with(address: SocketAddr, path: &str, parser: Parser) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let connected = within("a connection", socket.connect(address)).await;
        let mut raw = Self {
            connection: connected.expect("a connection"),
            parser,
            head: Some(Vec::new()),
            early: Vec::new(),
        };
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let sent = raw.connection.write_all(request.as_bytes());
        within("room to send", sent).await.expect("a connection");
        while raw.head.is_some() {
            let early = raw.read().await.expect("an answer");
            raw.early.extend(early);
        }
        raw
    }

    /// The events that the next piece completes; `None` at the end.
    pub async fn read(&mut self) -> Option<Vec<Event>> {
        if self.head.is_none() && !self.early.is_empty() {
            return Some(std::mem::take(&mut self.early));
        }
        let mut piece = vec![0; 4096];
        let read = within("bytes", self.connection.read(&mut piece)).await;
        // A server that gives a reader up may do so with a reset.
        let length = read.unwrap_or(0);
        if length == 0 {
            return None;
        }
        let Some(head) = &mut self.head else {
            return Some(self.parser.feed(&piece[..length]));
        };
        head.extend_from_slice(&piece[..length]);
        let end = head.windows(4).position(|w| w == b"\r\n\r\n");
        let Some(end) = end else {
            return Some(Vec::new());
        };
        assert!(head.starts_with(b"HTTP/1.0 200") || head.starts_with(b"HTTP/1.1 200"));
        let body = head[end + 4..].to_vec();
        self.head = None;
        Some(self.parser.feed(&body))
    }
}

/// The handshake of a WebSocket, as bytes.
pub fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A client's frame with this first byte; its mask is zero.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// Sends a request over a connection with a small receive buffer, and reads the head of the answer.
pub async fn asked(address: SocketAddr, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let connected = within("a connection", socket.connect(address)).await;
    let mut connection = connected.expect("a connection");
    let sent = connection.write_all(request.as_bytes());
    within("room to send", sent).await.expect("a connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = within("a head", connection.read_u8()).await;
        head.push(byte.expect("a head"));
    }
    connection
}

/// A WebSocket that says nothing after its handshake.
pub struct Silent(TcpStream);

/// Shakes hands and says no more.
pub async fn upgrade(address: SocketAddr, path: &str) -> Silent {
    let connected = within("a connection", TcpStream::connect(address)).await;
    let mut connection = connected.expect("a connection");
    let request = handshake(path);
    let sent = connection.write_all(request.as_bytes());
    within("room to send", sent).await.expect("a connection");
    Silent(connection)
}

impl Silent {
    /// Reads until the server ends it; what came.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A server that gives a peer up may do so with a reset.
        let _ = within("the end", self.0.read_to_end(&mut bytes)).await;
        bytes
    }
}

/// A connection that sends what it is told to, and reads answers as they are.
pub struct Plain(TcpStream);

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header that it must have.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// Asserts that it is a problem of this status that names this key.
    pub fn assert_problem(&self, status: u16, key: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], status, "{self:?}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(&format!("(key {key})")), "{detail}");
        assert_eq!(problem["limit"], key, "{self:?}");
    }
}

impl Plain {
    /// From an address of this machine: any that begins with 127 will do.
    pub async fn from(source: &str, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let source = format!("{source}:0").parse().expect("an address");
        socket.bind(source).expect("an address of this machine");
        let connected = within("a connection", socket.connect(server)).await;
        Self(connected.expect("a connection"))
    }

    /// Sends the head of a request with these lines behind `Host`.
    pub async fn ask(&mut self, path: &str, headers: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        self.send(request.as_bytes()).await;
    }

    /// Sends bytes, or as many as the server takes.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = within("room to send", self.0.write_all(bytes)).await;
    }

    /// The next answer: its head, and as much of a body as it says that it has.
    pub async fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = within("an answer", self.0.read_u8()).await;
            let so_far = || panic!("no answer but {:?}", String::from_utf8_lossy(&head));
            head.push(byte.unwrap_or_else(|_| so_far()));
        }
        let head = String::from_utf8(head).expect("text").to_lowercase();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "));
        let length = length.map_or(0, |l| l.parse().expect("a length"));
        let mut body = vec![0; length];
        let read = within("a body", self.0.read_exact(&mut body)).await;
        read.expect("a body");
        Answer {
            status: status.expect("a status"),
            body: String::from_utf8(body).expect("text"),
            head,
        }
    }

    /// The value of a metric on `/metrics`, over this connection.
    pub async fn metric(&mut self, name: &str) -> f64 {
        self.ask("/metrics", "").await;
        let page = self.answer().await.body;
        super::http::value(&page, name)
    }

    /// Pushes samples that must all be taken.
    pub async fn push(&mut self, body: &str) {
        let length = body.len();
        let request = format!(
            "POST /api/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes()).await;
        assert_eq!(self.answer().await.status, 200);
    }

    /// Waits until the server closes.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        let _ = within("the end", self.0.read_to_end(&mut rest)).await;
    }
}
