//! Events as bytes, in each encoding.

use std::collections::HashMap;

use bytes::Bytes;

use super::{Rendered, cbor};
use crate::{
    model::{Seq, Timestamp},
    series::Series,
    stream::view::{Encoding, Notation},
};

/// A JSON object as one frame of a WebSocket.
pub fn frame(notation: Notation, json: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(json.len() + 10);
    put_frame(&mut bytes, notation, json);
    bytes.into()
}

fn put_frame(bytes: &mut Vec<u8>, notation: Notation, json: &[u8]) {
    match notation {
        Notation::Json => put_payload(bytes, notation, json),
        Notation::Cbor => {
            let mut payload = Vec::with_capacity(json.len());
            cbor::object(&mut payload, json);
            put_payload(bytes, notation, &payload);
        }
    }
}

/// One whole frame from a server: not masked (RFC 6455, 5.2).
pub(super) fn put_payload(bytes: &mut Vec<u8>, notation: Notation, payload: &[u8]) {
    const FIN_TEXT: u8 = 0x81;
    const FIN_BINARY: u8 = 0x82;
    bytes.push(match notation {
        Notation::Json => FIN_TEXT,
        Notation::Cbor => FIN_BINARY,
    });
    match payload.len() {
        short @ 0..=125 => bytes.push(short as u8),
        medium @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
}

/// Ends a body that is sent in chunks (RFC 9112, 7.1).
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Room for a chunk's length in hexadecimal and the end of its line.
const CHUNK_HEAD: usize = 10;

/// A piece of a body as a chunk of HTTP/1.1 (RFC 9112, 7.1).
pub fn chunked(piece: &[u8]) -> Bytes {
    let mut bytes = vec![0; CHUNK_HEAD];
    bytes.extend_from_slice(piece);
    into_chunk(bytes)
}

/// What a chunk holds.
pub fn unchunked(chunk: &Bytes) -> Bytes {
    let head = chunk
        .iter()
        .position(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    chunk.slice(head..chunk.len().saturating_sub(2).max(head))
}

/// `bytes` begins with room for the head. No bytes make no chunk: an empty one would end the body.
fn into_chunk(mut bytes: Vec<u8>) -> Bytes {
    let length = bytes.len() - CHUNK_HEAD;
    if length == 0 {
        return Bytes::new();
    }
    let head = format!("{length:x}\r\n");
    let start = CHUNK_HEAD - head.len();
    bytes[start..CHUNK_HEAD].copy_from_slice(head.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    Bytes::from(bytes).slice(start..)
}

/// Bytes in the making.
pub(super) struct Out<'a> {
    pub(super) bytes: Vec<u8>,
    epoch: &'a str,
    encoding: &'a Encoding,
    payload: Vec<u8>,
}

impl<'a> Out<'a> {
    pub(super) fn new(epoch: &'a str, encoding: &'a Encoding) -> Self {
        Self {
            bytes: Vec::new(),
            epoch,
            encoding,
            payload: Vec::new(),
        }
    }

    /// Of a stretch, which HTTP carries as one chunk: that is made here, once for all clients.
    pub(super) fn of_stretch(epoch: &'a str, encoding: &'a Encoding) -> Self {
        let mut out = Self::new(epoch, encoding);
        if out.is_http() {
            out.bytes.resize(CHUNK_HEAD, 0);
        }
        out
    }

    /// The bytes of a stretch.
    pub(super) fn into_stretch(self) -> Bytes {
        match self.is_http() {
            true => into_chunk(self.bytes),
            false => self.bytes.into(),
        }
    }

    fn is_http(&self) -> bool {
        !matches!(self.encoding, Encoding::Socket(..))
    }

    /// One event: `fields` writes what follows the type.
    pub(super) fn object(
        &mut self,
        event: &str,
        seq: Option<Seq>,
        fields: impl FnOnce(&mut Vec<u8>),
    ) {
        let out = &mut self.bytes;
        match self.encoding {
            Encoding::Sse | Encoding::Page(_) => {
                put(out, &["event: ", event]);
                if let Some(seq) = seq {
                    put(out, &["\nid: ", self.epoch, "-"]);
                    integer(out, seq as i64);
                }
                put(out, &["\ndata: {\"type\":\"", event, "\""]);
                fields(out);
                put(out, &["}\n\n"]);
            }
            Encoding::Ndjson => {
                put(out, &["{\"type\":\"", event, "\""]);
                position(out, self.epoch, seq);
                fields(out);
                put(out, &["}\n"]);
            }
            Encoding::Socket(subscription, notation) => {
                let payload = &mut self.payload;
                payload.clear();
                put(
                    payload,
                    &[
                        "{\"type\":\"",
                        event,
                        "\",\"subscription\":\"",
                        subscription,
                        "\"",
                    ],
                );
                position(payload, self.epoch, seq);
                fields(payload);
                put(payload, &["}"]);
                put_frame(out, *notation, payload);
            }
        }
    }

    pub(super) fn metric(&mut self, seq: Seq, series: &Series, value: f64, time: &str) {
        self.object("metric", Some(seq), |out| {
            put(out, &[","]);
            sample(out, series, value, true);
            put(out, &[",\"timestamp\":\"", time, "\""]);
        });
    }

    /// The samples of one batch as one event, which has the number of the last; empties `samples`.
    pub(super) fn metrics(&mut self, samples: &mut Vec<(Seq, &Series, f64)>, time: &str) {
        let Some(&(last, series, _)) = samples.last() else {
            return;
        };
        if let Encoding::Socket(subscription, Notation::Cbor) = self.encoding {
            self.payload.clear();
            let position = (self.epoch, last);
            cbor::metrics(&mut self.payload, subscription, position, samples, time);
            put_payload(&mut self.bytes, Notation::Cbor, &self.payload);
            samples.clear();
            return;
        }
        self.object("metrics", Some(last), |out| {
            put(
                out,
                &[
                    &series.json_host,
                    ",\"timestamp\":\"",
                    time,
                    "\",\"data\":[",
                ],
            );
            for (i, (_, series, value)) in samples.iter().enumerate() {
                put(out, &[if i == 0 { "{" } else { ",{" }]);
                sample(out, series, *value, false);
                put(out, &["}"]);
            }
            put(out, &["]"]);
        });
        samples.clear();
    }

    /// The fragments that differ from an earlier rendering, as one unnamed message.
    pub(super) fn fragments(&mut self, seq: Seq, now: &Rendered, before: Option<&Rendered>) {
        let known: HashMap<&str, &str> = before
            .iter()
            .flat_map(|r| &r.fragments)
            .map(|(id, html)| (id.as_str(), html.as_str()))
            .collect();
        let mut changed: Vec<&str> = now
            .fragments
            .iter()
            .filter(|(id, html)| known.get(id.as_str()) != Some(&html.as_str()))
            .map(|(_, html)| html.as_str())
            .collect();
        if changed.is_empty() {
            // The first one again: it tells the page that what it shows is still so.
            changed.extend(now.fragments.first().map(|(_, html)| html.as_str()));
        }
        let out = &mut self.bytes;
        put(out, &["id: ", self.epoch, "-"]);
        integer(out, seq as i64);
        // A line ends with CR, LF or both (the SSE specification): none of them may come from within a fragment.
        for line in changed.iter().flat_map(|html| html.split(['\n', '\r'])) {
            let line = line.trim();
            if !line.is_empty() {
                put(out, &["\ndata: ", line]);
            }
        }
        put(out, &["\n\n"]);
    }
}

/// A sample's fields: `"name":…,"value":…,"unit":…`, the host if asked for, the labels if there are any.
pub fn sample(out: &mut Vec<u8>, series: &Series, value: f64, host: bool) {
    put(out, &[&series.json_head]);
    number(out, value);
    put(out, &[&series.json_unit]);
    if host {
        put(out, &[&series.json_host]);
    }
    put(out, &[&series.json_labels]);
}

/// A sample with host and time as a JSON object, as snapshots carry it.
pub fn sample_object(out: &mut Vec<u8>, series: &Series, value: f64, timestamp: Timestamp) {
    put(out, &["{"]);
    sample(out, series, value, true);
    put(out, &[",\"timestamp\":\"", &timestamp.to_string(), "\"}"]);
}

fn position(out: &mut Vec<u8>, epoch: &str, seq: Option<Seq>) {
    if let Some(seq) = seq {
        put(out, &[",\"position\":\"", epoch, "-"]);
        integer(out, seq as i64);
        put(out, &["\""]);
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads back as the same number; whole numbers without a fraction.
pub fn number(out: &mut Vec<u8>, value: f64) {
    match whole(value) {
        Some(value) => integer(out, value),
        None => out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
    }
}

/// A value without a fraction, where every such value is exact.
pub(super) fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_themselves() {
        for value in [0.0, -0.5, 45.2, 97.0, 1e300, 5e-324, 1e16, -9e15, 0.1 + 0.2] {
            let mut out = Vec::new();
            number(&mut out, value);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn a_chunk_says_how_long_it_is_and_gives_back_what_it_holds() {
        for length in [1, 9, 16, 255, 4096, 70_000] {
            let piece = vec![b'\n'; length];
            let chunk = chunked(&piece);
            let head = format!("{length:x}\r\n");
            assert!(chunk.starts_with(head.as_bytes()), "{length}");
            assert!(chunk.ends_with(b"\r\n"));
            assert_eq!(chunk.len(), head.len() + length + 2);
            assert_eq!(unchunked(&chunk), piece);
        }
        assert!(chunked(b"").is_empty());
    }

    #[test]
    fn frames_have_the_three_lengths() {
        let head = |payload: &[u8]| frame(Notation::Json, payload)[..10].to_vec();
        assert_eq!(head(b"eight...")[..2], [0x81, 8]);
        assert_eq!(head(&[b'x'; 126])[..4], [0x81, 126, 0, 126]);
        assert_eq!(head(&[b'x'; 65536]), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(frame(Notation::Cbor, b"[1]"), [0x82, 2, 0x81, 1][..]);
    }
}
