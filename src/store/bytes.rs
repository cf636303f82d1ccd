//! What blobs are made of: whole numbers in as few bytes as they need (LEB128), and a checksum at the end.

use super::Damaged;

/// Appends a number: seven bits a byte, the lowest first.
pub fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number that may be negative: small either way is short.
pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, (value << 1 ^ value >> 63) as u64);
}

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
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged("a number"))
    }

    /// A number that may be negative.
    pub fn i64(&mut self) -> Result<i64, Damaged> {
        let value = self.u64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
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
        fn numbers_read_back_as_themselves(u in any::<u64>(), i in any::<i64>()) {
            let mut out = Vec::new();
            put_u64(&mut out, u);
            put_i64(&mut out, i);
            let mut reader = Reader::new(&out);
            prop_assert_eq!((reader.u64()?, reader.i64()?), (u, i));
            prop_assert!(reader.is_empty());
        }

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
