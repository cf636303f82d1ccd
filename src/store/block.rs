//! Blocks: a stretch of the past as columns, compressed.
//!
//! A block has *groups*. A group is a table: its rows share some columns of whole numbers (when it was measured, its
//! number), and each of its series has columns of readings of its own. In a block of samples the rows of a group are the batches of one
//! layout; in a block of a coarser tier they are minutes or hours.
//!
//! It is kept as a *head*, which says what is where, and *parts* of about 16 KiB with the columns one behind the other, so that
//! one series can be read without the others. Head and parts have checksums.

mod head;
mod writer;

pub use self::{
    head::{Group, Head},
    writer::Writer,
};
use super::{
    Damaged,
    bytes::{Reader, unseal},
};
use crate::model::varint::put_i64;

/// A part ends before the column that takes it past this many bytes.
const PART_BYTES: usize = 16 << 10;
/// The version of the format, the first byte of a head.
const VERSION: u8 = 2;

/// What the groups of a block are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns of whole numbers that the series of a group share.
    pub shared: usize,
    /// Columns of readings of each series.
    pub each: usize,
}

/// A block as it is kept.
#[derive(Debug)]
pub struct Encoded {
    /// What is where.
    pub head: Vec<u8>,
    /// The columns.
    pub parts: Vec<Vec<u8>>,
}

impl Encoded {
    /// Of its parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// Numbers of series; those that follow each other take a byte.
pub(super) fn put_series(out: &mut Vec<u8>, series: &[u32]) {
    let mut before = 0;
    for number in series {
        put_i64(out, i64::from(*number) - before);
        before = i64::from(*number);
    }
}

/// As many numbers of series.
pub(super) fn read_series(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u32>, Damaged> {
    let mut number = 0i64;
    (0..count)
        .map(|_| {
            number = number.wrapping_add(reader.i64()?);
            u32::try_from(number).map_err(|_| Damaged("the number of a series"))
        })
        .collect()
}

/// Where the parts of a block come from.
pub trait Parts {
    /// What is in one of them, its checksum tried and taken off.
    fn part(&mut self, part: u32) -> Result<&[u8], ReadError>;
}

/// A block that is in memory.
impl Parts for &[Vec<u8>] {
    fn part(&mut self, part: u32) -> Result<&[u8], ReadError> {
        let part = self.get(part as usize).ok_or(Damaged("a part"))?;
        Ok(unseal(part)?)
    }
}

/// Why something of the past could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// SQLite's reason.
    #[error("the database cannot be read")]
    Database(#[from] rusqlite::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bytes::seal;
    use proptest::{collection::vec, prelude::*};

    const SHAPE: Shape = Shape { shared: 2, each: 1 };

    type Table = (Vec<u32>, Vec<Vec<i64>>, Vec<Vec<f64>>);

    fn table() -> impl Strategy<Value = Table> {
        (1usize..40, vec(any::<u32>(), 1..12)).prop_flat_map(|(rows, series)| {
            let columns = series.len();
            (
                Just(series),
                vec(vec(any::<i64>(), rows), SHAPE.shared),
                vec(vec(-1e9..1e9, rows), columns),
            )
        })
    }

    fn write(tables: &[Table]) -> Encoded {
        let mut writer = Writer::new(SHAPE, true);
        for (series, shared, values) in tables {
            writer.group(shared[0].len());
            shared
                .iter()
                .for_each(|column| writer.whole_numbers(column));
            for (number, column) in series.iter().zip(values) {
                writer.series(*number);
                writer.values(column);
            }
        }
        writer.finish()
    }

    proptest! {
        #[test]
        fn a_block_reads_back_as_it_was_written(tables in vec(table(), 0..6)) {
            let block = write(&tables);
            let head = Head::parse(&block.head)?;
            prop_assert_eq!(head.groups.len(), tables.len());
            let mut parts = &block.parts[..];
            for (group, (series, shared, values)) in head.groups.iter().zip(&tables) {
                prop_assert_eq!(&group.series, series);
                for (i, column) in shared.iter().enumerate() {
                    prop_assert_eq!(&head.whole_numbers(&mut parts, group, i)?, column);
                }
                for (i, column) in values.iter().enumerate() {
                    prop_assert_eq!(&head.values(&mut parts, group, i, 0)?, column);
                }
            }
        }

        #[test]
        fn no_head_panics(mut bytes in vec(any::<u8>(), 0..300)) {
            let _ = Head::parse(&seal(bytes.clone()));
            bytes.insert(0, VERSION);
            let _ = Head::parse(&seal(bytes));
        }
    }

    #[test]
    fn many_columns_go_into_several_parts() {
        let noise = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / 7.0;
        let rows = 3000;
        let column = |s: u64| (0..rows).map(|i| noise(s * 10_000 + i)).collect::<Vec<_>>();
        let series: Vec<u32> = (0..20).collect();
        let mut writer = Writer::new(Shape { shared: 0, each: 1 }, false);
        writer.group(rows as usize);
        for s in &series {
            writer.series(*s);
            writer.values(&column((*s).into()));
        }
        let block = writer.finish();
        assert!(block.parts.len() >= 4, "{}", block.parts.len());
        let head = Head::parse(&block.head).unwrap();
        let mut parts = &block.parts[..];
        for s in [0, 7, 19] {
            let read = head.values(&mut parts, &head.groups[0], s, 0).unwrap();
            assert_eq!(read, column(s as u64));
        }
    }
}
