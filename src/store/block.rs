//! Blocks: a stretch of the past as columns, compressed.
//!
//! A block has *groups*. A group is a table: its rows share some columns of whole numbers (when it was measured, its
//! number), and each of its series has columns of readings of its own. In a block of samples the rows of a group are the batches of one
//! layout; in a block of a coarser tier they are minutes or hours.
//!
//! It is kept as a *head*, which says what is where, and *parts* of about 64 KiB with the columns one behind the other, so that
//! one series can be read without the others. Head and parts have checksums.

use super::{
    Damaged,
    bytes::{Reader, put_i64, put_u64, seal, unseal},
    column::{Decoder, Encoder, MAX_ROWS, Plain, beside},
};

/// A part ends before the column that takes it past this many bytes.
const PART_BYTES: usize = 64 << 10;
/// The version of the format, the first byte of a head.
const VERSION: u8 = 1;

/// What the groups of a block are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns of whole numbers that the series of a group share.
    pub shared: usize,
    /// Columns of readings of each series.
    pub each: usize,
}

/// A block in the making.
#[derive(Debug)]
pub struct Writer {
    shape: Shape,
    encoder: Encoder,
    thorough: bool,
    /// The columns of the group that others may be stored beside.
    plain: Plain,
    groups: u64,
    head: Vec<u8>,
    rows: usize,
    series: Vec<u32>,
    lengths: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

/// A block as it is kept.
#[derive(Debug)]
pub struct Encoded {
    /// What is where.
    pub head: Vec<u8>,
    /// The columns.
    pub parts: Vec<Vec<u8>>,
}

impl Writer {
    /// A block of groups of this shape. `thorough` takes longer and makes it smaller.
    pub fn new(shape: Shape, thorough: bool) -> Self {
        Self {
            shape,
            encoder: Encoder::default(),
            thorough,
            plain: Plain::default(),
            groups: 0,
            head: Vec::new(),
            rows: 0,
            series: Vec::new(),
            lengths: Vec::new(),
            parts: vec![Vec::new()],
        }
    }

    /// Begins a group of `rows` rows, at least one; its shared columns follow, then its series.
    pub fn group(&mut self, rows: usize) {
        debug_assert!((1..=MAX_ROWS).contains(&rows));
        self.end_group();
        self.groups += 1;
        self.rows = rows;
        self.plain = Plain::default();
    }

    /// A shared column of the group.
    pub fn whole_numbers(&mut self, values: &[i64]) {
        let column = self.encoder.whole_numbers(values);
        self.column(&column);
    }

    /// The next series of the group; its columns follow.
    pub fn series(&mut self, number: u32) {
        self.series.push(number);
    }

    /// A column of the series.
    pub fn values(&mut self, values: &[f64]) {
        let column = match self.thorough {
            true => self.encoder.beside(values, &mut self.plain),
            false => self.encoder.values(values, false),
        };
        self.column(&column);
    }

    fn column(&mut self, column: &[u8]) {
        put_u64(&mut self.lengths, column.len() as u64);
        let full = self
            .parts
            .last()
            .is_some_and(|part| !part.is_empty() && part.len() + column.len() > PART_BYTES);
        if full {
            self.parts.push(Vec::new());
        }
        if let Some(part) = self.parts.last_mut() {
            part.extend_from_slice(column);
        }
    }

    fn end_group(&mut self) {
        if self.rows > 0 {
            put_u64(&mut self.head, self.rows as u64);
            put_u64(&mut self.head, self.series.len() as u64);
            put_series(&mut self.head, &self.series);
            self.head.append(&mut self.lengths);
            self.rows = 0;
            self.series.clear();
        }
    }

    /// How much of it there is so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// The block.
    pub fn finish(mut self) -> Encoded {
        self.end_group();
        let codec = self.encoder.header();
        let mut head = vec![VERSION];
        put_u64(&mut head, codec.len() as u64);
        head.extend_from_slice(&codec);
        put_u64(&mut head, self.shape.shared as u64);
        put_u64(&mut head, self.shape.each as u64);
        put_u64(&mut head, self.groups);
        head.append(&mut self.head);
        Encoded {
            head: seal(head),
            parts: self.parts.into_iter().map(seal).collect(),
        }
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

/// The head of a block, read.
#[derive(Debug)]
pub struct Head {
    shape: Shape,
    decoder: Decoder,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// What a head says of a group.
#[derive(Debug)]
pub struct Group {
    /// The numbers of its series.
    pub series: Vec<u32>,
    /// How many rows it has.
    pub rows: usize,
    /// Its columns: the shared ones, then those of each series.
    columns: Vec<Place>,
}

/// Where a column is.
#[derive(Debug, Clone, Copy)]
struct Place {
    part: u32,
    start: u32,
    length: u32,
}

impl Head {
    /// Reads a head.
    pub fn parse(head: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(unseal(head)?);
        if reader.u8()? != VERSION {
            return Err(Damaged("a version"));
        }
        let codec = reader.count()?;
        let decoder = Decoder::new(reader.take(codec)?)?;
        let few = |count: u64| match count {
            0..=255 => Ok(count as usize),
            _ => Err(Damaged("a shape")),
        };
        let shape = Shape {
            shared: few(reader.u64()?)?,
            each: few(reader.u64()?)?,
        };
        let count = reader.count()?;
        let mut at = Place {
            part: 0,
            start: 0,
            length: 0,
        };
        let mut groups = Vec::with_capacity(count);
        for _ in 0..count {
            let rows = reader.u64()? as usize;
            let series = reader.count()?;
            if rows > MAX_ROWS {
                return Err(Damaged("a group's length"));
            }
            let series = read_series(&mut reader, series)?;
            let columns = shape
                .each
                .checked_mul(series.len())
                .and_then(|n| n.checked_add(shape.shared))
                .filter(|n| *n <= reader.rest().len())
                .ok_or(Damaged("a group's columns"))?;
            let columns = (0..columns)
                .map(|_| {
                    let length = u32::try_from(reader.u64()?).map_err(|_| Damaged("a column"))?;
                    let start = at.start.saturating_add(at.length);
                    let full = start > 0 && start as usize + length as usize > PART_BYTES;
                    at = match full {
                        true => Place {
                            part: at.part + 1,
                            start: 0,
                            length,
                        },
                        false => Place {
                            part: at.part,
                            start,
                            length,
                        },
                    };
                    Ok(at)
                })
                .collect::<Result<_, _>>()?;
            groups.push(Group {
                series,
                rows,
                columns,
            });
        }
        match reader.is_empty() {
            true => Ok(Self {
                shape,
                decoder,
                groups,
            }),
            false => Err(Damaged("the end of a head")),
        }
    }

    /// A shared column of a group.
    pub fn whole_numbers(
        &self,
        parts: &mut impl Parts,
        group: &Group,
        column: usize,
    ) -> Result<Vec<i64>, ReadError> {
        let bytes = column_of(parts, group, column)?;
        Ok(self.decoder.whole_numbers(bytes, group.rows)?)
    }

    /// A column of the series at `index` of a group.
    pub fn values(
        &self,
        parts: &mut impl Parts,
        group: &Group,
        index: usize,
        column: usize,
    ) -> Result<Vec<f64>, ReadError> {
        let at = self.shape.shared + index * self.shape.each + column;
        let bytes = column_of(parts, group, at)?;
        let Some(before) = beside(bytes)? else {
            return Ok(self.decoder.values(bytes, group.rows)?);
        };
        let other = at.checked_sub(before).filter(|at| *at >= self.shape.shared);
        let (column, other) = (bytes.to_vec(), other.ok_or(Damaged("a column"))?);
        let other = column_of(parts, group, other)?;
        Ok(self.decoder.values_beside(&column, other, group.rows)?)
    }

    /// Resident bytes, nearly.
    pub fn weight(&self) -> usize {
        let groups = self.groups.iter();
        let each = groups.map(|g| g.series.len() * 4 + g.columns.len() * 12 + 64);
        each.sum::<usize>() + 64
    }
}

fn column_of<'a>(
    parts: &'a mut impl Parts,
    group: &Group,
    column: usize,
) -> Result<&'a [u8], ReadError> {
    let place = group.columns.get(column).ok_or(Damaged("a column"))?;
    let part = parts.part(place.part)?;
    let start = place.start as usize;
    part.get(start..start + place.length as usize)
        .ok_or(ReadError::Damaged(Damaged("a part")))
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
