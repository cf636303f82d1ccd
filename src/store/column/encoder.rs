//! Numbers into columns.

use pco::{ChunkConfig, ModeSpec, data_types::Number, wrapped::FileCompressor};

use super::{
    CONSTANT, DIFFERENCES, FLOATS, RELATED, RUNS, WHOLE_16, WHOLE_32, WHOLE_64,
    plain::{Decimals, Plain, WORTH_RELATING},
};
use crate::model::{
    decimal::decimals,
    varint::{put_i64, put_u64},
};

/// Columns shorter than this are tried without pco too, which needs about 20 bytes to describe a column.
const SHORT: usize = 64;
/// Columns shorter than this are done without pco if that makes no more than so many bytes of a value, where it is to be
/// quick: describing a column takes pco as long as hundreds of values do, and it is done again when it is put together with others.
const QUICK: (usize, usize) = (256, 2);

/// Runs of the same value are tried where there are so many times fewer of them than values.
const WORTH_RUNS: usize = 3;

/// Writes columns.
#[derive(Debug, Default)]
pub struct Encoder {
    pco: FileCompressor,
    config: ChunkConfig,
}

impl Encoder {
    /// What a `Decoder` has to know.
    pub fn header(&self) -> Vec<u8> {
        self.pco
            .write_header(Vec::new())
            .unwrap_or_else(|_| unreachable!("memory takes everything"))
    }

    /// A column of readings, at most `MAX_ROWS`. With `thorough` it is tried as floating point numbers too where it
    /// might be smaller so.
    pub fn values(&self, values: &[f64], thorough: bool) -> Vec<u8> {
        if let Some(constant) = constant(values) {
            return constant;
        }
        let Some((power, whole)) = decimals(values) else {
            return self.floats(values);
        };
        let column = self.whole(&whole, power, thorough);
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
            out.append(&mut self.whole(&rest, power, true));
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

    /// A column of whole numbers. `thorough` takes twice as long.
    pub fn whole_numbers(&self, values: &[i64], thorough: bool) -> Vec<u8> {
        let column = self.whole(values, 0, true);
        if !thorough {
            return column;
        }
        // pco looks for numbers that all are multiples of. Where such a one is in what they are apart by chance, as in the
        // numbers of the batches of a few sources, that makes them larger, and it does not notice.
        let classic = Self {
            config: self.config.clone().with_mode_spec(ModeSpec::Classic),
            ..Self::default()
        };
        let classic = classic.whole(values, 0, true);
        match classic.len() < column.len() {
            true => classic,
            false => column,
        }
    }

    pub(super) fn floats(&self, values: &[f64]) -> Vec<u8> {
        let mut out = vec![FLOATS];
        self.compress(values, &mut out);
        out
    }

    fn whole(&self, values: &[i64], power: u8, thorough: bool) -> Vec<u8> {
        let column = self.each(values, power, thorough);
        let runs = thorough.then(|| self.runs(values, power)).flatten();
        match runs.filter(|runs| runs.len() < column.len()) {
            Some(runs) => runs,
            None => column,
        }
    }

    /// Whole numbers as runs of the same, if they are long enough for that to be of use.
    fn runs(&self, values: &[i64], power: u8) -> Option<Vec<u8>> {
        let runs: Vec<&[i64]> = values.chunk_by(|a, b| a == b).collect();
        if runs.len() * WORTH_RUNS > values.len() {
            return None;
        }
        let lengths: Vec<i64> = runs.iter().map(|run| run.len() as i64).collect();
        let values: Vec<i64> = runs.iter().map(|run| run[0]).collect();
        let mut lengths = self.each(&lengths, 0, true);
        let mut out = vec![RUNS, power];
        put_u64(&mut out, runs.len() as u64);
        put_u64(&mut out, lengths.len() as u64);
        out.append(&mut lengths);
        out.append(&mut self.each(&values, 0, true));
        Some(out)
    }

    /// Whole numbers one by one.
    fn each(&self, values: &[i64], power: u8, thorough: bool) -> Vec<u8> {
        if !thorough && values.len() < QUICK.0 {
            let column = differences(values, power);
            if column.len() <= values.len() * QUICK.1 {
                return column;
            }
        }
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
    let mut out = Vec::with_capacity(values.len() * 2 + 16);
    out.extend_from_slice(&[DIFFERENCES, power]);
    let mut before = 0i64;
    for value in values {
        put_i64(&mut out, value.wrapping_sub(before));
        before = *value;
    }
    out
}
