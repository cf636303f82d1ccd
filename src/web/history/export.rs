//! An answer in pieces: read and written on a reading thread, the next when the one before was taken.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::{
    Group,
    query::{Figure, HistoryQuery},
    write,
};
use crate::{
    entry::pending::{Busy, Pending},
    model::{Position, Timestamp},
    store::{
        block::ReadError,
        history::{self, Figures, Past, Query, Step},
        readers::Readers,
    },
    web::problem::Problem,
};

/// Pieces that are read at once, for an answer.
const AT_ONCE: usize = 2;
/// Series read at once where they are put into steps.
const SERIES: usize = 16;
/// How much time is read at once of a series whose every sample is wanted, in milliseconds: half a day.
const SLICE: i64 = 12 * 3_600_000;

/// A piece that is being read and written.
type Written = Pending<Result<Text, ReadError>>;

/// A piece as it is written.
struct Text {
    bytes: Vec<u8>,
    /// It is the first of its series.
    begins: bool,
    is_empty: bool,
}

/// One piece of reading.
struct Piece {
    groups: Vec<Group>,
    from: Timestamp,
    to: Timestamp,
    /// It is the first, or the last, of its series.
    begins: bool,
    ends: bool,
}

/// See the module.
pub struct Export {
    readers: Readers,
    query: Arc<HistoryQuery>,
    step: Option<Step>,
    position: Position,
    pieces: VecDeque<Piece>,
    /// What is being read, in order; so many at once as there are threads that read.
    pending: VecDeque<Written>,
    ready: Option<Bytes>,
    /// Series that were begun.
    series: usize,
    /// Nothing of the series that was begun last was in a piece yet.
    is_empty: bool,
    begun: bool,
    over: bool,
}

impl Export {
    /// Of these series.
    pub fn new(
        readers: Readers,
        query: Arc<HistoryQuery>,
        groups: Vec<Group>,
        step: Option<Step>,
        position: Position,
    ) -> Self {
        let mut pieces = VecDeque::new();
        if step.is_some() {
            pieces.extend(groups.chunks(SERIES).map(|groups| Piece {
                groups: groups.to_vec(),
                from: query.from,
                to: query.to,
                begins: true,
                ends: true,
            }));
        } else {
            for group in groups {
                pieces.extend(slices(&query, group));
            }
        }
        Self {
            readers,
            query,
            step,
            position,
            pieces,
            pending: VecDeque::new(),
            ready: None,
            series: 0,
            is_empty: true,
            begun: false,
            over: false,
        }
    }

    /// With its first piece.
    pub async fn begun(mut self) -> Result<Self, Problem> {
        let head = write::head(&self.query, self.position);
        let mut first = head;
        self.ask().map_err(busy)?;
        if let Some(pending) = self.pending.pop_front() {
            let read = pending.await.map_err(busy)?;
            let read = read.map_err(|error| {
                tracing::error!(%error, "the history cannot be read");
                Problem::internal()
            })?;
            first.extend(self.following(read));
        }
        self.begun = true;
        self.ready = Some(first.into());
        Ok(self)
    }

    /// Has the next pieces read.
    fn ask(&mut self) -> Result<(), Busy> {
        while self.pending.len() < AT_ONCE
            && let Some(pending) = self.next()?
        {
            self.pending.push_back(pending);
        }
        Ok(())
    }

    /// Has the next piece read; none when that was the last.
    fn next(&mut self) -> Result<Option<Written>, Busy> {
        let Some(piece) = self.pieces.pop_front() else {
            return Ok(None);
        };
        let before = self.series;
        if piece.begins {
            self.series += piece.groups.len();
        }
        let (query, step) = (self.query.clone(), self.step);
        let pending = self.readers.read(move |stored| {
            let queries: Vec<Query> = piece
                .groups
                .iter()
                .map(|group| Query {
                    series: group.iter().map(|known| known.number).collect(),
                    from: piece.from,
                    to: piece.to,
                    step,
                    figures: figures_of(&query),
                })
                .collect();
            let found = history::read(stored, &queries)?;
            let mut bytes = Vec::new();
            let is_empty = found.iter().all(Past::is_empty);
            for (i, (group, past)) in piece.groups.iter().zip(found).enumerate() {
                let part = write::Part {
                    begins: piece.begins,
                    ends: piece.ends,
                    index: before + i,
                };
                write::series(&mut bytes, &query, step, group, &past, part);
            }
            Ok(Text {
                bytes,
                begins: piece.begins,
                is_empty,
            })
        });
        pending.map(Some)
    }

    /// A piece as it follows those before: the first point of a series, wherever it comes, has no comma before it.
    fn following(&mut self, mut text: Text) -> Vec<u8> {
        if !text.begins && self.is_empty && text.bytes.first() == Some(&b',') {
            text.bytes.remove(0);
        }
        self.is_empty = text.is_empty && (text.begins || self.is_empty);
        text.bytes
    }
}

/// All of one series, a slice of time after the other.
fn slices(query: &HistoryQuery, group: Group) -> Vec<Piece> {
    let (from, to) = (query.from.as_millis(), query.to.as_millis());
    // Not before its first sample, nor behind its last: most of a long time may be empty.
    let first = group.iter().map(|known| known.first.as_millis()).min();
    let last = group.iter().map(|known| known.last.as_millis()).max();
    let from = from.max(first.unwrap_or(from) - 3_600_000);
    let to = to.min(last.unwrap_or(to).saturating_add(3_600_000));
    let count = ((to - from).max(1) + SLICE - 1) / SLICE;
    let slice = |i: i64| Piece {
        groups: vec![group.clone()],
        from: Timestamp::from_millis(from + i * SLICE),
        to: Timestamp::from_millis((from + (i + 1) * SLICE).min(to)),
        begins: i == 0,
        ends: i == count - 1,
    };
    (0..count).map(slice).collect()
}

/// What has to be read for what is asked for.
fn figures_of(query: &HistoryQuery) -> Figures {
    let has = |figures: &[Figure]| figures.iter().any(|figure| query.figures.contains(figure));
    Figures {
        bounds: has(&[Figure::Min, Figure::Max]),
        sum: has(&[Figure::Avg, Figure::Sum]),
        last: has(&[Figure::Last]),
    }
}

fn busy(busy: Busy) -> Problem {
    Problem::busy(busy.to_string())
}

impl MessageBody for Export {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            if let Some(ready) = self.ready.take().filter(|ready| !ready.is_empty()) {
                return Poll::Ready(Some(Ok(ready)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            if let Err(error) = self.ask() {
                return Poll::Ready(Some(Err(error.into())));
            }
            let Some(pending) = self.pending.front() else {
                self.over = true;
                self.ready = Some(write::tail(&self.query).into());
                continue;
            };
            let Some(answer) = pending.take() else {
                pending.park(cx.waker());
                return Poll::Pending;
            };
            self.pending.pop_front();
            match answer {
                Ok(Ok(piece)) => self.ready = Some(self.following(piece).into()),
                // The answer breaks off: nothing that is whole is promised.
                Ok(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}
