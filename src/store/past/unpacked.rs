//! Blocks, unpacked for replays.
//!
//! A block is kept column by column and given out row by row, about a MiB at a time; to unpack a column takes nearly as long
//! for one row as for all. So rows are unpacked for several pieces at once, and stay at hand for whoever goes on there with
//! the same wishes: the same replay, or others that came back at the same time.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::samples::Pick;
use crate::{
    entry::{
        Entry,
        past::{Fits, Place},
    },
    model::{Seq, Timestamp},
    store::{
        block::ReadError,
        rows::{self, Block, Meta},
        writer::number,
    },
};

/// About so many bytes are unpacked at once.
const AT_ONCE: usize = 4 << 20;
/// Bytes of readings that are allocated together.
const PIECE: usize = 256 << 10;
/// So many stretches are at hand at most.
const AT_HAND: usize = 2;
/// One that nobody used for so long is dropped.
pub const IDLE: Duration = Duration::from_secs(10);

/// The stretches that are at hand.
pub struct Unpacked {
    at_once: usize,
    all: Mutex<Vec<Kept>>,
}

struct Kept {
    block: i64,
    fits: Arc<Fits>,
    stretch: Arc<Stretch>,
    used: Instant,
}

impl Default for Unpacked {
    fn default() -> Self {
        Self::in_stretches_of(AT_ONCE)
    }
}

impl Unpacked {
    /// About so many bytes are unpacked at once.
    pub(in crate::store) fn in_stretches_of(at_once: usize) -> Self {
        Self {
            at_once,
            all: Mutex::default(),
        }
    }

    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// The stretch with what comes after a place in a block.
    pub(super) fn find(&self, block: i64, fits: &Arc<Fits>, place: Place) -> Option<Arc<Stretch>> {
        let mut all = self.all.lock();
        let kept = all.iter_mut().find(|kept| {
            let has = kept.stretch.after..kept.stretch.upto;
            kept.block == block && Arc::ptr_eq(&kept.fits, fits) && has.contains(&place.after)
        })?;
        kept.used = Instant::now();
        Some(kept.stretch.clone())
    }

    /// Has it at hand, instead of the one that was used last the longest ago.
    pub(super) fn keep(&self, block: i64, fits: &Arc<Fits>, stretch: &Arc<Stretch>) {
        let mut all = self.all.lock();
        if all.len() >= AT_HAND {
            all.sort_by_key(|kept| Reverse(kept.used));
            all.truncate(AT_HAND - 1);
        }
        all.push(Kept {
            block,
            fits: fits.clone(),
            stretch: stretch.clone(),
            used: Instant::now(),
        });
    }

    /// Of one that was given out whole.
    pub(super) fn forget(&self, stretch: &Arc<Stretch>) {
        self.all
            .lock()
            .retain(|kept| !Arc::ptr_eq(&kept.stretch, stretch));
    }

    /// Of what nobody used for `IDLE`.
    pub fn forget_idle(&self) {
        self.all.lock().retain(|kept| kept.used.elapsed() < IDLE);
    }

    /// Whether nothing is at hand.
    pub fn is_empty(&self) -> bool {
        self.all.lock().is_empty()
    }
}

/// The wanted samples of a stretch of a block.
pub(super) struct Stretch {
    /// All that is wanted of the numbers after this, up to that.
    after: Seq,
    upto: Seq,
    /// In the order of their numbers.
    rows: Vec<Row>,
    groups: Vec<Group>,
}

/// Where a batch is.
struct Row {
    /// The number of its first sample.
    first: Seq,
    group: usize,
    /// Its place among the rows of the group that are here.
    at: usize,
}

/// Of a group with something that is wanted.
struct Group {
    pick: Pick,
    /// When each row was measured, and how long after that received.
    times: Vec<i64>,
    lags: Vec<i64>,
    values: Table,
}

/// Readings row by row, in pieces: what glibc once gave back to the system in one, it from then on keeps, twice for each thread.
struct Table {
    width: usize,
    /// Rows of a piece.
    height: usize,
    pieces: Vec<Box<[f64]>>,
}

impl Table {
    /// Of zeros.
    fn new(rows: usize, width: usize) -> Self {
        let height = (PIECE / size_of::<f64>() / width.max(1)).max(1);
        let piece = |begin: usize| vec![0.0; height.min(rows - begin) * width].into();
        Self {
            width,
            height,
            pieces: (0..rows).step_by(height).map(piece).collect(),
        }
    }

    fn set_column(&mut self, at: usize, column: &[f64]) {
        for (piece, column) in self.pieces.iter_mut().zip(column.chunks(self.height)) {
            for (row, value) in piece.chunks_exact_mut(self.width).zip(column) {
                row[at] = *value;
            }
        }
    }

    fn row(&self, row: usize) -> &[f64] {
        let piece = &self.pieces[row / self.height];
        &piece[row % self.height * self.width..][..self.width]
    }
}

impl Stretch {
    /// Unpacks what is wanted after a place in a block, about `at_once` bytes. `pick` says what that is of a layout.
    pub fn read(
        Block { head, mut parts }: Block<'_>,
        meta: &Meta,
        place: Place,
        at_once: usize,
        pick: impl Fn(&[u32]) -> Option<Pick>,
    ) -> Result<Self, ReadError> {
        let mut groups = Vec::new();
        let mut next = BinaryHeap::new();
        for of in &head.groups {
            let Some(pick) = pick(&of.series) else {
                continue;
            };
            let firsts = head.whole_numbers(&mut parts, of, rows::FIRST)?;
            let length = of.series.len() as i64;
            let begin = firsts.partition_point(|first| first + length <= number(place.after) + 1);
            if let Some(first) = firsts.get(begin) {
                next.push(Reverse((*first, groups.len(), begin)));
                groups.push((of, pick, firsts, begin..begin));
            }
        }
        let mut rows = Vec::new();
        let mut weight = 0;
        while weight < at_once
            && let Some(Reverse((first, group, row))) = next.pop()
        {
            let (_, pick, firsts, taken) = &mut groups[group];
            rows.push(Row {
                first: first.max(0).cast_unsigned(),
                group,
                at: row - taken.start,
            });
            weight += pick.width() * size_of::<f64>() + 64;
            taken.end = row + 1;
            if let Some(first) = firsts.get(row + 1) {
                next.push(Reverse((*first, group, row + 1)));
            }
        }
        let upto = match next.peek() {
            Some(Reverse((first, ..))) => (first - 1).max(0).cast_unsigned(),
            None => meta.last,
        };
        let groups = groups.into_iter().map(|(of, pick, _, taken)| {
            let mut values = Table::new(taken.len(), pick.width());
            if taken.is_empty() {
                return Ok(Group {
                    pick,
                    times: Vec::new(),
                    lags: Vec::new(),
                    values,
                });
            }
            let mut shared = |column| {
                let column = head.whole_numbers(&mut parts, of, column)?;
                Ok::<_, ReadError>(column[taken.clone()].to_vec())
            };
            let (times, lags) = (shared(rows::TIMESTAMP)?, shared(rows::LAG)?);
            for (at, place) in pick.places().iter().enumerate() {
                let column = head.values(&mut parts, of, *place as usize, 0)?;
                values.set_column(at, &column[taken.clone()]);
            }
            Ok(Group {
                pick,
                times,
                lags,
                values,
            })
        });
        Ok(Self {
            after: place.after,
            upto,
            rows,
            groups: groups.collect::<Result<_, ReadError>>()?,
        })
    }

    /// About `weight` bytes of entries after a place, at least one if there is one; and up to where that is.
    pub fn entries(&self, place: Place, weight: usize) -> (Vec<Arc<Entry>>, Seq) {
        let is_before = |row: &Row| row.first + self.groups[row.group].pick.behind() <= place.after;
        let begin = self.rows.partition_point(is_before);
        let mut sum = 0;
        let mut entries = Vec::new();
        for row in &self.rows[begin..] {
            if sum >= weight {
                return (entries, row.first - 1);
            }
            let entry = self.groups[row.group].entry(row);
            sum += entry.weight();
            entries.push(Arc::new(entry));
        }
        (entries, self.upto)
    }

    /// Whether this is where it ends.
    pub fn ends_at(&self, upto: Seq) -> bool {
        self.upto == upto
    }
}

impl Group {
    fn entry(&self, row: &Row) -> Entry {
        let (time, lag) = (self.times[row.at], self.lags[row.at]);
        self.pick.entry(
            row.first,
            Timestamp::from_millis(time),
            Timestamp::from_millis(time + lag),
            self.values.row(row.at).into(),
        )
    }
}
