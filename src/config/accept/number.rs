//! Numbers and switches.

use std::ops::RangeInclusive;

use super::{Accept, Raw};

/// A whole number between two bounds, both taken.
pub(in super::super) struct Whole<T>(pub RangeInclusive<T>);

impl<T: TryFrom<i128> + PartialOrd + ToString> Accept for Whole<T> {
    type Value = T;

    fn accepted(&self) -> String {
        format!(
            "a whole number from {} to {}",
            self.show(self.0.start()),
            self.show(self.0.end())
        )
    }

    fn read(&self, raw: Raw<'_>) -> Option<T> {
        let number = T::try_from(raw.whole()?).ok()?;
        self.0.contains(&number).then_some(number)
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// Any finite number.
pub(in super::super) struct Number;

impl Accept for Number {
    type Value = f64;

    fn accepted(&self) -> String {
        "a finite number, in the unit of the metric".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<f64> {
        raw.number()
    }

    fn show(&self, value: &f64) -> String {
        value.to_string()
    }
}

/// `true` or `false`.
pub(in super::super) struct Switch;

impl Accept for Switch {
    type Value = bool;

    fn accepted(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<bool> {
        match raw {
            Raw::File(value) => value.as_bool(),
            Raw::Text(text) => text.trim().parse().ok(),
        }
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}
