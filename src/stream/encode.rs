//! Stretches of the log as bytes: SSE blocks, NDJSON lines, WebSocket frames, fragments of a page.
//!
//! Every event is one JSON object that begins with its `type`. The text of a sample that never changes is kept with
//! its series; what is written here for each one is its value, its number and its time.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use super::{
    Stream,
    log::{Entry, What},
    view::{Encoding, Samples, Shape, Stretch, View},
};
use crate::{
    model::{Seq, Timestamp},
    series::Series,
};

/// A chunk ends after the event that takes it past this many bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// Entries considered for one chunk, in packed bytes.
const CHUNK_WEIGHT: usize = 256 << 10;
/// The most samples in one event of [`Shape::Batch`].
const BATCH_SAMPLES: usize = 1000;

/// An encoded stretch.
#[derive(Debug)]
pub struct Chunk {
    /// What to send; may be empty.
    pub bytes: Bytes,
    /// It reaches up to here; before the stretch's end when that was too much for one chunk.
    pub upto: Seq,
    /// Events in it that count towards a client's `limit`.
    pub events: u64,
    /// Samples that match but were left out, because a newer one of their series is in it.
    pub skipped: u64,
}

/// A page as it was rendered at a number.
#[derive(Debug)]
pub struct Rendered {
    /// The number.
    pub at: Seq,
    /// Element id and HTML.
    pub fragments: Vec<(String, String)>,
}

/// Encodes a stretch for a view; at most `max_events` events.
pub fn chunk(stream: &Stream, view: &View, stretch: Stretch, max_events: u64) -> Chunk {
    let log = stream.log();
    let spec = &view.spec;
    let weight = match stretch.samples {
        Samples::Newest => usize::MAX,
        _ => CHUNK_WEIGHT,
    };
    let entries = log.range(spec.topics, stretch.after, stretch.upto, weight);
    let mut matches = view.matcher();
    let mut newest = (stretch.samples == Samples::Newest)
        .then(|| newest_of_each(&entries, stretch, |s| matches(s.id, s.key())));
    let mut out = Out::new(log.epoch_text(), &spec.encoding);
    let mut events = 0;
    let mut skipped = 0;
    let mut upto = stretch.after;
    let mut batch: Vec<(Seq, &Series, f64)> = Vec::new();
    let shape = match spec.encoding {
        Encoding::Socket(_) | Encoding::Page(_) => Shape::Batch,
        _ => spec.shape,
    };
    'entries: for entry in &entries {
        if events >= max_events || out.bytes.len() >= CHUNK_BYTES {
            break;
        }
        match &entry.what {
            What::Samples {
                timestamp,
                layout,
                values,
            } => {
                let time = timestamp.to_string();
                for (i, (series, value)) in layout.iter().zip(values).enumerate() {
                    let seq = entry.first + i as Seq;
                    if seq <= stretch.after || seq > stretch.upto {
                        continue;
                    }
                    let wanted =
                        stretch.samples != Samples::None && matches(series.id, series.key());
                    if wanted
                        && newest
                            .as_mut()
                            .is_some_and(|n| n.get(&series.id.0) != Some(&seq))
                    {
                        skipped += 1;
                    } else if wanted {
                        match shape {
                            Shape::Each => {
                                out.metric(seq, series, *value, &time);
                                events += 1;
                            }
                            Shape::Batch => batch.push((seq, series, *value)),
                        }
                    }
                    let full = batch.len() >= BATCH_SAMPLES;
                    if full {
                        out.metrics(&mut batch, &time);
                        events += 1;
                    }
                    upto = seq;
                    if events >= max_events || out.bytes.len() >= CHUNK_BYTES {
                        break 'entries;
                    }
                }
                if !batch.is_empty() {
                    out.metrics(&mut batch, &time);
                    events += 1;
                }
            }
            What::Alert { event, json } => {
                if spec.alert(event) {
                    out.object("alert", Some(entry.first), |b| {
                        b.extend_from_slice(json.as_bytes())
                    });
                    events += 1;
                }
            }
            What::Activity { activity, json } => {
                let page = matches!(spec.encoding, Encoding::Page(_));
                if !page && spec.filter.activity(activity) {
                    out.object("activity", Some(entry.first), |b| {
                        b.extend_from_slice(json.as_bytes());
                    });
                    events += 1;
                }
            }
        }
        upto = entry.last.min(stretch.upto);
    }
    drop(matches);
    let weight_left = entries
        .last()
        .is_none_or(|e| upto >= e.last.min(stretch.upto));
    let whole = weight_left && (weight == usize::MAX || reaches_end(stream, view, stretch, upto));
    if whole {
        upto = stretch.upto;
        if let Some(renderer) = &view.renderer {
            // One rendering for each number: two that differ would make the next difference miss something.
            let rendered = view.rendering_at(upto).unwrap_or_else(|| {
                let rendered = Arc::new(Rendered {
                    at: upto,
                    fragments: renderer(),
                });
                view.remember(rendered.clone());
                rendered
            });
            let before = view.rendering_at(stretch.after);
            out.fragments(upto, &rendered, before.as_deref());
        }
    }
    Chunk {
        bytes: out.bytes.into(),
        upto,
        events,
        skipped,
    }
}

/// Whether nothing of the view's topics is left between `upto` and the end of the stretch.
fn reaches_end(stream: &Stream, view: &View, stretch: Stretch, upto: Seq) -> bool {
    let rest = stream.log().range(view.spec.topics, upto, stretch.upto, 1);
    rest.is_empty()
}

/// The number of the newest matching sample of each series.
fn newest_of_each(
    entries: &[Arc<Entry>],
    stretch: Stretch,
    mut matches: impl FnMut(&Series) -> bool,
) -> HashMap<u32, Seq> {
    let mut newest = HashMap::new();
    for entry in entries {
        if let What::Samples { layout, .. } = &entry.what {
            for (i, series) in layout.iter().enumerate() {
                let seq = entry.first + i as Seq;
                if seq > stretch.after && seq <= stretch.upto && matches(series) {
                    newest.insert(series.id.0, seq);
                }
            }
        }
    }
    newest
}

/// How many samples of a stretch match a view.
pub fn count(stream: &Stream, view: &View, after: Seq, upto: Seq) -> u64 {
    let stretch = Stretch {
        after,
        upto,
        samples: Samples::All,
    };
    let entries = stream
        .log()
        .range(view.spec.topics, after, upto, usize::MAX);
    let mut matches = view.matcher();
    let mut samples = 0;
    for entry in &entries {
        if let What::Samples { layout, .. } = &entry.what {
            let inside = |i: usize| {
                let seq = entry.first + i as Seq;
                seq > stretch.after && seq <= stretch.upto
            };
            let of_entry = layout.iter().enumerate();
            samples += of_entry
                .filter(|(i, series)| inside(*i) && matches(series.id, series.key()))
                .count() as u64;
        }
    }
    samples
}

/// An event that is this client's alone: `heartbeat`, `lagged`, `reset`, `end`, `status`. `fields` is JSON that follows
/// the type, like `,"skipped":3`.
pub fn control(
    stream: &Stream,
    encoding: &Encoding,
    event: &str,
    seq: Option<Seq>,
    fields: &str,
) -> Bytes {
    let mut out = Out::new(stream.log().epoch_text(), encoding);
    out.object(event, seq, |bytes| {
        bytes.extend_from_slice(fields.as_bytes())
    });
    out.bytes.into()
}

/// An SSE block that carries a position and no event.
pub fn id_only(stream: &Stream, seq: Seq) -> Bytes {
    format!("id: {}\n\n", stream.log().at(seq)).into()
}

/// A text frame of a WebSocket, from a server: not masked (RFC 6455, 5.2).
pub fn text_frame(payload: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    frame(&mut bytes, payload);
    bytes.into()
}

fn frame(bytes: &mut Vec<u8>, payload: &[u8]) {
    const FIN_TEXT: u8 = 0x81;
    bytes.push(FIN_TEXT);
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

/// Bytes in the making.
struct Out<'a> {
    bytes: Vec<u8>,
    epoch: &'a str,
    encoding: &'a Encoding,
    payload: Vec<u8>,
}

impl<'a> Out<'a> {
    fn new(epoch: &'a str, encoding: &'a Encoding) -> Self {
        Self {
            bytes: Vec::new(),
            epoch,
            encoding,
            payload: Vec::new(),
        }
    }

    /// One event: `fields` writes what follows the type.
    fn object(&mut self, event: &str, seq: Option<Seq>, fields: impl FnOnce(&mut Vec<u8>)) {
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
            Encoding::Socket(subscription) => {
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
                frame(out, payload);
            }
        }
    }

    fn metric(&mut self, seq: Seq, series: &Series, value: f64, time: &str) {
        self.object("metric", Some(seq), |out| {
            put(out, &[","]);
            sample(out, series, value, true);
            put(out, &[",\"timestamp\":\"", time, "\""]);
        });
    }

    /// The samples of one batch as one event, which has the number of the last; empties `samples`.
    fn metrics(&mut self, samples: &mut Vec<(Seq, &Series, f64)>, time: &str) {
        let Some(&(last, series, _)) = samples.last() else {
            return;
        };
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
    fn fragments(&mut self, seq: Seq, now: &Rendered, before: Option<&Rendered>) {
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
fn number(out: &mut Vec<u8>, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        integer(out, value as i64);
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
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
    fn frames_have_the_three_lengths() {
        assert_eq!(text_frame(b"hi")[..2], [0x81, 2]);
        assert_eq!(text_frame(&[b'x'; 126])[..4], [0x81, 126, 0, 126]);
        assert_eq!(
            text_frame(&[b'x'; 65536])[..10],
            [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }
}
