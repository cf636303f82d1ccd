//! Columns into numbers.

use std::iter::repeat_n;

use pco::{data_types::Number, wrapped::FileDecompressor};

use super::{CONSTANT, DIFFERENCES, FLOATS, MAX_ROWS, RELATED, RUNS, WHOLE_16, WHOLE_32, WHOLE_64};
use crate::{
    model::decimal::POWERS,
    store::{Damaged, bytes::Reader},
};

/// Values that are decompressed at once: some batches of pco, which takes 256.
const AT_ONCE: usize = 1024;

/// Reads columns.
#[derive(Debug, Clone)]
pub struct Decoder {
    pco: FileDecompressor,
}

impl Decoder {
    /// From what `Encoder::header` was.
    pub fn new(header: &[u8]) -> Result<Self, Damaged> {
        let (pco, _) =
            FileDecompressor::new(header).map_err(|_| Damaged("a compression format"))?;
        Ok(Self { pco })
    }

    /// A column of `rows` readings.
    pub fn values(&self, column: &[u8], rows: usize) -> Result<Vec<f64>, Damaged> {
        if rows > MAX_ROWS {
            return Err(Damaged("a column's length"));
        }
        let mut reader = Reader::new(column);
        match reader.u8()? {
            CONSTANT => {
                let mut bytes = [0; 8];
                let used = reader.rest();
                bytes
                    .get_mut(..used.len())
                    .ok_or(Damaged("a constant"))?
                    .copy_from_slice(used);
                Ok(vec![f64::from_bits(u64::from_be_bytes(bytes)); rows])
            }
            FLOATS => self.decompress(reader.rest(), rows, |value| value),
            kind => {
                let power = *POWERS
                    .get(usize::from(reader.u8()?))
                    .ok_or(Damaged("a power of ten"))?;
                self.whole(kind, reader, rows, |whole| whole as f64 / power)
            }
        }
    }

    /// A column of `rows` readings that is stored beside another one.
    pub fn values_beside(
        &self,
        column: &[u8],
        other: &[u8],
        rows: usize,
    ) -> Result<Vec<f64>, Damaged> {
        let mut reader = Reader::new(column);
        let (RELATED, negative) = (reader.u8()?, reader.u8()? != 0) else {
            return Err(Damaged("a kind of column"));
        };
        reader.u64()?;
        let (power, rest) = self.decimals(reader.rest(), rows)?;
        let (_, others) = self.decimals(other, rows)?;
        let pairs = rest.into_iter().zip(others);
        let whole = pairs.map(|(rest, other)| match negative {
            true => rest.wrapping_sub(other),
            false => rest.wrapping_add(other),
        });
        Ok(whole.map(|whole| whole as f64 / power).collect())
    }

    /// A column that is stored as whole numbers, and what they are to be divided by.
    fn decimals(&self, column: &[u8], rows: usize) -> Result<(f64, Vec<i64>), Damaged> {
        if rows > MAX_ROWS {
            return Err(Damaged("a column's length"));
        }
        let (kind, power, reader) = begin(column)?;
        let power = POWERS.get(usize::from(power));
        let power = *power.ok_or(Damaged("a power of ten"))?;
        Ok((power, self.whole(kind, reader, rows, |whole| whole)?))
    }

    /// A column of `rows` whole numbers.
    pub fn whole_numbers(&self, column: &[u8], rows: usize) -> Result<Vec<i64>, Damaged> {
        if rows > MAX_ROWS {
            return Err(Damaged("a column's length"));
        }
        let (kind, _, reader) = begin(column)?;
        self.whole(kind, reader, rows, |whole| whole)
    }

    fn whole<T: Clone>(
        &self,
        kind: u8,
        mut reader: Reader<'_>,
        rows: usize,
        into: impl Fn(i64) -> T,
    ) -> Result<Vec<T>, Damaged> {
        if kind != RUNS {
            return self.each(kind, reader, rows, into);
        }
        let damaged = Damaged("a run");
        let count = reader.u64()? as usize;
        if count > rows {
            return Err(damaged);
        }
        let lengths = reader.count()?;
        let of = |column| {
            let (kind, _, reader) = begin(column)?;
            self.each(kind, reader, count, |whole| whole)
        };
        let (lengths, each) = (of(reader.take(lengths)?)?, of(reader.rest())?);
        let mut values = Vec::with_capacity(rows);
        for (length, value) in lengths.into_iter().zip(each) {
            let length = usize::try_from(length).map_err(|_| damaged)?;
            if length > rows - values.len() {
                return Err(damaged);
            }
            values.extend(repeat_n(into(value), length));
        }
        match values.len() == rows {
            true => Ok(values),
            false => Err(damaged),
        }
    }

    /// Whole numbers that are stored one by one.
    fn each<T>(
        &self,
        kind: u8,
        mut reader: Reader<'_>,
        rows: usize,
        into: impl Fn(i64) -> T,
    ) -> Result<Vec<T>, Damaged> {
        if kind == DIFFERENCES {
            let mut value = 0i64;
            return (0..rows)
                .map(|_| {
                    value = value.wrapping_add(reader.i64()?);
                    Ok(into(value))
                })
                .collect();
        }
        let min = reader.i64()?;
        let above = |by: u64| into(min.wrapping_add(by as i64));
        let rest = reader.rest();
        Ok(match kind {
            WHOLE_16 => self.decompress(rest, rows, |by: u16| above(by.into()))?,
            WHOLE_32 => self.decompress(rest, rows, |by: u32| above(by.into()))?,
            WHOLE_64 => self.decompress(rest, rows, above)?,
            _ => return Err(Damaged("a kind of column")),
        })
    }

    /// Decompresses some values at a time, which stay at hand until they are what they are to be.
    fn decompress<T: Number + Default, U>(
        &self,
        bytes: &[u8],
        rows: usize,
        into: impl Fn(T) -> U,
    ) -> Result<Vec<U>, Damaged> {
        let damaged = |_| Damaged("a compressed column");
        let (mut chunk, rest) = self
            .pco
            .chunk_decompressor::<T, _>(bytes)
            .map_err(damaged)?;
        let mut page = chunk.page_decompressor(rest, rows).map_err(damaged)?;
        let mut some = [T::default(); AT_ONCE];
        let mut values = Vec::with_capacity(rows);
        while values.len() < rows {
            let wanted = AT_ONCE.min(rows - values.len());
            let progress = page.read(&mut some[..wanted]).map_err(damaged)?;
            if progress.n_processed != wanted {
                return Err(Damaged("a compressed column"));
            }
            values.extend(some[..wanted].iter().copied().map(&into));
        }
        Ok(values)
    }
}

/// Of a column of whole numbers: how they are stored, the power of ten they are to be divided by, and the rest.
fn begin(column: &[u8]) -> Result<(u8, u8, Reader<'_>), Damaged> {
    let mut reader = Reader::new(column);
    Ok((reader.u8()?, reader.u8()?, reader))
}
