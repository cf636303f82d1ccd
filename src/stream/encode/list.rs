//! Samples of many series and times as one list in a frame: the windows in memory, the newest values.

use bytes::Bytes;

use super::{
    cbor,
    write::{frame, put_payload, sample_object},
};
use crate::{
    model::Timestamp,
    series::{
        Series,
        cbor::{array, texts},
    },
    stream::view::Notation,
};

/// Such a list in the making.
#[derive(Debug)]
pub struct List {
    notation: Notation,
    data: Vec<u8>,
    count: usize,
}

impl List {
    /// Without samples yet.
    pub fn new(notation: Notation) -> Self {
        Self {
            notation,
            data: Vec::new(),
            count: 0,
        }
    }

    /// How many samples are in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a sample, with its host.
    pub fn push(&mut self, series: &Series, value: f64, timestamp: Timestamp) {
        match self.notation {
            Notation::Json => {
                if self.count > 0 {
                    self.data.push(b',');
                }
                sample_object(&mut self.data, series, value, timestamp);
            }
            Notation::Cbor => {
                cbor::sample_object(&mut self.data, series, value, &timestamp.to_string());
            }
        }
        self.count += 1;
    }

    /// The frame of an object that has this list as its `data`, and other fields, as JSON: `"type":"…"` and so on
    /// before it, `,"done":true` after it.
    pub fn frame(self, before: &str, after: &str) -> Bytes {
        match self.notation {
            Notation::Json => {
                let before = format!("{{{before},\"data\":[");
                let after = format!("]{after}}}");
                let json = [before.as_bytes(), &self.data, after.as_bytes()].concat();
                frame(self.notation, &json)
            }
            Notation::Cbor => {
                let mut payload = Vec::with_capacity(self.data.len() + 256);
                cbor::object(&mut payload, format!("{{{before}{after}}}").as_bytes());
                // One more pair in a map that has a few; in a map, the order is nobody's.
                payload[0] += 1;
                texts(&mut payload, &["data"]);
                array(&mut payload, self.count);
                payload.extend_from_slice(&self.data);
                let mut bytes = Vec::with_capacity(payload.len() + 10);
                put_payload(&mut bytes, Notation::Cbor, &payload);
                bytes.into()
            }
        }
    }
}
