//! An answer in pieces, each of which is short to read and is written by itself: so it is never whole in memory.

use std::{collections::VecDeque, sync::Arc};

use super::{
    query::{Figure, HistoryQuery, Resolution},
    write,
};
use crate::{
    model::{Position, SeriesKey, Timestamp},
    store::{
        block::ReadError,
        catalogue::{Catalogue, Known},
        history::{self, Figures, Query, Step},
        readers::Stored,
    },
};

/// Series read at once where they are put into steps; fewer where samples of more than a day have to be read for that.
const SERIES: i64 = 16;
const DAY: i64 = 24 * 3_600_000;
/// How much time is read at once of a series whose every sample is wanted, in milliseconds: half a day.
const SLICE: i64 = 12 * 3_600_000;

/// A series as it is answered: known by one number, or by several where its unit or source was another once.
pub type Group = Vec<Known>;

/// What is to be read and written; an iterator over it.
pub struct Plan {
    query: Arc<HistoryQuery>,
    step: Option<Step>,
    pieces: VecDeque<Extent>,
    series: usize,
    /// Series of the pieces that were given out.
    begun: usize,
}

/// What a piece is of.
struct Extent {
    groups: Vec<Group>,
    from: Timestamp,
    to: Timestamp,
    /// It is the first, or the last, of its series.
    begins: bool,
    ends: bool,
}

/// One piece; can be read on another thread.
pub struct Piece {
    query: Arc<HistoryQuery>,
    step: Option<Step>,
    extent: Extent,
    /// How many series come before it.
    before: usize,
}

/// A piece as it is written; [`Joined`] puts those of a plan together.
pub struct Text {
    bytes: Vec<u8>,
    /// It is the first of its series.
    begins: bool,
    is_empty: bool,
}

/// Pieces one after the other, whatever is in them.
#[derive(Debug, Default)]
pub struct Joined {
    /// The series that was begun last has a row.
    has_row: bool,
}

impl Joined {
    /// A piece as it follows those before: the first row of a series, in whichever piece it is, has no comma before it.
    pub fn with(&mut self, mut text: Text) -> Vec<u8> {
        self.has_row &= !text.begins;
        if !text.begins && !self.has_row && text.bytes.first() == Some(&b',') {
            text.bytes.remove(0);
        }
        self.has_row |= !text.is_empty;
        text.bytes
    }
}

impl Plan {
    /// Of the series that fit and have something in the time that is asked for, by name.
    pub fn new(query: HistoryQuery, catalogue: &Catalogue) -> Self {
        let fits = |key: &SeriesKey| query.filter.series(key);
        let groups = matching(catalogue, (query.from, query.to), fits);
        let span = query.to.since(query.from).as_millis() as i64;
        let step = match query.resolution {
            Resolution::Raw => None,
            Resolution::Points(points) => Some(Step::about((span - 1) / points as i64 + 1, points)),
            Resolution::Step(step) => Some(Step::exact(step.as_millis() as i64)),
        };
        let series = groups.len();
        let pieces = match step {
            None => groups.into_iter().flat_map(|g| slices(&query, g)).collect(),
            Some(step) => {
                let at_once = match step.tier {
                    0 => (SERIES * DAY / span.max(1)).clamp(1, SERIES),
                    _ => SERIES,
                };
                let several = groups.chunks(at_once as usize).map(|groups| Extent {
                    groups: groups.to_vec(),
                    from: query.from,
                    to: query.to,
                    begins: true,
                    ends: true,
                });
                several.collect()
            }
        };
        Self {
            query: Arc::new(query),
            step,
            pieces,
            series,
            begun: 0,
        }
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.series
    }

    /// How many stretches each of them may have; none where they are samples.
    pub fn steps(&self) -> Option<usize> {
        let span = self.query.to.since(self.query.from).as_millis() as i64;
        let steps = self.step.map(|step| span / step.millis);
        steps.map(|steps| usize::try_from(steps).unwrap_or(usize::MAX))
    }

    /// What the answer begins with.
    pub fn head(&self, position: Position) -> Vec<u8> {
        write::head(&self.query, position)
    }

    /// What it ends with.
    pub fn tail(&self) -> &'static [u8] {
        write::tail(&self.query)
    }
}

impl Iterator for Plan {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let extent = self.pieces.pop_front()?;
        let before = self.begun;
        if extent.begins {
            self.begun += extent.groups.len();
        }
        Some(Piece {
            query: self.query.clone(),
            step: self.step,
            extent,
            before,
        })
    }
}

impl Piece {
    /// Reads it.
    pub fn read(&self, stored: &Stored<'_>) -> Result<Text, ReadError> {
        let Extent {
            groups,
            from,
            to,
            begins,
            ends,
        } = &self.extent;
        let query = |group: &Group| Query {
            series: group.iter().map(|known| known.number).collect(),
            from: *from,
            to: *to,
            step: self.step,
            figures: figures_of(&self.query),
        };
        let queries: Vec<Query> = groups.iter().map(query).collect();
        let found = history::read(stored, &queries)?;
        let is_empty = found.iter().all(history::Past::is_empty);
        let mut bytes = Vec::new();
        for (i, (group, past)) in groups.iter().zip(found).enumerate() {
            let part = write::Part {
                begins: *begins,
                ends: *ends,
                index: self.before + i,
            };
            write::series(&mut bytes, &self.query, self.step, group, &past, part);
        }
        Ok(Text {
            bytes,
            begins: *begins,
            is_empty,
        })
    }
}

/// The series that fit and have something from `from` up to, not with, `to`; by name.
pub fn matching(
    catalogue: &Catalogue,
    (from, to): (Timestamp, Timestamp),
    fits: impl Fn(&SeriesKey) -> bool,
) -> Vec<Group> {
    let mut known = catalogue.matching(|series| fits(series.key()));
    known.retain(|known| known.last >= from && known.first < to);
    known.sort_by(|a, b| {
        let (a_key, b_key) = (a.series.key(), b.series.key());
        a_key.cmp(b_key).then(a.number.cmp(&b.number))
    });
    let same = |a: &Known, b: &Known| a.series.key() == b.series.key();
    known.chunk_by(same).map(<[Known]>::to_vec).collect()
}

/// All of one series, a slice of time after the other.
fn slices(query: &HistoryQuery, group: Group) -> Vec<Extent> {
    let (from, to) = (query.from.as_millis(), query.to.as_millis());
    // Not before its first sample, nor behind its last: most of a long time may be empty.
    let first = group.iter().map(|known| known.first.as_millis()).min();
    let last = group.iter().map(|known| known.last.as_millis()).max();
    let from = from.max(first.unwrap_or(from) - 3_600_000);
    let to = to.min(last.unwrap_or(to).saturating_add(3_600_000));
    let count = ((to - from).max(1) + SLICE - 1) / SLICE;
    let slice = |i: i64| Extent {
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
