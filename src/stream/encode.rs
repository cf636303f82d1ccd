//! Stretches of the log as bytes: SSE blocks, NDJSON lines, WebSocket frames, fragments of a page.
//!
//! Every event is one JSON object that begins with its `type`. The text of a sample that never changes is kept with
//! its series; what is written here for each one is its value, its number and its time. A socket may have the same
//! objects as CBOR.

mod cbor;
mod list;
mod write;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use self::write::Out;
pub use self::{
    list::List,
    write::{LAST_CHUNK, chunked, frame, number, sample_object, unchunked},
};
use super::{
    Stream,
    view::{Encoding, Samples, Shape, Stretch, View},
};
use crate::{
    entry::{Entry, What},
    model::{Position, Seq},
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
    /// What to send, over HTTP as one chunk of HTTP/1.1; may be empty.
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
    let mut written = write_entries(
        log.epoch_text(),
        view,
        &entries,
        stretch,
        max_events,
        |series| matches(series.id, series.key()),
    );
    drop(matches);
    let upto = written.upto;
    let weight_left = entries
        .last()
        .is_none_or(|e| upto >= e.last.min(stretch.upto));
    let whole = weight_left && (weight == usize::MAX || reaches_end(stream, view, stretch, upto));
    if whole {
        written.upto = stretch.upto;
        if let Some(renderer) = &view.renderer {
            let upto = stretch.upto;
            // One rendering for each number: two that differ would make the next difference miss something.
            let rendered = view.rendering_at(upto).unwrap_or_else(|| {
                let rendered = Arc::new(Rendered {
                    at: upto,
                    fragments: renderer(&entries, true),
                });
                view.remember(rendered.clone());
                rendered
            });
            let before = view.rendering_at(stretch.after);
            written.out.fragments(upto, &rendered, before.as_deref());
        }
    }
    written.into_chunk()
}

/// Encodes entries for a view, from `after` to `upto`, those samples whose series `fits`; at most `max_events` events. They
/// are of the life that `epoch` names. A page is drawn as it was then, behind the last of them.
pub fn past(
    epoch: &str,
    view: &View,
    entries: &[Arc<Entry>],
    (after, upto): (Seq, Seq),
    max_events: u64,
    fits: impl FnMut(&Series) -> bool,
) -> Chunk {
    let stretch = Stretch {
        after,
        upto,
        samples: Samples::All,
    };
    let mut written = write_entries(epoch, view, entries, stretch, max_events, fits);
    if entries
        .last()
        .is_none_or(|e| written.upto >= e.last.min(upto))
    {
        written.upto = upto;
    }
    if let Some(renderer) = &view.renderer {
        // What is not whole yet comes once more.
        let sent = entries.iter().filter(|entry| entry.last > after);
        let whole: Vec<_> = sent.filter(|e| e.last <= written.upto).cloned().collect();
        let is_end = written.upto >= upto;
        let fragments = renderer(&whole, is_end);
        if is_end {
            let before = view.newest_rendering();
            let rendered = Arc::new(Rendered {
                at: upto,
                fragments,
            });
            view.remember(rendered.clone());
            written.out.fragments(upto, &rendered, before.as_deref());
        }
    }
    written.into_chunk()
}

struct Written<'a> {
    out: Out<'a>,
    upto: Seq,
    events: u64,
    skipped: u64,
}

impl Written<'_> {
    fn into_chunk(self) -> Chunk {
        Chunk {
            bytes: self.out.into_stretch(),
            upto: self.upto,
            events: self.events,
            skipped: self.skipped,
        }
    }
}

/// Writes what of `entries` is in a stretch and wanted, until there is enough for one chunk.
fn write_entries<'a>(
    epoch: &'a str,
    view: &'a View,
    entries: &[Arc<Entry>],
    stretch: Stretch,
    max_events: u64,
    mut matches: impl FnMut(&Series) -> bool,
) -> Written<'a> {
    let spec = &view.spec;
    let mut newest = (stretch.samples == Samples::Newest)
        .then(|| newest_of_each(entries, stretch, &mut matches));
    let mut out = Out::of_stretch(epoch, &spec.encoding);
    let mut events = 0;
    let mut skipped = 0;
    let mut upto = stretch.after;
    let mut batch: Vec<(Seq, &Series, f64)> = Vec::new();
    let shape = match spec.encoding {
        Encoding::Socket(..) | Encoding::Page(_) => Shape::Batch,
        _ => spec.shape,
    };
    'entries: for entry in entries {
        if events >= max_events || out.bytes.len() >= CHUNK_BYTES {
            break;
        }
        match &entry.what {
            What::Samples {
                timestamp,
                layout,
                values,
                ..
            } => {
                let time = timestamp.to_string();
                for (i, (series, value)) in layout.iter().zip(values).enumerate() {
                    let seq = entry.number(i);
                    if seq <= stretch.after || seq > stretch.upto {
                        continue;
                    }
                    let wanted = stretch.samples != Samples::None && matches(series);
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
            What::Delivery { json, .. } => {
                if !matches!(spec.encoding, Encoding::Page(_)) {
                    out.object("notification", Some(entry.first), |b| {
                        b.extend_from_slice(json.as_bytes());
                    });
                    events += 1;
                }
            }
        }
        upto = entry.last.min(stretch.upto);
    }
    Written {
        out,
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
                let seq = entry.number(i);
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
                let seq = entry.number(i);
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
    encoding: &Encoding,
    event: &str,
    position: Option<Position>,
    fields: &str,
) -> Bytes {
    let epoch = position.map(|position| position.epoch.to_string());
    let mut out = Out::new(epoch.as_deref().unwrap_or_default(), encoding);
    out.object(event, position.map(|position| position.seq), |bytes| {
        bytes.extend_from_slice(fields.as_bytes())
    });
    out.bytes.into()
}

/// An SSE block that carries a position and no event.
pub fn id_only(position: Position) -> Bytes {
    format!("id: {position}\n\n").into()
}
