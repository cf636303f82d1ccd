//! Some samples of a series in as few bytes as is quick: a window is read seldom, and there are many.
//!
//! Times are the differences of their differences, values the differences of whole numbers of a power of ten, all in seven
//! bits a byte; values that are not all decimals stay as they are.

use crate::model::{
    Timestamp,
    decimal::{POWERS, decimals},
    varint::{put_i64, take_i64},
};

/// Values are floating point numbers as they are.
const PLAIN: u8 = 255;

/// Samples in the order of time, packed.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    newest: Timestamp,
    count: u16,
}

impl Packed {
    /// Of at least one sample.
    pub fn new(samples: &[(Timestamp, f64)]) -> Self {
        let mut out = Vec::with_capacity(samples.len() * 4 + 16);
        let (mut before, mut step) = (0, 0);
        for (time, _) in samples {
            let time = time.as_millis();
            put_i64(&mut out, (time - before) - step);
            step = time - before;
            before = time;
        }
        let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
        match decimals(&values) {
            Some((power, whole)) => {
                out.push(power);
                let mut before = 0;
                for value in whole {
                    put_i64(&mut out, value - before);
                    before = value;
                }
            }
            None => {
                out.push(PLAIN);
                for value in values {
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }
        }
        Self {
            bytes: out.into(),
            newest: samples.last().map(|(time, _)| *time).unwrap_or_default(),
            count: samples.len() as u16,
        }
    }

    /// When the newest of them was measured.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count.into()
    }

    /// The samples.
    pub fn samples(&self) -> Vec<(Timestamp, f64)> {
        let mut bytes = &*self.bytes;
        let mut samples = Vec::with_capacity(self.len());
        let (mut time, mut step) = (0, 0);
        for _ in 0..self.count {
            step += next(&mut bytes);
            time += step;
            samples.push((Timestamp::from_millis(time), 0.0));
        }
        let Some((power, mut bytes)) = bytes.split_first() else {
            return samples;
        };
        match POWERS.get(usize::from(*power)) {
            Some(power) => {
                let mut whole = 0;
                for (_, value) in &mut samples {
                    whole += next(&mut bytes);
                    *value = whole as f64 / power;
                }
            }
            None => {
                let (values, _) = bytes.as_chunks::<8>();
                for ((_, value), bytes) in samples.iter_mut().zip(values) {
                    *value = f64::from_le_bytes(*bytes);
                }
            }
        }
        samples
    }
}

/// The next number; what is read was written by [`Packed::new`], so there is one.
fn next(bytes: &mut &[u8]) -> i64 {
    take_i64(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn samples_read_back_as_themselves(
            samples in vec((0i64..100_000, prop_oneof![
                (-10_000i64..10_000).prop_map(|n| n as f64 / 100.0),
                any::<f64>().prop_filter("finite", |v| v.is_finite()),
            ]), 1..80),
            begin in -1_000_000_000_000i64..4_000_000_000_000,
        ) {
            let mut time = begin;
            let samples: Vec<_> = samples
                .into_iter()
                .map(|(wait, value)| {
                    time += wait;
                    (Timestamp::from_millis(time), value)
                })
                .collect();
            let packed = Packed::new(&samples);
            prop_assert_eq!(packed.len(), samples.len());
            prop_assert_eq!(packed.newest(), samples[samples.len() - 1].0);
            let bits = |of: &[(Timestamp, f64)]| -> Vec<_> {
                of.iter().map(|(t, v)| (*t, v.to_bits())).collect()
            };
            prop_assert_eq!(bits(&packed.samples()), bits(&samples));
        }
    }

    #[test]
    fn what_is_measured_each_second_takes_a_few_bytes() {
        let samples: Vec<_> = (0..64)
            .map(|i| {
                (
                    Timestamp::from_millis(1_795_000_000_000 + i * 1000 + i % 3),
                    (4500 + i * i % 97) as f64 / 100.0,
                )
            })
            .collect();
        let bytes = Packed::new(&samples).bytes.len();
        assert!(bytes < 64 * 4, "{bytes}");
    }
}
