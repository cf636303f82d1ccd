//! Geometry of the drawings that the server makes: paths, arcs, columns. Numbers only; colours are the style sheet's.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::{borrow::Borrow, fmt::Write as _};

/// The range of values that a drawing's height stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// At the bottom.
    pub low: f64,
    /// At the top.
    pub high: f64,
}

impl Scale {
    /// 0–100.
    pub const PERCENT: Self = Self {
        low: 0.0,
        high: 100.0,
    };

    /// From the smallest to the largest of some values, with a tenth of room at either end; never of no height.
    pub fn around(values: &[Option<f64>]) -> Self {
        let known = || values.iter().flatten().copied();
        let low = known().fold(f64::INFINITY, f64::min);
        let high = known().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self::PERCENT;
        }
        let room = ((high - low) * 0.1).max(high.abs() * 0.01).max(1e-9);
        Self {
            low: low - room,
            high: high + room,
        }
    }

    /// From zero to the largest of some values, with room above.
    pub fn from_zero(values: &[Option<f64>]) -> Self {
        let high = values.iter().flatten().copied().fold(0.0, f64::max);
        Self {
            low: 0.0,
            high: if high > 0.0 { high * 1.1 } else { 1.0 },
        }
    }

    /// How far up a value is, 0–1.
    fn share(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// A line through values at equal distances, in a box of `width` × `height`, as the `d` of an SVG path.
/// A gap in the values is a gap in the line; a value between two gaps is a dot.
pub fn line(values: &[Option<f64>], scale: Scale, width: f64, height: f64) -> String {
    let step = width / values.len().saturating_sub(1).max(1) as f64;
    let mut path = String::new();
    let mut pen = None;
    for (i, value) in values.iter().enumerate() {
        let Some(value) = value else {
            pen = None;
            continue;
        };
        let x = tenth(i as f64 * step);
        let y = tenth(height * (1.0 - scale.share(*value)));
        match pen {
            // From one point to the next is fewer digits than where they are, and this is sent again and again.
            Some((from_x, from_y)) => {
                let (right, down) = (tenth(x - from_x), tenth(y - from_y));
                let between = if down < 0.0 { "" } else { " " };
                let _ = write!(path, "l{right}{between}{down}");
            }
            None => {
                let _ = write!(path, "M{x} {y}");
                if values.get(i + 1).is_none_or(Option::is_none) {
                    path.push_str("h.1");
                }
            }
        }
        pen = Some((x, y));
    }
    path
}

/// The surface between the values and `base` (0 is the top of the box, `height` its bottom), upwards or downwards.
pub fn area(values: &[Option<f64>], scale: Scale, width: f64, base: f64, tip: f64) -> String {
    let step = width / values.len().saturating_sub(1).max(1) as f64;
    let mut path = String::new();
    let mut last = None;
    for (i, value) in values.iter().enumerate() {
        let x = tenth(i as f64 * step);
        match value {
            Some(value) => {
                let y = tenth(base + (tip - base) * scale.share(*value));
                if last.is_none() {
                    let _ = write!(path, "M{x} {}", tenth(base));
                }
                let _ = write!(path, "L{x} {y}");
                last = Some(x);
            }
            None => close(&mut path, last.take(), base),
        }
    }
    close(&mut path, last, base);
    path
}

fn close(path: &mut String, last: Option<f64>, base: f64) {
    if let Some(x) = last {
        let _ = write!(path, "L{x} {}Z", tenth(base));
    }
}

/// A `stroke-dasharray` that shows the first `percent` of a path whose `pathLength` is 100.
pub fn dash(percent: &f64) -> String {
    format!("{} 100", tenth(percent.clamp(0.0, 100.0)))
}

/// The angle in degrees at which `percent` lies on the gauge's arc, which runs over 240° and starts at 150°.
pub fn angle(percent: &f64) -> f64 {
    tenth(150.0 + 2.4 * percent.clamp(0.0, 100.0))
}

/// Rounded to a tenth: finer is never seen, and would be sent every second.
pub fn tenth(value: impl Borrow<f64>) -> f64 {
    (value.borrow() * 10.0).round() / 10.0
}

/// Text made safe as an element's id, without two texts ever becoming one.
pub fn slug(text: &str) -> String {
    let mut id = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            id.push(c);
        } else {
            let _ = write!(id, "_{:x}_", c as u32);
        }
    }
    id
}

/// A short text that stands for another in ids that are sent each second; safe in ids like [`slug`], and other for other
/// texts but for one pair in four thousand million.
pub fn short_id(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:x}", hasher.finish() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_values_is_a_gap_in_the_line() {
        let values = [Some(0.0), Some(100.0), None, Some(50.0)];
        let path = line(&values, Scale::PERCENT, 30.0, 10.0);
        assert_eq!(path, "M0 10l10-10M30 5h.1");
    }

    #[test]
    fn areas_close_at_their_base_in_either_direction() {
        let values = [Some(100.0), None, Some(50.0)];
        assert_eq!(
            area(&values, Scale::PERCENT, 20.0, 10.0, 0.0),
            "M0 10L0 0L0 10ZM20 10L20 5L20 10Z"
        );
        assert_eq!(
            area(&values[..1], Scale::PERCENT, 20.0, 10.0, 20.0),
            "M0 10L0 20L0 10Z"
        );
    }

    #[test]
    fn a_flat_or_empty_line_has_a_scale() {
        for values in [vec![], vec![None], vec![Some(0.0)], vec![Some(7.0); 3]] {
            let scale = Scale::around(&values);
            assert!(scale.high > scale.low, "{values:?}");
        }
    }

    #[test]
    fn ids_stay_apart() {
        assert_eq!(slug("web-1"), "web-1");
        assert_ne!(slug("a b"), slug("a_b"));
    }
}
