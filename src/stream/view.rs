//! A view: filter + shape + rate + encoding. Clients that ask for the same thing share one, and with it every byte.
//!
//! A stretch of the log is encoded once for each view, by the first worker that needs it, and kept for the others
//! ([`View::chunk`]). The cache of a view is bounded (64 KiB); what it drops is encoded again, and counted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    Stream,
    encode::{self, Chunk, Rendered},
    filter::{Filter, Topic, Topics},
};
use crate::{
    entry::{Entry, What, past::Fits},
    model::{AlertEvent, Seq, SeriesId, SeriesKey, Timestamp},
    series::Series,
};

/// Encoded bytes kept by one view, beyond its newest chunk.
const CACHE_BYTES: usize = 64 << 10;
/// Chunks kept by one view.
const CACHE_CHUNKS: usize = 16;
/// How many renderings of a page are remembered, to send only what changed since.
const RENDERINGS: usize = 4;

/// How samples are put into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shape {
    /// One event a sample.
    #[default]
    Each,
    /// One event a batch.
    Batch,
}

/// A page that is shown: which one, and about which host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Page {
    /// Its name: `overview`, `host`, …
    pub name: &'static str,
    /// The host it is about; empty for all.
    pub host: String,
    /// The number of a playback, which is its viewer's alone; none where the page shows the present.
    pub playback: Option<u64>,
}

/// What a socket's frames are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// JSON in text frames.
    Json,
    /// CBOR in binary frames.
    Cbor,
}

/// How events become bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `text/event-stream`.
    Sse,
    /// One JSON object a line.
    Ndjson,
    /// WebSocket frames, with header, for the subscription of this name.
    Socket(Arc<str>, Notation),
    /// A page's own stream: rendered fragments, and the samples of its charts.
    Page(Page),
}

/// What a client asks for; equal specs are one view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewSpec {
    /// The events wanted.
    pub topics: Topics,
    /// The conditions on them.
    pub filter: Filter,
    /// How samples are put into events.
    pub shape: Shape,
    /// The least time between two flushes while live, aligned to the clock; zero: each tick at once.
    pub period: Duration,
    /// How events become bytes.
    pub encoding: Encoding,
}

/// Which bytes: the stretch `after+1..=upto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Seen up to here.
    pub after: Seq,
    /// Wanted up to here.
    pub upto: Seq,
    /// How much of the samples; alerts and activity are always whole.
    pub samples: Samples,
}

impl ViewSpec {
    /// Whether the samples of a series belong to this view.
    pub fn series(&self, key: &SeriesKey) -> bool {
        self.filter.series(key) && self.is_of_page(key)
    }

    /// Whether the samples of a series are read from the store for this view. Who draws a page of the past needs more
    /// than its charts are sent.
    pub fn reads(&self, key: &SeriesKey) -> bool {
        match &self.encoding {
            Encoding::Page(page) if page.playback.is_some() => self.is_of_page(key),
            _ => self.series(key),
        }
    }

    /// The least time between two pieces of a replay that has a pace: only a page that is drawn anew for each needs one.
    pub fn rest(&self) -> Duration {
        match &self.encoding {
            Encoding::Page(_) => self.period,
            _ => Duration::ZERO,
        }
    }

    /// The page of one host shows that host alone.
    fn is_of_page(&self, key: &SeriesKey) -> bool {
        match &self.encoding {
            Encoding::Page(page) => page.host.is_empty() || page.host == key.host.as_str(),
            _ => true,
        }
    }

    /// Whether an alert event belongs to this view. A page shows those of its hosts, whatever its charts show.
    pub fn alert(&self, event: &AlertEvent) -> bool {
        match self.encoding {
            Encoding::Page(_) => self.is_of_page(&event.series),
            _ => self.filter.alert(event),
        }
    }
}

/// How much of the samples of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// All of them.
    All,
    /// The newest of each series.
    Newest,
    /// None.
    None,
}

/// What makes the fragments of a page: pairs of element id and HTML. It is told what happened since it was asked last, which
/// one that draws the present knows already, and whether they are wanted now.
pub type Renderer = dyn Fn(&[Arc<Entry>], bool) -> Vec<(String, String)> + Send + Sync;

/// A spec in use, and what its clients share.
pub struct View {
    /// What it is of.
    pub spec: ViewSpec,
    /// Only with [`Encoding::Page`].
    pub(super) renderer: Option<Box<Renderer>>,
    cache: Mutex<VecDeque<Cached>>,
    flush: Mutex<Flush>,
    matches: Mutex<Vec<Option<bool>>>,
    renderings: Mutex<VecDeque<Arc<Rendered>>>,
    reads: OnceLock<Arc<Fits>>,
}

#[derive(Debug)]
struct Cached {
    stretch: Stretch,
    chunk: Arc<OnceLock<Arc<Chunk>>>,
}

/// How far a view with a rate has been flushed.
#[derive(Debug, Default)]
struct Flush {
    /// The period, counted from 1970, in which it was flushed last.
    period: i64,
    /// Up to here.
    upto: Seq,
    /// No matching alert waits up to here.
    scanned: Seq,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("View").field(&self.spec).finish()
    }
}

impl View {
    fn new(spec: ViewSpec, renderer: Option<Box<Renderer>>) -> Self {
        Self {
            spec,
            renderer,
            cache: Mutex::default(),
            flush: Mutex::default(),
            matches: Mutex::default(),
            renderings: Mutex::default(),
            reads: OnceLock::new(),
        }
    }

    /// The bytes of a stretch: from the cache, or encoded now for all who ask.
    pub fn chunk(&self, stream: &Stream, stretch: Stretch) -> Arc<Chunk> {
        let cell = {
            let mut cache = self.cache.lock();
            if let Some(cached) = cache.iter().rev().find(|c| c.stretch == stretch) {
                cached.chunk.clone()
            } else {
                let chunk = Arc::new(OnceLock::new());
                let kept = |c: &Cached| c.chunk.get().map_or(0, |chunk| chunk.bytes.len());
                let mut bytes: usize = cache.iter().map(kept).sum();
                while cache.len() >= CACHE_CHUNKS || bytes > CACHE_BYTES {
                    bytes -= cache.pop_front().as_ref().map_or(0, kept);
                }
                cache.push_back(Cached {
                    stretch,
                    chunk: chunk.clone(),
                });
                chunk
            }
        };
        cell.get_or_init(|| {
            let begun = Instant::now();
            let chunk = encode::chunk(stream, self, stretch, u64::MAX);
            stream
                .counters()
                .encoded(begun.elapsed(), chunk.bytes.len());
            Arc::new(chunk)
        })
        .clone()
    }

    /// The same as [`ViewSpec::reads`]; one for all clients, so that what is unpacked for one is at hand for the others.
    pub(super) fn reads(&self) -> Arc<Fits> {
        let reads = self.reads.get_or_init(|| {
            let spec = self.spec.clone();
            Arc::new(move |series: &Series| spec.reads(series.key()))
        });
        reads.clone()
    }

    /// How far a live client of this view may read now: the head, or with a rate the head as it was when the clock
    /// last crossed a period, or an alert came.
    pub fn target(&self, stream: &Stream, now: Timestamp) -> Seq {
        let head = stream.log().head();
        let Some(period) = self.period(now) else {
            return head;
        };
        let mut flush = self.flush.lock();
        let alert = self.spec.topics.contains(Topic::Alerts)
            && stream.log().last_alert() > flush.scanned
            && self.has_alert(stream, flush.scanned, head);
        flush.scanned = head;
        if period > flush.period || alert {
            flush.period = period;
            flush.upto = head;
        }
        flush.upto
    }

    /// When a view with a rate may flush next; `None` without a rate.
    pub fn next_flush(&self, now: Timestamp) -> Option<Duration> {
        let period = self.spec.period.as_millis() as i64;
        (period > 0).then(|| {
            let into = now.as_millis().rem_euclid(period);
            Duration::from_millis((period - into) as u64)
        })
    }

    fn period(&self, now: Timestamp) -> Option<i64> {
        let period = self.spec.period.as_millis() as i64;
        (period > 0).then(|| now.as_millis().div_euclid(period))
    }

    fn has_alert(&self, stream: &Stream, after: Seq, upto: Seq) -> bool {
        let alerts = Topics::of(&[Topic::Alerts]);
        let entries = stream.log().range(alerts, after, upto, usize::MAX);
        entries.iter().any(|entry| match &entry.what {
            What::Alert { event, .. } => self.spec.alert(event),
            _ => false,
        })
    }

    /// Whether samples of a series pass the filter; remembered by id.
    pub(super) fn matcher(&self) -> impl FnMut(SeriesId, &SeriesKey) -> bool {
        let mut known = self.matches.lock();
        let spec = &self.spec;
        move |id, key| {
            if known.len() <= id.index() {
                known.resize(id.index() + 1, None);
            }
            *known[id.index()].get_or_insert_with(|| spec.series(key))
        }
    }

    /// The rendering of a page as it was at a number, if it is remembered.
    pub(super) fn rendering_at(&self, seq: Seq) -> Option<Arc<Rendered>> {
        let renderings = self.renderings.lock();
        renderings.iter().rev().find(|r| r.at == seq).cloned()
    }

    /// The newest rendering that is remembered.
    pub(super) fn newest_rendering(&self) -> Option<Arc<Rendered>> {
        self.renderings.lock().back().cloned()
    }

    /// Remembers a rendering.
    pub(super) fn remember(&self, rendered: Arc<Rendered>) {
        let mut renderings = self.renderings.lock();
        while renderings.len() >= RENDERINGS {
            renderings.pop_front();
        }
        renderings.push_back(rendered);
    }
}

/// The views in use, by spec. A view lives as long as somebody looks.
#[derive(Debug)]
pub struct Views {
    by_spec: Mutex<HashMap<ViewSpec, Weak<View>>>,
    max: usize,
}

/// There are `max` different views in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{max} different views are in use, and this is none of them")]
pub struct TooManyViews {
    /// The limit.
    pub max: usize,
}

impl Views {
    /// At most `max` at once.
    pub fn new(max: usize) -> Self {
        Self {
            by_spec: Mutex::default(),
            max,
        }
    }

    /// The view of a spec: the one in use, or a new one. `renderer` is for [`Encoding::Page`].
    pub fn get(
        &self,
        spec: ViewSpec,
        renderer: Option<Box<Renderer>>,
    ) -> Result<Arc<View>, TooManyViews> {
        let mut views = self.by_spec.lock();
        if let Some(view) = views.get(&spec).and_then(Weak::upgrade) {
            return Ok(view);
        }
        if views.len() >= self.max {
            views.retain(|_, view| view.strong_count() > 0);
            if views.len() >= self.max {
                return Err(TooManyViews { max: self.max });
            }
        }
        let view = Arc::new(View::new(spec.clone(), renderer));
        views.insert(spec, Arc::downgrade(&view));
        Ok(view)
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        let mut views = self.by_spec.lock();
        views.retain(|_, view| view.strong_count() > 0);
        views.len()
    }
}
