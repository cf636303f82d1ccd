//! CBOR (RFC 8949) written into memory, and the CBOR of a series that never changes.

use std::convert::Infallible;

use cbor4ii::core::{
    enc::{Encode, Error, Write},
    major, types,
};

use crate::model::SeriesSpec;

/// The parts of a sample in a batch: map, head, value, tail.
#[derive(Debug)]
pub struct Parts {
    /// The head of its map; with two more pairs it is two more.
    pub map: u8,
    /// `"name": "…"`, and the key `"value"`.
    pub head: Box<[u8]>,
    /// `"unit": "…"`, then the labels if there are any.
    pub tail: Box<[u8]>,
    /// `"host": "…"`.
    pub host: Box<[u8]>,
}

impl Parts {
    pub(super) fn new(spec: &SeriesSpec) -> Self {
        let key = &spec.key;
        let labelled = !key.labels.is_empty();
        let (mut head, mut tail, mut host) = (Vec::new(), Vec::new(), Vec::new());
        texts(&mut head, &["name", key.name.as_str(), "value"]);
        texts(&mut tail, &["unit", spec.unit.as_str()]);
        if labelled {
            texts(&mut tail, &["labels"]);
            map(&mut tail, key.labels.iter().len());
            for (name, value) in key.labels.iter() {
                texts(&mut tail, &[name, value]);
            }
        }
        texts(&mut host, &["host", key.host.as_str()]);
        Self {
            map: major::MAP << 5 | (3 + u8::from(labelled)),
            head: head.into(),
            tail: tail.into(),
            host: host.into(),
        }
    }
}

struct Memory<'a>(&'a mut Vec<u8>);

impl Write for Memory<'_> {
    type Error = Infallible;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }
}

/// Any item that the library can write.
#[inline]
pub fn item(out: &mut Vec<u8>, item: impl Encode) {
    done(item.encode(&mut Memory(out)));
}

/// Texts, one after the other.
#[inline]
pub fn texts(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        item(out, *text);
    }
}

/// A text in pieces.
#[inline]
pub fn text_of(out: &mut Vec<u8>, pieces: &[&str]) {
    let bytes = pieces.iter().map(|piece| piece.len()).sum();
    done(types::UncheckedStr::bounded(bytes, &mut Memory(out)));
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// The head of a map of so many pairs, which follow.
#[inline]
pub fn map(out: &mut Vec<u8>, pairs: usize) {
    done(types::Map::bounded(pairs, &mut Memory(out)));
}

/// The head of an array of so many items, which follow.
#[inline]
pub fn array(out: &mut Vec<u8>, items: usize) {
    done(types::Array::bounded(items, &mut Memory(out)));
}

#[inline]
fn done(written: Result<(), Error<Infallible>>) {
    debug_assert!(written.is_ok(), "writing into memory cannot fail");
}
