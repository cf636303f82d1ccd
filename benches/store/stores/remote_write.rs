//! Prometheus's remote write, version 0.1.0: a protobuf message in snappy's block format.
//!
//! `WriteRequest { 1: TimeSeries { 1: Label { 1: name, 2: value }, 2: Sample { 1: double, 2: int64 } } }`

use crate::data::{Batch, Series};

/// What belongs to such a body.
pub const HEADERS: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n";

/// A batch as a message.
pub fn request(series: &[Series], batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, value) in batch.samples() {
        let series = &series[number];
        let mut one = Vec::new();
        // Labels have the order of their names, in which the metric's own comes first.
        label(&mut one, "__name__", &series.name);
        for (name, value) in &series.labels {
            label(&mut one, name, value);
        }
        let mut sample = vec![1 << 3 | 1];
        sample.extend(value.to_le_bytes());
        sample.push(2 << 3);
        varint(&mut sample, batch.timestamp_ms as u64);
        field(&mut one, 2, &sample);
        field(&mut out, 1, &one);
    }
    out
}

fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut label = Vec::new();
    field(&mut label, 1, name.as_bytes());
    field(&mut label, 2, value.as_bytes());
    field(out, 1, &label);
}

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Snappy without compression: nothing but literals, which costs the reader the least.
pub fn snappy(bytes: &[u8]) -> Vec<u8> {
    /// A literal whose length is in the two bytes that follow.
    const LITERAL: u8 = 61 << 2;
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 16);
    varint(&mut out, bytes.len() as u64);
    for chunk in bytes.chunks(1 << 16) {
        out.push(LITERAL);
        out.extend((chunk.len() as u16).wrapping_sub(1).to_le_bytes());
        out.extend(chunk);
    }
    out
}
