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
