//! The head of a block, and the columns that it says where they are.

use super::{PART_BYTES, Parts, ReadError, Shape, VERSION, read_series};
use crate::store::{
    Damaged,
    bytes::{Reader, unseal},
    column::{Decoder, MAX_ROWS, beside},
};

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
