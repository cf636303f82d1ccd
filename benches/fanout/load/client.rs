//! One client: how it connects, and how far its answer has come.

use std::{
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::scan::{CARRY, Sequence};
use crate::plan::{Kind, Plan};

/// Clients come from 127.0.0.2 up to this many addresses further on, in turn.
const SOURCES: usize = 250;
/// What a client that never reads lets the kernel hold for it, in bytes; the kernel doubles it and has a least.
const STALLED_BUFFER: usize = 2 << 10;

/// What a client is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads from the first event to the last.
    Reader,
    /// Connects and then never reads.
    Stalled,
    /// Comes and goes.
    Passing,
}

/// How far a client is.
pub enum Stage {
    /// The head of the answer is not there yet; what was read of it.
    Head(Vec<u8>),
    /// The socket's answer to the subscription is not there yet; what was read of it.
    Subscribing(Vec<u8>),
    /// Events come.
    Open,
}

/// A connected client.
pub struct Client {
    pub socket: TcpStream,
    pub role: Role,
    pub stage: Stage,
    pub sequence: Sequence,
    /// The end of the last read, where it may be the beginning of a number.
    pub carry: [u8; CARRY],
    pub carried: usize,
}

impl Client {
    /// Connects the `index`th client and asks for the stream.
    pub fn connect(plan: &Plan, index: usize, role: Role) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        if role == Role::Stalled {
            socket.set_recv_buffer_size(STALLED_BUFFER)?;
        }
        let last = 2 + (index % SOURCES) as u8;
        let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0);
        socket.bind(&source.into())?;
        socket.connect(&plan.address.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from(socket);
        socket.write_all(request(plan, index).as_bytes())?;
        Ok(Self {
            socket,
            role,
            stage: Stage::Head(Vec::new()),
            sequence: Sequence::default(),
            carry: [0; CARRY],
            carried: 0,
        })
    }

    /// Takes bytes that are not events yet. Returns what follows them once events can come; an error if the answer is no
    /// stream.
    pub fn open(&mut self, plan: &Plan, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let wanted: &[u8] = match &self.stage {
            Stage::Open => return Ok(Some(bytes.to_vec())),
            Stage::Head(_) => b"\r\n\r\n",
            Stage::Subscribing(_) => b"\"subscribed\"",
        };
        let (Stage::Head(seen) | Stage::Subscribing(seen)) = &mut self.stage else {
            return Ok(None);
        };
        seen.extend_from_slice(bytes);
        let Some(found) = memchr::memmem::find(seen, wanted) else {
            return Ok(None);
        };
        let after = seen.split_off(found + wanted.len());
        if matches!(self.stage, Stage::Subscribing(_)) {
            self.stage = Stage::Open;
            return Ok(Some(after));
        }
        let is_socket = plan.server == Kind::TickwireWs;
        let status: &[u8] = if is_socket {
            b"HTTP/1.1 101"
        } else {
            b"HTTP/1.1 200"
        };
        let Stage::Head(head) = std::mem::replace(&mut self.stage, Stage::Open) else {
            return Ok(None);
        };
        if !head.starts_with(status) {
            eprintln!("no stream: {}", String::from_utf8_lossy(&head).trim_end());
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if is_socket {
            self.socket.write_all(&subscribe())?;
            self.stage = Stage::Subscribing(after);
            return Ok(None);
        }
        Ok(Some(after))
    }
}

/// The request of the `index`th client.
fn request(plan: &Plan, index: usize) -> String {
    let host = plan.address;
    let path = match plan.server {
        Kind::TickwireSse if plan.views > 1 => {
            // Filters that differ and all match.
            let view = index % plan.views;
            format!("/api/events/metrics?names=bench_value_*,view_{view}")
        }
        Kind::TickwireSse => "/api/events/metrics".to_owned(),
        Kind::TickwireWs => "/ws".to_owned(),
        Kind::Floor | Kind::Nchan | Kind::Axum | Kind::Lab => "/events".to_owned(),
    };
    let header = match plan.server {
        Kind::TickwireWs => {
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        }
        _ => "Accept: text/event-stream\r\n",
    };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n")
}

/// The frame that subscribes to metrics. Its mask is zero, which leaves the text as it is.
fn subscribe() -> Vec<u8> {
    let text = br#"{"type":"subscribe","topics":["metrics"],"since":"latest"}"#;
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text);
    frame
}
