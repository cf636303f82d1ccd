//! Sizes in bytes, in binary units.

use std::ops::RangeInclusive;

use super::{Accept, Raw};

/// The units, largest first, in bytes.
const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A number of bytes between two bounds, both taken.
pub(in super::super) struct Size(pub RangeInclusive<u64>);

impl Accept for Size {
    type Value = usize;

    fn accepted(&self) -> String {
        format!(
            "a size from {} to {}, like 64KiB, 8MiB, 1GiB, or a whole number of bytes",
            show(*self.0.start()),
            show(*self.0.end())
        )
    }

    fn read(&self, raw: Raw<'_>) -> Option<usize> {
        let bytes = match raw.whole() {
            Some(whole) => u64::try_from(whole).ok()?,
            None => parse(raw.text()?)?,
        };
        let bytes = self.0.contains(&bytes).then_some(bytes)?;
        usize::try_from(bytes).ok()
    }

    fn show(&self, value: &usize) -> String {
        show(*value as u64)
    }
}

/// In the largest unit that needs no fraction.
fn show(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
        .map_or_else(
            || bytes.to_string(),
            |(name, unit)| format!("{}{name}", bytes / unit),
        )
}

fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_bytes_need_none() {
        let size = Size(1..=1 << 30);
        for (text, bytes) in [
            ("64KiB", 65_536),
            ("8MiB", 8_388_608),
            ("512B", 512),
            ("512", 512),
        ] {
            assert_eq!(size.read(Raw::Text(text)), Some(bytes), "{text}");
        }
        assert_eq!(show(65_536), "64KiB");
        assert_eq!(show(0), "0");
        for text in ["8MB", "8 MiB", "0", "2GiB", "-1", "20000000000000000000GiB"] {
            assert_eq!(size.read(Raw::Text(text)), None, "{text}");
        }
    }
}
