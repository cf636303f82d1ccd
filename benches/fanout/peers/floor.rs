//! The floor: one thread that writes the published bytes to one socket after the other, and does nothing else for them.
//! No framing, no queue, no timer; what a kernel takes for one `write(2)` for each client and tick is left.

use std::{
    io::{self, Read as _},
    net::TcpStream,
    os::fd::AsFd as _,
    process::ExitCode,
};

use rustix::{buffer::spare_capacity, event::epoll};

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\r\n:ok\n\n";
const DONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// What epoll calls the listening socket.
const LISTENER: u64 = u64::MAX;

/// Serves until it is killed.
pub fn serve() -> ExitCode {
    super::ended(run())
}

#[derive(Default)]
struct Connection {
    socket: Option<TcpStream>,
    /// What was read of a request.
    request: Vec<u8>,
    streams: bool,
    /// What a full socket did not take of the last tick.
    rest: Vec<u8>,
}

fn run() -> io::Result<()> {
    let listener = super::listen()?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watch = |fd: rustix::fd::BorrowedFd<'_>, data| {
        epoll::add(
            &poll,
            fd,
            epoll::EventData::new_u64(data),
            epoll::EventFlags::IN,
        )
    };
    watch(listener.as_fd(), LISTENER)?;
    let mut connections: Vec<Connection> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut ready: Vec<epoll::Event> = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match epoll::wait(&poll, spare_capacity(&mut ready), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in ready.drain(..) {
            if event.data.u64() == LISTENER {
                while let Ok((socket, _)) = listener.accept() {
                    socket.set_nonblocking(true)?;
                    socket.set_nodelay(true)?;
                    let at = free.pop().unwrap_or(connections.len());
                    watch(socket.as_fd(), at as u64)?;
                    if at == connections.len() {
                        connections.push(Connection::default());
                    }
                    connections[at].socket = Some(socket);
                }
                continue;
            }
            let at = event.data.u64() as usize;
            let connection = &mut connections[at];
            let Some(mut socket) = connection.socket.as_ref() else {
                continue;
            };
            match socket.read(&mut buffer) {
                Ok(n) if n > 0 => connection.request.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                _ => {
                    connections[at] = Connection::default();
                    free.push(at);
                    continue;
                }
            }
            if let Some(body) = connection.request() {
                for connection in &mut connections {
                    connection.write(&body);
                }
            }
        }
    }
}

impl Connection {
    /// Answers a request that is complete; the body, if it is one that publishes.
    fn request(&mut self) -> Option<Vec<u8>> {
        let socket = self.socket.as_ref()?;
        let end = memchr::memmem::find(&self.request, b"\r\n\r\n")? + 4;
        if self.request.starts_with(b"GET ") {
            self.request = Vec::new();
            self.streams = true;
            let _ = rustix::io::write(socket, HEAD);
            return None;
        }
        const LENGTH: &[u8] = b"Content-Length: ";
        let at = memchr::memmem::find(&self.request[..end], LENGTH)? + LENGTH.len();
        let digits = self.request[at..].iter().take_while(|b| b.is_ascii_digit());
        let length = digits.fold(0, |n, d| n * 10 + usize::from(d - b'0'));
        if self.request.len() < end + length {
            return None;
        }
        let body = self.request[end..end + length].to_vec();
        self.request.drain(..end + length);
        let _ = rustix::io::write(socket, DONE);
        Some(body)
    }

    /// One write. A socket that takes only a part gets the rest with the next tick, and that tick not.
    fn write(&mut self, bytes: &[u8]) {
        let (true, Some(socket)) = (self.streams, &self.socket) else {
            return;
        };
        if !self.rest.is_empty() {
            let written = rustix::io::write(socket, &self.rest).unwrap_or(0);
            self.rest.drain(..written);
            return;
        }
        let written = rustix::io::write(socket, bytes).unwrap_or(0);
        if written < bytes.len() {
            self.rest = bytes[written..].to_vec();
        }
    }
}
