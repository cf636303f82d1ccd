//! One kept-alive HTTP/1.1 connection, blocking: what a query costs must not depend on a client's runtime.

use std::{
    io::{self, BufRead, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context as _, bail};

/// A connection to a server on this machine.
pub struct Http {
    stream: BufReader<TcpStream>,
}

impl Http {
    /// Connects.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, stream),
        })
    }

    /// The body that a path answers with; anything but 2xx is an error.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.send(&get(path))
    }

    /// Sends a whole request, as [`get`] and [`post`] make them, and reads the answer.
    pub fn send(&mut self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (status, mut body) = self.answer(request)?;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        if !(200..300).contains(&status) {
            bail!("status {status}: {}", String::from_utf8_lossy(&bytes));
        }
        Ok(bytes)
    }

    /// The body of an answer that does not end, to be read as it comes.
    pub fn stream(&mut self, path: &str) -> anyhow::Result<impl BufRead> {
        let (status, body) = self.answer(&get(path))?;
        if status != 200 {
            bail!("status {status}");
        }
        Ok(BufReader::new(body))
    }

    fn answer(&mut self, request: &[u8]) -> anyhow::Result<(u16, Body<'_>)> {
        self.stream.get_mut().write_all(request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("no answer but {line:?}"))?;
        let (mut left, mut chunked) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                left = value.trim().parse()?;
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
        }
        let body = Body {
            stream: &mut self.stream,
            left,
            chunked,
        };
        Ok((status, body))
    }
}

/// The rest of an answer.
struct Body<'a> {
    stream: &'a mut BufReader<TcpStream>,
    /// Bytes left, of the chunk if there are chunks.
    left: u64,
    /// Whether another chunk follows.
    chunked: bool,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && self.chunked {
            let mut size = String::new();
            self.stream.read_line(&mut size)?;
            self.left = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            if self.left == 0 {
                self.chunked = false;
                self.stream.read_line(&mut size)?;
            }
        }
        let n = self.stream.by_ref().take(self.left).read(buffer)?;
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        if self.left == 0 && self.chunked {
            self.stream.read_line(&mut String::new())?;
        }
        Ok(n)
    }
}

/// A request for a path.
fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}

/// A request that posts a body; `headers` are whole lines.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
