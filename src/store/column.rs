//! Columns of numbers as bytes: lossless, and as small as is quick.
//!
//! Measured values are decimals: host sensors round to a declared precision, people push `45.2`. As binary fractions they
//! look like noise; as whole numbers of hundredths they are small, close to each other, and often the same. So a column
//! is stored as whole numbers and a power of ten if every value is one exactly, and as floating point numbers if not.
//! Both are compressed by pco. What never changes takes only itself.

mod decoder;
mod encoder;
mod plain;
#[cfg(test)]
mod tests;

pub use self::{
    decoder::Decoder,
    encoder::Encoder,
    plain::{Plain, beside},
};

/// The most values of a column.
pub const MAX_ROWS: usize = 1 << 18;

/// One value, which all are.
const CONSTANT: u8 = 0;
/// Floating point numbers, by pco.
const FLOATS: u8 = 1;
/// Whole numbers, each as the difference to the one before.
const DIFFERENCES: u8 = 2;
/// What has to be added to, or to be taken from, the values of another column of the group: a column of whole numbers.
const RELATED: u8 = 6;
/// Whole numbers of which many are the same as the one before: how long each stays, and what it is.
const RUNS: u8 = 7;
/// Whole numbers above the smallest, by pco, in 16, 32 or 64 bits.
const WHOLE_16: u8 = 3;
const WHOLE_32: u8 = 4;
const WHOLE_64: u8 = 5;
