//! The older samples of a window in as few bytes as is quick: a window is read seldom, and there are many.
//!
//! They come and go in pieces, which lie one behind the other in one piece of memory. Times are the differences of their
//! differences, values the differences of whole numbers of a power of ten, all in as many bits as the largest of the piece takes;
//! values that are not all decimals stay as they are.

use crate::model::{
    Timestamp,
    decimal::{POWERS, decimals},
    varint::{put_u64, take_u64, unzigzag, zigzag},
};

/// The most samples of a piece.
pub(super) const PIECE: usize = 32;
/// Bytes before what is packed in a piece: how many these are, how many samples, when the newest was measured.
const HEAD: usize = 2 + 1 + 8;
/// Values are floating point numbers as they are.
const PLAIN: u8 = 255;

/// Pieces of samples, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// Where the oldest piece begins; what is before is over.
    start: usize,
}

/// Some samples, packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// When the newest of them was measured.
    pub newest: Timestamp,
    /// How many there are.
    pub count: usize,
    bytes: &'a [u8],
}

impl Packed {
    /// Adds a piece of one to [`PIECE`] samples.
    pub fn push(&mut self, samples: &[(Timestamp, f64)]) {
        debug_assert!((1..=PIECE).contains(&samples.len()));
        let mut piece = Vec::with_capacity(HEAD + samples.len() * 4);
        pack(samples, &mut piece);
        // Grown a little at a time: most windows are as full as they get.
        let wanted = HEAD + piece.len();
        if self.bytes.capacity() - self.bytes.len() < wanted {
            self.bytes.drain(..self.start);
            self.start = 0;
            if self.bytes.capacity() - self.bytes.len() < wanted {
                self.bytes.reserve_exact(wanted + self.bytes.len() / 8);
            }
        }
        let newest = samples.last().map_or(0, |(time, _)| time.as_millis());
        self.bytes.extend((piece.len() as u16).to_le_bytes());
        self.bytes.push(samples.len() as u8);
        self.bytes.extend(newest.to_le_bytes());
        self.bytes.extend(piece);
    }

    /// The oldest piece.
    pub fn oldest(&self) -> Option<Piece<'_>> {
        self.pieces().next()
    }

    /// Forgets the oldest piece.
    pub fn pop(&mut self) {
        if let Some(oldest) = self.oldest() {
            self.start += HEAD + oldest.bytes.len();
        }
    }

    /// All pieces, the oldest first.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = &self.bytes[self.start..];
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (count, after) = after.split_first()?;
            let (newest, after) = after.split_first_chunk::<8>()?;
            let (bytes, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
            rest = after;
            Some(Piece {
                newest: Timestamp::from_millis(i64::from_le_bytes(*newest)),
                count: (*count).into(),
                bytes,
            })
        })
    }
}

fn pack(samples: &[(Timestamp, f64)], out: &mut Vec<u8>) {
    let times = samples.iter().map(|(time, _)| time.as_millis());
    let newest = times.clone().next_back().unwrap_or_default();
    put_steps(out, times.map(|time| time - newest), true);
    let mut values = [0.0; PIECE];
    let values = &mut values[..samples.len()];
    for (value, (_, sample)) in values.iter_mut().zip(samples) {
        *value = *sample;
    }
    match decimals(values) {
        Some((power, whole)) => {
            out.push(power);
            put_steps(out, whole.into_iter(), false);
        }
        None => {
            out.push(PLAIN);
            for value in values {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

impl Piece<'_> {
    /// The samples.
    pub fn samples(&self) -> Vec<(Timestamp, f64)> {
        let mut bytes = self.bytes;
        let times = take_steps(&mut bytes, self.count, true);
        let at = |time| Timestamp::from_millis(self.newest.as_millis() + time);
        let mut samples: Vec<_> = times.map(|time| (at(time), 0.0)).collect();
        let Some((power, mut bytes)) = bytes.split_first() else {
            return samples;
        };
        match POWERS.get(usize::from(*power)) {
            Some(power) => {
                let whole = take_steps(&mut bytes, self.count, false);
                for ((_, value), whole) in samples.iter_mut().zip(whole) {
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

/// Numbers as their differences, or, where they are `steady`, as how these differ from the one before.
fn put_steps(out: &mut Vec<u8>, numbers: impl Iterator<Item = i64>, steady: bool) {
    let (mut before, mut step) = (0, 0);
    let mut steps = [0; PIECE];
    let mut count = 0;
    for number in numbers {
        steps[count] = zigzag(number - before - step);
        if steady {
            // The first is where it begins, and no step.
            step = if count == 0 { 0 } else { number - before };
        }
        before = number;
        count += 1;
    }
    // Those that are larger by their nature are for themselves.
    let (first, rest) = steps[..count].split_at(count.min(2));
    first.iter().for_each(|number| put_u64(out, *number));
    put_bits(out, rest);
}

fn take_steps(bytes: &mut &[u8], count: usize, steady: bool) -> impl Iterator<Item = i64> {
    let mut steps = [0; PIECE];
    let (first, rest) = steps[..count.min(PIECE)].split_at_mut(count.min(2));
    // What is read was written above, so there is one.
    first
        .iter_mut()
        .for_each(|number| *number = take_u64(bytes).unwrap_or_default());
    take_bits(bytes, rest);
    let (mut before, mut step) = (0, 0);
    steps
        .into_iter()
        .take(count)
        .enumerate()
        .map(move |(at, by)| {
            let number = before + step + unzigzag(by);
            if steady {
                step = if at == 0 { 0 } else { number - before };
            }
            before = number;
            number
        })
}

/// Numbers in as many bits each as the largest takes.
fn put_bits(out: &mut Vec<u8>, numbers: &[u64]) {
    let width = 64
        - numbers
            .iter()
            .fold(0, |all, number| all | number)
            .leading_zeros();
    out.push(width as u8);
    let (mut held, mut bits) = (0u128, 0);
    for number in numbers {
        held |= u128::from(*number) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

fn take_bits(bytes: &mut &[u8], numbers: &mut [u64]) {
    let Some((width, rest)) = bytes.split_first() else {
        return;
    };
    let width = u32::from(*width);
    let length = (width as usize * numbers.len()).div_ceil(8);
    let (packed, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    *bytes = rest;
    let mut packed = packed.iter();
    let (mut held, mut bits) = (0u128, 0);
    for number in numbers {
        while bits < width
            && let Some(byte) = packed.next()
        {
            held |= u128::from(*byte) << bits;
            bits += 8;
        }
        *number = (held & ((1 << width) - 1)) as u64;
        held >>= width;
        bits = bits.saturating_sub(width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    type Samples = Vec<(Timestamp, f64)>;

    fn bits(of: &[(Timestamp, f64)]) -> Vec<(Timestamp, u64)> {
        of.iter().map(|(t, v)| (*t, v.to_bits())).collect()
    }

    fn pieces() -> impl Strategy<Value = Vec<Samples>> {
        let value = prop_oneof![
            (-10_000i64..10_000).prop_map(|n| n as f64 / 100.0),
            any::<f64>().prop_filter("finite", |v| v.is_finite()),
        ];
        let piece = vec((0i64..100_000, value), 1..=PIECE);
        let begin = -1_000_000_000_000i64..4_000_000_000_000;
        (vec(piece, 1..12), begin).prop_map(|(pieces, mut time)| {
            let timed = pieces.into_iter().map(|piece| {
                let timed = piece.into_iter().map(|(wait, value)| {
                    time += wait;
                    (Timestamp::from_millis(time), value)
                });
                timed.collect()
            });
            timed.collect()
        })
    }

    proptest! {
        #[test]
        fn samples_read_back_as_themselves_whatever_has_gone(pieces in pieces(), keep in 1usize..4) {
            let mut packed = Packed::default();
            for (i, piece) in pieces.iter().enumerate() {
                packed.push(piece);
                if i >= keep {
                    packed.pop();
                }
                let kept = &pieces[(i + 1).saturating_sub(keep)..=i];
                let read: Vec<_> = packed.pieces().map(|piece| bits(&piece.samples())).collect();
                let expected: Vec<_> = kept.iter().map(|piece| bits(piece)).collect();
                prop_assert_eq!(read, expected);
                let oldest = packed.oldest().map(|piece| (piece.count, piece.newest));
                prop_assert_eq!(oldest, Some((kept[0].len(), kept[0][kept[0].len() - 1].0)));
            }
        }
    }

    #[test]
    fn what_is_measured_each_second_takes_a_few_bytes() {
        let mut packed = Packed::default();
        for piece in 0..100i64 {
            let at = |i: i64| (piece * 32 + i) * 1000 + 1_795_000_000_000 + i % 3;
            let value = |i: i64| (4500 + i * i % 97) as f64 / 100.0;
            let samples: Vec<_> = (0..32)
                .map(|i| (Timestamp::from_millis(at(i)), value(i)))
                .collect();
            packed.push(&samples);
            if piece >= 18 {
                packed.pop();
            }
        }
        let bytes = packed.bytes.capacity();
        assert!(bytes < 600 * 4, "{bytes}");
    }
}
