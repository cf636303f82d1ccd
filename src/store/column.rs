//! Columns of numbers as bytes: lossless, and as small as is quick.
//!
//! Measured values are decimals: host sensors round to a declared precision, people push `45.2`. As binary fractions they
//! look like noise; as whole numbers of hundredths they are small, close to each other, and often the same. So a column
//! is stored as whole numbers and a power of ten if every value is one exactly, and as floating point numbers if not.
//! Both are compressed by pco. What never changes takes only itself.

use std::collections::VecDeque;

use pco::{
    ChunkConfig,
    data_types::Number,
    wrapped::{FileCompressor, FileDecompressor},
};

use crate::model::decimal::{EXACT, POWERS, decimals};

use super::{
    Damaged,
    bytes::{Reader, put_i64, put_u64},
};

/// The most values of a column.
pub const MAX_ROWS: usize = 1 << 18;

/// Columns shorter than this are tried without pco too, which needs about 20 bytes to describe a column.
const SHORT: usize = 64;

/// One value, which all are.
const CONSTANT: u8 = 0;
/// Floating point numbers, by pco.
const FLOATS: u8 = 1;
/// Whole numbers, each as the difference to the one before.
const DIFFERENCES: u8 = 2;
/// What has to be added to, or to be taken from, the values of another column of the group: a column of whole numbers.
const RELATED: u8 = 6;
/// Whole numbers above the smallest, by pco, in 16, 32 or 64 bits.
const WHOLE_16: u8 = 3;
const WHOLE_32: u8 = 4;
const WHOLE_64: u8 = 5;

/// Writes columns.
#[derive(Debug, Default)]
pub struct Encoder {
    pco: FileCompressor,
    config: ChunkConfig,
}

impl Encoder {
    /// What a [`Decoder`] has to know.
    pub fn header(&self) -> Vec<u8> {
        self.pco
            .write_header(Vec::new())
            .unwrap_or_else(|_| unreachable!("memory takes everything"))
    }

    /// A column of readings, at most [`MAX_ROWS`]. With `thorough` it is tried as floating point numbers too where it
    /// might be smaller so.
    pub fn values(&self, values: &[f64], thorough: bool) -> Vec<u8> {
        if let Some(constant) = constant(values) {
            return constant;
        }
        let Some((power, whole)) = decimals(values) else {
            return self.floats(values);
        };
        let column = self.whole(&whole, power);
        // Few digits make small numbers, which floating point cannot better.
        if thorough && power > 4 {
            let floats = self.floats(values);
            if floats.len() < column.len() {
                return floats;
            }
        }
        column
    }

    /// A column of readings, thoroughly: also as what it is beside another column, of which `plain` has some. Much of
    /// what is measured on a machine adds up: used and available memory, idle and busy time. Adds it to `plain` if others
    /// may be told by it.
    pub fn beside(&self, values: &[f64], plain: &mut Plain) -> Vec<u8> {
        let at = plain.next;
        plain.next += 1;
        let alone = self.values(values, true);
        let Some((power, whole)) = decimals(values).filter(|_| alone.len() > WORTH_RELATING) else {
            return alone;
        };
        let related = plain.closest(power, &whole).map(|(other, sign)| {
            let rest: Vec<i64> = whole
                .iter()
                .zip(&other.whole)
                .map(|(value, other)| value.wrapping_sub(sign.wrapping_mul(*other)))
                .collect();
            let mut out = vec![RELATED, u8::from(sign < 0)];
            put_u64(&mut out, (at - other.at) as u64);
            out.append(&mut self.whole(&rest, power));
            out
        });
        match related.filter(|related| related.len() < alone.len()) {
            Some(related) => related,
            None => {
                // Others are read beside its whole numbers, so it has to be stored as these.
                if alone.first() != Some(&FLOATS) {
                    plain.push(Decimals { at, power, whole });
                }
                alone
            }
        }
    }

    /// A column of whole numbers.
    pub fn whole_numbers(&self, values: &[i64]) -> Vec<u8> {
        self.whole(values, 0)
    }

    fn floats(&self, values: &[f64]) -> Vec<u8> {
        let mut out = vec![FLOATS];
        self.compress(values, &mut out);
        out
    }

    fn whole(&self, values: &[i64], power: u8) -> Vec<u8> {
        let (min, max) = values.iter().fold((i64::MAX, i64::MIN), |(min, max), v| {
            (min.min(*v), max.max(*v))
        });
        let above = |v: &i64| v.wrapping_sub(min) as u64;
        let mut out = Vec::new();
        let mut begin = |kind: u8| {
            out.extend_from_slice(&[kind, power]);
            put_i64(&mut out, min);
        };
        match max.wrapping_sub(min) as u64 {
            0..=0xffff => {
                begin(WHOLE_16);
                let narrow: Vec<u16> = values.iter().map(|v| above(v) as u16).collect();
                self.compress(&narrow, &mut out);
            }
            0x1_0000..=0xffff_ffff => {
                begin(WHOLE_32);
                let narrow: Vec<u32> = values.iter().map(|v| above(v) as u32).collect();
                self.compress(&narrow, &mut out);
            }
            _ => {
                begin(WHOLE_64);
                let wide: Vec<u64> = values.iter().map(above).collect();
                self.compress(&wide, &mut out);
            }
        }
        if values.len() < SHORT {
            let differences = differences(values, power);
            if differences.len() < out.len() {
                return differences;
            }
        }
        out
    }

    fn compress<T: Number>(&self, values: &[T], out: &mut Vec<u8>) {
        // Fails only for wrong settings, and for writers that do: ours is memory.
        let written = self
            .pco
            .chunk_compressor(values, &self.config)
            .and_then(|mut chunk| {
                chunk.write_meta(&mut *out)?;
                (0..chunk.n_per_page().len()).try_for_each(|page| {
                    chunk.write_page(page, &mut *out)?;
                    Ok(())
                })
            });
        debug_assert!(written.is_ok(), "{written:?}");
    }
}

/// Columns of fewer bytes are left as they are.
const WORTH_RELATING: usize = 64;
/// Columns that others are tried beside.
const PLAIN: usize = 64;
/// Pairs of values that are looked at to guess which column is the closest.
const LOOKS: usize = 128;

/// The columns of a group so far that are whole numbers, and stored by themselves; the newest of them.
#[derive(Debug, Default)]
pub struct Plain {
    columns: VecDeque<Decimals>,
    next: usize,
}

#[derive(Debug)]
struct Decimals {
    /// Its place in the group.
    at: usize,
    power: u8,
    whole: Vec<i64>,
}

impl Plain {
    fn push(&mut self, column: Decimals) {
        if self.columns.len() >= PLAIN {
            self.columns.pop_front();
        }
        self.columns.push_back(column);
    }

    /// The column that these values move with, or against (then the sign is negative), the most.
    fn closest(&self, power: u8, whole: &[i64]) -> Option<(&Decimals, i64)> {
        let step = (whole.len() / LOOKS).max(1);
        let bits = |by: i64| u64::from(64 - by.unsigned_abs().leading_zeros());
        let moves = |of: &[i64], at: usize| of[at + 1].wrapping_sub(of[at]);
        let looks = || (0..whole.len().saturating_sub(1)).step_by(step);
        let alone: u64 = looks().map(|at| bits(moves(whole, at))).sum();
        let of_same = self.columns.iter().filter(|other| other.power == power);
        let tried = of_same.flat_map(|other| [(other, 1i64), (other, -1)]);
        let bits_beside = |(other, sign): &(&Decimals, i64)| -> u64 {
            let beside = looks().map(|at| {
                let by = sign.wrapping_mul(moves(&other.whole, at));
                bits(moves(whole, at).wrapping_sub(by))
            });
            beside.sum()
        };
        let (bits, closest) = tried
            .map(|pair| (bits_beside(&pair), pair))
            .min_by_key(|(bits, _)| *bits)?;
        (bits * 4 < alone * 3).then_some(closest)
    }
}

/// The column that a column is stored beside: how many places before it; none for one that is stored by itself.
pub fn beside(column: &[u8]) -> Result<Option<usize>, Damaged> {
    let mut reader = Reader::new(column);
    match reader.u8()? {
        RELATED => {
            reader.u8()?;
            Ok(Some(reader.u64()? as usize))
        }
        _ => Ok(None),
    }
}

/// The column of a value that all are; nothing of it where it is zero.
fn constant(values: &[f64]) -> Option<Vec<u8>> {
    let bits = values.first()?.to_bits();
    if values.iter().any(|v| v.to_bits() != bits) {
        return None;
    }
    let mut out = vec![CONSTANT];
    let bytes = bits.to_be_bytes();
    let used = 8 - bits.trailing_zeros() as usize / 8;
    out.extend_from_slice(&bytes[..used]);
    Some(out)
}

fn differences(values: &[i64], power: u8) -> Vec<u8> {
    let mut out = vec![DIFFERENCES, power];
    let mut before = 0i64;
    for value in values {
        put_i64(&mut out, value.wrapping_sub(before));
        before = *value;
    }
    out
}

/// The sum, exact where the values are decimals that allow it: then it is one too, and takes as little room.
pub fn exact_sum(values: &[f64]) -> f64 {
    let exact = decimals(values).and_then(|(power, whole)| {
        let sum = whole.iter().try_fold(0i64, |sum, v| sum.checked_add(*v))?;
        ((sum as f64).abs() < EXACT).then(|| sum as f64 / POWERS[usize::from(power)])
    });
    exact.unwrap_or_else(|| values.iter().sum())
}

/// Reads columns.
#[derive(Debug, Clone)]
pub struct Decoder {
    pco: FileDecompressor,
}

impl Decoder {
    /// From what [`Encoder::header`] was.
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
            FLOATS => self.decompress(reader.rest(), rows),
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
        let mut reader = Reader::new(column);
        let kind = reader.u8()?;
        let power = POWERS.get(usize::from(reader.u8()?));
        let power = *power.ok_or(Damaged("a power of ten"))?;
        Ok((power, self.whole(kind, reader, rows, |whole| whole)?))
    }

    /// A column of `rows` whole numbers.
    pub fn whole_numbers(&self, column: &[u8], rows: usize) -> Result<Vec<i64>, Damaged> {
        if rows > MAX_ROWS {
            return Err(Damaged("a column's length"));
        }
        let mut reader = Reader::new(column);
        let kind = reader.u8()?;
        reader.u8()?;
        self.whole(kind, reader, rows, |whole| whole)
    }

    fn whole<T>(
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
            WHOLE_16 => {
                let narrow = self.decompress::<u16>(rest, rows)?;
                narrow.into_iter().map(|v| above(v.into())).collect()
            }
            WHOLE_32 => {
                let narrow = self.decompress::<u32>(rest, rows)?;
                narrow.into_iter().map(|v| above(v.into())).collect()
            }
            WHOLE_64 => {
                let wide = self.decompress::<u64>(rest, rows)?;
                wide.into_iter().map(above).collect()
            }
            _ => return Err(Damaged("a kind of column")),
        })
    }

    fn decompress<T: Number + Default>(
        &self,
        bytes: &[u8],
        rows: usize,
    ) -> Result<Vec<T>, Damaged> {
        let damaged = |_| Damaged("a compressed column");
        let (mut chunk, rest) = self
            .pco
            .chunk_decompressor::<T, _>(bytes)
            .map_err(damaged)?;
        let mut values = vec![T::default(); rows];
        let mut page = chunk.page_decompressor(rest, rows).map_err(damaged)?;
        let progress = page.read(&mut values).map_err(damaged)?;
        match progress.n_processed == rows {
            true => Ok(values),
            false => Err(Damaged("a compressed column")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    fn again(values: &[f64]) -> (Vec<u8>, Vec<u64>) {
        let encoder = Encoder::default();
        let decoder = Decoder::new(&encoder.header()).unwrap();
        let quick = encoder.values(values, false);
        let read = decoder.values(&quick, values.len()).unwrap();
        assert_eq!(bits(&read), bits(values));
        let small = encoder.values(values, true);
        let read = decoder.values(&small, values.len()).unwrap();
        (small, bits(&read))
    }

    #[test]
    fn what_never_changes_takes_next_to_nothing() {
        for (value, bytes) in [(0.0, 1), (1.0, 3), (100.0, 3), (-0.0, 2), (0.1, 9)] {
            let (column, read) = again(&[value; 3600]);
            assert_eq!(column.len(), bytes, "{value}");
            assert_eq!(read, bits(&[value; 3600]));
        }
    }

    #[test]
    fn decimals_are_smaller_than_as_floating_point_numbers() {
        let wave = |i: i64| (5000 + i * i % 997) as f64 / 100.0;
        let values: Vec<f64> = (0..3600).map(wave).collect();
        let (column, read) = again(&values);
        assert_eq!(read, bits(&values));
        let floats = Encoder::default().floats(&values);
        assert!(
            column.len() < floats.len(),
            "{} {}",
            column.len(),
            floats.len()
        );
    }

    /// Values as they are measured, and any others.
    fn reading() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-100_000i64..100_000, 0usize..6).prop_map(|(n, power)| n as f64 / POWERS[power]),
            any::<f64>().prop_filter("finite", |v| v.is_finite()),
            Just(-0.0),
            Just(f64::MIN_POSITIVE / 8.0),
            Just(EXACT),
        ]
    }

    #[test]
    fn what_adds_up_takes_next_to_nothing_beside_each_other() {
        let used = |i: i64| (i * i * 7919) % 100_003;
        let columns: [Vec<f64>; 3] = [
            (0..3600).map(|i| used(i) as f64 / 100.0).collect(),
            (0..3600)
                .map(|i| (800_000 - used(i)) as f64 / 100.0)
                .collect(),
            (0..3600).map(|i| (used(i) + 17) as f64 / 100.0).collect(),
        ];
        let encoder = Encoder::default();
        let decoder = Decoder::new(&encoder.header()).unwrap();
        let mut plain = Plain::default();
        let stored = columns
            .each_ref()
            .map(|column| encoder.beside(column, &mut plain));
        assert!(stored[0].len() > 1000);
        for (i, column) in [(1, 1), (2, 2)] {
            assert!(stored[i].len() < 20, "{}", stored[i].len());
            assert_eq!(beside(&stored[i]).unwrap(), Some(i));
            let read = decoder.values_beside(&stored[i], &stored[0], 3600).unwrap();
            assert_eq!(bits(&read), bits(&columns[column]));
        }
    }

    #[test]
    fn nothing_is_stored_beside_what_is_smaller_as_floating_point_numbers() {
        // Powers of two: long as decimals, short in binary.
        let half = |i: u64| 0.5f64.powi((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as i32 % 12);
        let first: Vec<f64> = (0..3000).map(half).collect();
        let second: Vec<f64> = first.iter().map(|value| value + 1.0).collect();
        let encoder = Encoder::default();
        let decoder = Decoder::new(&encoder.header()).unwrap();
        let mut plain = Plain::default();
        let stored = [&first, &second].map(|column| encoder.beside(column, &mut plain));
        assert_eq!(stored[0][0], FLOATS);
        assert_eq!(beside(&stored[1]).unwrap(), None);
        for (stored, column) in stored.iter().zip([first, second]) {
            assert_eq!(bits(&decoder.values(stored, 3000).unwrap()), bits(&column));
        }
    }

    proptest! {
        #[test]
        fn columns_beside_each_other_read_back_as_themselves(
            values in vec(vec(reading(), 200), 2..5),
            moved in -1000i64..1000,
        ) {
            let mut columns = values;
            // One that goes with the first, and one that goes against it.
            let first = columns[0].clone();
            columns.push(first.iter().map(|v| v + moved as f64).collect());
            columns.push(first.iter().map(|v| moved as f64 - v).collect());
            let encoder = Encoder::default();
            let decoder = Decoder::new(&encoder.header()).unwrap();
            let mut plain = Plain::default();
            let stored: Vec<_> = columns.iter().map(|c| encoder.beside(c, &mut plain)).collect();
            for (i, column) in columns.iter().enumerate() {
                let read = match beside(&stored[i])? {
                    Some(before) => decoder.values_beside(&stored[i], &stored[i - before], 200)?,
                    None => decoder.values(&stored[i], 200)?,
                };
                prop_assert_eq!(bits(&read), bits(column));
            }
        }

        #[test]
        fn values_read_back_as_themselves(values in vec(reading(), 1..300)) {
            let (_, read) = again(&values);
            prop_assert_eq!(read, bits(&values));
        }

        #[test]
        fn decimals_read_back_as_themselves(values in vec(-1_000_000i64..1_000_000, 1..300), power in 0usize..9) {
            let values: Vec<f64> = values.iter().map(|n| *n as f64 / POWERS[power]).collect();
            let (_, read) = again(&values);
            prop_assert_eq!(read, bits(&values));
        }

        #[test]
        fn whole_numbers_read_back_as_themselves(values in vec(any::<i64>(), 1..200), near in vec(0i64..1000, 1..200)) {
            let encoder = Encoder::default();
            let decoder = Decoder::new(&encoder.header()).unwrap();
            for values in [values, near] {
                let column = encoder.whole_numbers(&values);
                prop_assert_eq!(decoder.whole_numbers(&column, values.len())?, values);
            }
        }

        #[test]
        fn nothing_that_is_read_panics(bytes in vec(any::<u8>(), 0..200), rows in 0usize..1000) {
            let decoder = Decoder::new(&Encoder::default().header()).unwrap();
            let _ = decoder.values(&bytes, rows);
            let _ = decoder.whole_numbers(&bytes, rows);
            let _ = decoder.values_beside(&bytes, &bytes, rows);
        }
    }
}
