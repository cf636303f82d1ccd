//! The clients that stay: steady ones, and slow ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_tungstenite::tungstenite::Message;

use crate::tally::{Sse, Tally, frame};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Everything, over SSE.
    Stream,
    /// What is pushed here, over SSE.
    Filtered,
    /// Everything, over a WebSocket.
    Socket,
    /// Everything, read slowly.
    Slow,
}

/// Everything that has a number.
pub const ALL: &str = "/api/events/all?topics=metrics,alerts,activity";
const FILTERED: &str = "/api/events/all?topics=metrics,alerts&names=soak_*";

/// A client, as it was at its end: after the second mark, or when it was lost.
#[derive(Debug)]
pub struct Seen {
    pub kind: Kind,
    pub tally: Tally,
    /// Of slow ones: how old each sample was when it was read, in milliseconds.
    pub ages: Vec<i64>,
}

/// Connects and asks; a small receive buffer for those who read little.
pub async fn ask(address: &str, path: &str, small: bool) -> Option<TcpStream> {
    ask_after(address, path, "", small).await
}

/// Likewise, for what comes after a position.
pub async fn ask_after(address: &str, path: &str, last: &str, small: bool) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    if small {
        socket.set_recv_buffer_size(4096).ok()?;
    }
    let mut socket = socket.connect(address.parse().ok()?).await.ok()?;
    let last = match last.is_empty() {
        true => String::new(),
        false => format!("Last-Event-ID: {last}\r\n"),
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{last}\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    Some(socket)
}

pub async fn stream(address: String, kind: Kind, open: Arc<AtomicUsize>) -> Seen {
    let mut seen = Seen {
        kind,
        tally: Tally::default(),
        ages: Vec::new(),
    };
    let slow = kind == Kind::Slow;
    let path = if kind == Kind::Filtered {
        FILTERED
    } else {
        ALL
    };
    let Some(mut socket) = ask(&address, path, slow).await else {
        return seen;
    };
    let mut sse = Sse::default();
    let mut piece = vec![0; if slow { 1024 } else { 32 << 10 }];
    let mut counted = false;
    while !seen.tally.is_complete() {
        match socket.read(&mut piece).await {
            Ok(n) if n > 0 => {
                let ages = &mut seen.ages;
                sse.feed(&piece[..n], &mut seen.tally, |data| {
                    if slow && data.starts_with(b"metric\"") {
                        ages.extend(age(data));
                    }
                });
            }
            ended => {
                if slow {
                    println!("a slow one ended: {ended:?}");
                }
                break;
            }
        }
        if !counted {
            counted = true;
            open.fetch_add(1, Ordering::Relaxed);
        }
        if slow && seen.tally.from > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    }
    seen
}

pub async fn socket(address: String, open: Arc<AtomicUsize>) -> Seen {
    let mut seen = Seen {
        kind: Kind::Socket,
        tally: Tally::default(),
        ages: Vec::new(),
    };
    let connected = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await;
    let Ok((mut socket, _)) = connected else {
        return seen;
    };
    let subscribe =
        r#"{"type":"subscribe","topics":["metrics","alerts","activity"],"since":"latest"}"#;
    if socket.send(Message::text(subscribe)).await.is_err() {
        return seen;
    }
    while !seen.tally.is_complete() {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if text.starts_with("{\"type\":\"subscribed\"") {
                    open.fetch_add(1, Ordering::Relaxed);
                }
                frame(&text, &mut seen.tally);
            }
            Some(Ok(_)) => {}
            _ => break,
        }
    }
    seen
}

/// How old a sample is now, in milliseconds.
fn age(data: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(data).ok()?;
    let (_, rest) = text.rsplit_once("\"timestamp\":\"")?;
    let (time, _) = rest.split_once('"')?;
    let time = chrono::DateTime::parse_from_rfc3339(time).ok()?;
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    Some((now - time.to_utc()).num_milliseconds())
}
