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

/// The sum, exact where the values are decimals that allow it: then it is one too, and takes as little room.
pub fn sum(values: &[f64]) -> f64 {
    let exact = quick_sum(values).or_else(|| {
        let (power, whole) = decimals(values)?;
        let sum = whole.iter().try_fold(0i64, |sum, v| sum.checked_add(*v))?;
        ((sum as f64).abs() < EXACT).then(|| sum as f64 / POWERS[usize::from(power)])
    });
    exact.unwrap_or_else(|| values.iter().sum())
}

/// The mean of `count` values, given their sum. Of decimals, whose sum is exact, it is the number that is nearest to the
/// exact mean: a division of whole numbers is rounded once, where the sum as a floating point number would have been rounded
/// before.
pub fn mean(sum: f64, count: f64) -> f64 {
    let exact = decimal(sum).and_then(|(power, whole)| {
        let divisor = count * POWERS[power];
        (divisor < EXACT).then(|| whole as f64 / divisor)
    });
    exact.unwrap_or(sum / count)
}

/// The sum of decimals that are not large, several at once: floating point numbers hold whole numbers exactly.
fn quick_sum(values: &[f64]) -> Option<f64> {
    const AT_ONCE: usize = 64;
    let (mut power, mut sum) = (0, 0.0f64);
    for values in values.chunks(AT_ONCE) {
        let more = loop {
            match whole_sum(values, POWERS[power]) {
                Some(more) => break more,
                None => {
                    power += 1;
                    sum *= 10.0;
                    if power == POWERS.len() || sum.abs() >= EXACT {
                        return None;
                    }
                }
            }
        };
        sum += more;
        if sum.abs() >= EXACT / 10.0 {
            return None;
        }
    }
    Some(sum / POWERS[power])
}

/// The sum of so many times each value, if that are whole numbers: of few values, and none so large that the sum could be
/// inexact.
#[inline]
fn whole_sum(values: &[f64], scale: f64) -> Option<f64> {
    /// What is added and taken away again is rounded to a whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LARGEST: f64 = (1u64 << 46) as f64;
    let (mut sum, mut fits) = (0.0f64, true);
    for value in values {
        let product = value * scale;
        let whole = (product + ROUND) - ROUND;
        fits &= (whole / scale == *value) & (product.abs() < LARGEST);
        sum += whole;
    }
    fits.then_some(sum)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn a_sum_of_decimals_is_the_nearest_number_to_it(
            values in vec((-900_000_000_000i64..900_000_000_000, 0usize..4), 0..300),
            shift in 0u32..40,
        ) {
            let values: Vec<_> = values.iter().map(|(n, power)| (n >> shift, *power)).collect();
            let exact: i64 = values.iter().map(|(n, power)| n * 10i64.pow(3 - *power as u32)).sum();
            let numbers: Vec<f64> = values.iter().map(|(n, power)| *n as f64 / POWERS[*power]).collect();
            prop_assume!((exact as f64).abs() < EXACT);
            prop_assert_eq!(sum(&numbers), exact as f64 / POWERS[3]);
        }

        #[test]
        fn a_sum_of_any_numbers_is_what_adding_them_gives(values in vec(any::<f64>(), 0..100)) {
            let plain: f64 = values.iter().sum();
            let of = sum(&values);
            prop_assert!(of == plain || (of.is_nan() && plain.is_nan()) || decimals(&values).is_some());
        }
    }

    #[test]
    fn what_is_too_large_to_be_exact_is_no_less_than_added_up() {
        let large = [9e15, 1.5, -9e15];
        assert_eq!(sum(&large), large.iter().sum::<f64>());
        assert_eq!(sum(&[1e14, 0.001, 0.0001]), 1e14 + 0.0011);
        assert_eq!(sum(&[0.1; 1000]), 100.0);
    }
}
