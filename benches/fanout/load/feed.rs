//! The publisher: one kept-alive connection over which each tick is posted.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use super::scan::FIRST;
use crate::plan::{Kind, Plan};

/// Posts ticks to a server, in the form that it takes.
pub struct Feed {
    socket: TcpStream,
    server: Kind,
    host: String,
    samples: u32,
    /// The number of the next event.
    next: u32,
    /// POSTs sent and not answered yet.
    open: u64,
    /// The end of what was read, as far as it may be the beginning of a status line.
    rest: Vec<u8>,
    /// POSTs not answered with 2xx.
    pub refused: u64,
}

impl Feed {
    /// Connects.
    pub fn new(plan: &Plan) -> io::Result<Self> {
        let socket = TcpStream::connect(plan.address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            server: plan.server,
            host: plan.address.to_string(),
            samples: plan.samples,
            next: FIRST,
            open: 0,
            rest: Vec::new(),
            refused: 0,
        })
    }

    /// The number of the next event.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// The bytes that publish the next tick. Made before the clock starts.
    pub fn prepare(&mut self) -> Vec<u8> {
        let numbers = self.next..self.next + self.samples;
        self.next = numbers.end;
        let samples = numbers.enumerate();
        let mut out = String::new();
        match self.server {
            Kind::TickwireSse | Kind::TickwireWs => {
                let each = samples.map(|(i, number)| {
                    format!(
                        r#"{{"name":"{}","value":{number},"unit":"%","host":"bench","labels":{{"core":"0"}}}}"#,
                        metric(i)
                    )
                });
                let body = format!("[{}]", each.collect::<Vec<_>>().join(","));
                self.post(&mut out, "/api/ingest", "", &body);
            }
            Kind::Floor => {
                let each = samples.map(|(i, number)| {
                    let (data, id) = (event(i, number, "0"), number - FIRST);
                    format!("event: metric\nid: e1.2a67c239-{id}\ndata: {data}\n\n")
                });
                let body: String = each.collect();
                self.post(&mut out, "/publish", "", &body);
            }
            Kind::Axum | Kind::Lab => {
                let each = samples.map(|(i, number)| event(i, number, "0") + "\n");
                let body: String = each.collect();
                self.post(&mut out, "/publish", "", &body);
            }
            Kind::Nchan => {
                for (i, number) in samples {
                    let name = "X-EventSource-Event: metric\r\n";
                    self.post(&mut out, "/publish", name, &event(i, number, "0000000"));
                }
            }
        }
        out.into_bytes()
    }

    fn post(&mut self, out: &mut String, path: &str, header: &str, body: &str) {
        self.open += 1;
        let _ = write!(
            out,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{header}Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
    }

    /// Writes what was prepared.
    pub fn publish(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.socket.write(left) {
                Ok(n) => left = &left[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.answers()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the answers that are there.
    pub fn answers(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let n = match self.socket.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        self.rest.extend_from_slice(&buffer[..n]);
        const LINE: &[u8] = b"HTTP/1.1 ";
        let mut from = 0;
        while let Some(found) = memchr::memmem::find(&self.rest[from..], LINE) {
            let at = from + found + LINE.len();
            let Some(class) = self.rest.get(at) else {
                break;
            };
            self.open = self.open.saturating_sub(1);
            if *class != b'2' {
                self.refused += 1;
                eprintln!(
                    "a POST was refused: {}",
                    String::from_utf8_lossy(&self.rest[at..])
                );
            }
            from = at + 1;
        }
        let keep = from.max(self.rest.len().saturating_sub(LINE.len()));
        self.rest.drain(..keep);
        Ok(())
    }

    /// Whether every POST was answered.
    pub fn is_answered(&self) -> bool {
        self.open == 0
    }
}

impl std::os::fd::AsFd for Feed {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The metric of a tick's sample.
fn metric(i: usize) -> String {
    format!("bench_value_{i:02}")
}

/// A sample as tickwire sends it, but for the time, which here is always the same. The label makes up for nchan's ids, which
/// are its own and shorter.
fn event(i: usize, number: u32, core: &str) -> String {
    let name = metric(i);
    format!(
        r#"{{"type":"metric","name":"{name}","value":{number}.0,"unit":"%","host":"bench","labels":{{"core":"{core}"}},"timestamp":"2026-01-01T00:00:00.000Z"}}"#
    )
}
