//! What the database has, as readers and the compactor find it: rows of the journal, blocks, their parts.

use std::collections::{HashMap, hash_map::Entry};

use rusqlite::{Connection, Row, params};

use super::{
    block::{Head, Parts, ReadError, Shape},
    bytes::unseal,
    journal,
    points::Points,
    writer::part_id,
};
use crate::model::{Seq, Timestamp};

/// A block of samples: when each batch was measured, how long after that it was received (in milliseconds), and the number of
/// its first sample; then the readings of each series.
pub const SAMPLES: Shape = Shape { shared: 3, each: 1 };
/// A block of a coarser tier: when each row begins, in multiples of the tier, and when its last sample was measured; then of
/// each series the smallest, the largest, the sum, the count and the last.
pub const AGGREGATES: Shape = Shape { shared: 2, each: 5 };
/// The place of the second shared column of a coarser tier.
pub const LAST_AT: usize = 1;

/// The places of the shared columns of samples.
pub const TIMESTAMP: usize = 0;
pub const LAG: usize = 1;
pub const FIRST: usize = 2;

/// What is said of a block, or of a row of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Its id in its table.
    pub id: i64,
    /// Seconds of a row; 0 for samples.
    pub tier: i64,
    /// Seconds of the stretch it was made for.
    pub slot: i64,
    /// The life of the server it is of; with samples.
    pub boot: u32,
    /// The first number that is in it; with samples.
    pub first: Seq,
    /// The last.
    pub last: Seq,
    /// When the first of it was received.
    pub from: Timestamp,
    /// When the last was.
    pub to: Timestamp,
    /// When the oldest of it was measured.
    pub oldest: Timestamp,
    /// When the newest was.
    pub newest: Timestamp,
    /// How many samples it is of.
    pub samples: u64,
    /// The batches they came in; of a block of samples.
    pub batches: u64,
    /// The bytes of its parts; of a block.
    pub bytes: u64,
    /// Whether the next coarser tier has it.
    pub rolled: bool,
}

/// The columns of `blocks` that [`Meta`] is read from.
pub const META: &str = "id, tier, slot, boot, first_seq, last_seq, from_ms, to_ms, oldest_ms, newest_ms, samples, batches, bytes, rolled";
/// The same of the journal.
pub const JOURNAL_META: &str =
    "id, 0, 0, boot, first_seq, last_seq, from_ms, to_ms, oldest_ms, newest_ms, samples, 0, 0, 0";

impl Meta {
    /// From a row that begins with [`META`].
    pub fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let time = |at| row.get(at).map(Timestamp::from_millis);
        let number = |at| row.get(at).map(|n: i64| n.max(0).cast_unsigned());
        Ok(Self {
            id: row.get(0)?,
            tier: row.get(1)?,
            slot: row.get(2)?,
            boot: row.get(3)?,
            first: number(4)?,
            last: number(5)?,
            from: time(6)?,
            to: time(7)?,
            oldest: time(8)?,
            newest: time(9)?,
            samples: number(10)?,
            batches: number(11)?,
            bytes: number(12)?,
            rolled: row.get(13)?,
        })
    }
}

/// The blocks that a condition is true for, in its order; `sql` follows `WHERE`.
pub fn blocks(
    database: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Meta>> {
    let mut found = database.prepare_cached(&format!("SELECT {META} FROM blocks WHERE {sql}"))?;
    let found = found.query_map(values, Meta::of)?;
    found.collect()
}

/// The rows of the journal that a condition is true for, without what is in them.
pub fn journal(
    database: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Meta>> {
    let mut found =
        database.prepare_cached(&format!("SELECT {JOURNAL_META} FROM journal WHERE {sql}"))?;
    let found = found.query_map(values, Meta::of)?;
    found.collect()
}

/// What is in a row of the journal.
pub fn journal_row(database: &Connection, id: i64) -> Result<journal::Row, ReadError> {
    let mut row = database.prepare_cached("SELECT data FROM journal WHERE id = ?1")?;
    let row = row.query_row([id], |row| {
        Ok(journal::Row::parse(row.get_ref(0)?.as_blob()?))
    })?;
    Ok(row?)
}

/// A block that is read from the database, a part at a time.
pub struct Block<'a> {
    /// What is where.
    pub head: Head,
    /// Where the columns come from.
    pub parts: Stored<'a>,
}

impl<'a> Block<'a> {
    /// The block of an id.
    pub fn open(database: &'a Connection, id: i64) -> Result<Self, ReadError> {
        let mut head = database.prepare_cached("SELECT head FROM blocks WHERE id = ?1")?;
        let head = head.query_row([id], |row| Ok(Head::parse(row.get_ref(0)?.as_blob()?)))??;
        let parts = Stored {
            database,
            block: id,
            part: None,
        };
        Ok(Self { head, parts })
    }
}

/// When the rows of the groups of a block are; read once, however many series are looked at.
pub type Times = HashMap<usize, Vec<i64>>;

/// The samples of one series in a block, in the order in which they were received.
pub fn samples_of(
    head: &Head,
    parts: &mut impl Parts,
    times: &mut Times,
    number: u32,
) -> Result<Points, ReadError> {
    let mut places = Vec::new();
    for (at, group) in head.groups.iter().enumerate() {
        if let Some(place) = group.series.iter().position(|s| *s == number) {
            places.push((at, place));
        }
    }
    if let [(at, place)] = places[..] {
        let values = head.values(parts, &head.groups[at], place, 0)?;
        let times = times_of(head, parts, times, at)?;
        return Ok(Points::new(times.to_vec(), values));
    }
    // Of several layouts: only their numbers say what came when.
    let mut samples = Vec::new();
    for (at, place) in places {
        let group = &head.groups[at];
        let values = head.values(parts, group, place, 0)?;
        let firsts = head.whole_numbers(parts, group, FIRST)?;
        let times = times_of(head, parts, times, at)?.iter().copied();
        samples.extend(firsts.into_iter().zip(times.zip(values)));
    }
    samples.sort_by_key(|(first, _)| *first);
    Ok(samples.into_iter().map(|(_, sample)| sample).collect())
}

/// When the rows of a group are.
pub fn times_of<'a>(
    head: &Head,
    parts: &mut impl Parts,
    times: &'a mut Times,
    group: usize,
) -> Result<&'a [i64], ReadError> {
    Ok(match times.entry(group) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            new.insert(head.whole_numbers(parts, &head.groups[group], TIMESTAMP)?)
        }
    })
}

/// The parts of a block; the one that was read last is at hand.
pub struct Stored<'a> {
    database: &'a Connection,
    block: i64,
    part: Option<(u32, Vec<u8>)>,
}

impl Parts for Stored<'_> {
    fn part(&mut self, part: u32) -> Result<&[u8], ReadError> {
        if self.part.as_ref().is_none_or(|(at, _)| *at != part) {
            let mut data = self
                .database
                .prepare_cached("SELECT data FROM parts WHERE id = ?1")?;
            let id = part_id(self.block, part.into());
            let data = data.query_row(params![id], |row| {
                Ok(unseal(row.get_ref(0)?.as_blob()?).map(<[u8]>::to_vec))
            })?;
            self.part = Some((part, data?));
        }
        Ok(self.part.as_ref().map_or(&[], |(_, data)| data))
    }
}
