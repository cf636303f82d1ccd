//! What blobs are made of: whole numbers in as few bytes as they need, and a checksum at the end.

use super::Damaged;
use crate::model::varint::{take_i64, take_u64};

/// Appends the checksum (CRC-32) of all there is.
pub fn seal(mut blob: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&blob);
    blob.extend_from_slice(&sum.to_le_bytes());
    blob
}

/// What was sealed, if it is still the same.
pub fn unseal(blob: &[u8]) -> Result<&[u8], Damaged> {
    let (content, sum) = blob.split_last_chunk::<4>().ok_or(Damaged("a checksum"))?;
    match u32::from_le_bytes(*sum) == crc32fast::hash(content) {
        true => Ok(content),
        false => Err(Damaged("a checksum")),
    }
}

/// Reads a blob from its beginning.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether there is nothing left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged("an end"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Damaged> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number.
    pub fn u64(&mut self) -> Result<u64, Damaged> {
        take_u64(&mut self.0).ok_or(Damaged("a number"))
    }

    /// A number that may be negative.
    pub fn i64(&mut self) -> Result<i64, Damaged> {
        take_i64(&mut self.0).ok_or(Damaged("a number"))
    }

    /// How many of something follow, each of which takes at least a byte of what is left.
    pub fn count(&mut self) -> Result<usize, Damaged> {
        let count = self.u64()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.0.len() => Ok(count),
            _ => Err(Damaged("a count")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_other_bit_is_noticed(content in proptest::collection::vec(any::<u8>(), 0..50), at in any::<usize>()) {
            let mut blob = seal(content.clone());
            prop_assert_eq!(unseal(&blob)?, &content[..]);
            let bit = at % (blob.len() * 8);
            blob[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(unseal(&blob).is_err());
        }
    }
}
