//! Numbers as whole numbers of a power of ten: what measured values are, and what makes them small to keep.

/// Ten to the power of `i`; as a divisor each is exact.
pub const POWERS: [f64; 13] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];
/// Whole numbers below this are exact as floating point numbers.
pub const EXACT: f64 = 9_007_199_254_740_992.0;

/// The values as whole numbers of a power of ten, the least that is exact for all; `None` when there is none.
pub fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut power = 0;
    for value in values {
        while scaled(*value, power).is_none() {
            power += 1;
            if power == POWERS.len() {
                return None;
            }
        }
    }
    let whole = values.iter().map(|v| scaled(*v, power));
    Some((power as u8, whole.collect::<Option<_>>()?))
}

/// A value as a whole number of the least power of ten that is exact for it; `None` when there is none.
pub fn decimal(value: f64) -> Option<(usize, i64)> {
    let mut powers = 0..POWERS.len();
    powers.find_map(|power| Some((power, scaled(value, power)?)))
}

/// A sum, exact as long as its values are decimals that allow it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// In units of this power of ten; none once a value was no decimal, or there was no room.
    whole: i64,
    power: usize,
    is_inexact: bool,
    plain: f64,
}

impl Sum {
    /// With one more value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.plain += value;
        if !self.is_inexact && self.add_exactly(value).is_none() {
            self.is_inexact = true;
        }
    }

    #[inline]
    fn add_exactly(&mut self, value: f64) -> Option<()> {
        let mut scale = 1i64;
        let more = loop {
            match scaled(value, self.power) {
                Some(whole) => break whole,
                None if self.power + 1 < POWERS.len() => {
                    self.power += 1;
                    scale *= 10;
                }
                None => return None,
            }
        };
        self.whole = self.whole.checked_mul(scale)?.checked_add(more)?;
        Some(())
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        match self.is_inexact || (self.whole as f64).abs() >= EXACT {
            true => self.plain,
            false => self.whole as f64 / POWERS[self.power],
        }
    }
}

/// The whole number that is `value` once divided by ten to the power of `power`, bit by bit.
fn scaled(value: f64, power: usize) -> Option<i64> {
    let product = value * POWERS[power];
    if product.abs() >= EXACT {
        return None;
    }
    let whole = (product + 0.5f64.copysign(product)) as i64;
    let again = whole as f64 / POWERS[power];
    (again.to_bits() == value.to_bits()).then_some(whole)
}
