//! Numbers for people: at most three significant digits after the point, bytes and durations in fitting units.
//!
//! For messages and pages only. What is sent, stored or compared is never rounded.

/// Factors of 1024 (IEC 80000-13).
const BYTES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A value with its unit: `97.2 %`, `1.5 KiB`, `1.23 ms`, `2 h 5 min`, `12.3/s`, `42`.
pub fn human(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        "B" => bytes(value),
        "B/s" => bytes(value) + "/s",
        "s" => seconds(value),
        _ if unit.starts_with('/') => number(value) + unit,
        _ => format!("{} {unit}", number(value)),
    }
}

/// Whether [`human`] scales this unit by 1024, so that the number means nothing without the unit it chose.
pub fn is_bytes(unit: &str) -> bool {
    matches!(unit, "B" | "B/s")
}

/// A number to three significant digits, without trailing zeros. Digits before the point are never rounded away:
/// 1234.6 is `1235` (a count of processes is not "about 1230"). Beyond 10¹⁵ and below 10⁻⁶ it is scientific.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-6..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bytes(value: f64) -> String {
    let mut scaled = value;
    let mut units = BYTES.iter();
    let mut unit = units.next();
    // 1023.5 would be written as 1024.
    while scaled.abs() >= 1023.5
        && let Some(next) = units.next()
    {
        scaled /= 1024.0;
        unit = Some(next);
    }
    format!("{} {}", number(scaled), unit.unwrap_or(&"B"))
}

/// One unit below two minutes, two units from there on.
fn seconds(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1.0..120.0).contains(&size) {
        return format!("{} s", number(value));
    }
    if size < 1e-3 {
        return format!("{} µs", number(value * 1e6));
    }
    if size < 1.0 {
        return format!("{} ms", number(value * 1e3));
    }
    let (big, small, of_small) = if size < 7200.0 {
        ("min", "s", 1.0)
    } else if size < 172_800.0 {
        ("h", "min", 60.0)
    } else {
        ("d", "h", 3600.0)
    };
    let per_big = if big == "d" { 24.0 } else { 60.0 };
    let total = (size / of_small).round();
    let (whole, rest) = ((total / per_big).floor(), total % per_big);
    let sign = if value < 0.0 { "-" } else { "" };
    if rest == 0.0 {
        format!("{sign}{whole} {big}")
    } else {
        format!("{sign}{whole} {big} {rest} {small}")
    }
}

/// The number and the unit of a figure that changes in place: as many digits each time, so that nothing jumps.
/// `("45.0", "%")`, `("1.46", "GiB")`, `("312", "KiB/s")`, `("3.20", "ms")`, `("12.4", "k")`.
pub fn parts(value: f64, unit: &str) -> (String, String) {
    const BINARY: [&str; 6] = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    const DECIMAL: [&str; 6] = ["", "k", "M", "G", "T", "P"];
    match unit {
        "%" if value.abs() < 99.95 => (format!("{value:.1}"), unit.to_owned()),
        "B" | "B/s" => scaled(value, 1024.0, &BINARY, unit),
        "s" => time_parts(value),
        "°C" | "%" => (digits(value), unit.to_owned()),
        _ => scaled(value, 1000.0, &DECIMAL, unit),
    }
}

/// A count with its digits in threes: `1 234 567`, with narrow spaces at which no line breaks.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let threes = digits.as_bytes().rchunks(3).rev();
    let threes: Vec<_> = threes.map(String::from_utf8_lossy).collect();
    threes.join("\u{202f}")
}

/// [`parts`] in one text.
pub fn figure(value: f64, unit: &str) -> String {
    let (number, unit) = parts(value, unit);
    format!("{number} {unit}").trim_end().to_owned()
}

fn scaled(mut value: f64, step: f64, prefixes: &[&str], unit: &str) -> (String, String) {
    let mut prefix = 0;
    while value.abs() >= 999.5 && prefix + 1 < prefixes.len() {
        value /= step;
        prefix += 1;
    }
    (digits(value), format!("{}{unit}", prefixes[prefix]))
}

fn time_parts(value: f64) -> (String, String) {
    const STEPS: [(f64, f64, &str); 6] = [
        (1e-3, 1e-6, "µs"),
        (1.0, 1e-3, "ms"),
        (100.0, 1.0, "s"),
        (6_000.0, 60.0, "min"),
        (172_800.0, 3_600.0, "h"),
        (f64::INFINITY, 86_400.0, "d"),
    ];
    let size = value.abs();
    if size == 0.0 {
        return ("0".to_owned(), "s".to_owned());
    }
    let step = STEPS.into_iter().find(|(below, ..)| size < *below);
    let (_, of, unit) = step.unwrap_or(STEPS[5]);
    (digits(value / of), unit.to_owned())
}

/// Three significant digits, fewer only for whole numbers.
fn digits(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 || size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_people_say_them() {
        for (value, unit, text) in [
            (97.23, "%", "97.2 %"),
            (90.0, "%", "90 %"),
            (99.96, "%", "100 %"),
            (0.0, "%", "0 %"),
            (-0.004, "°C", "-0.004 °C"),
            (1536.0, "B", "1.5 KiB"),
            (1023.7, "B", "1 KiB"),
            (512.4, "B", "512 B"),
            (5.0 * 1024.0 * 1024.0 * 1024.0, "B", "5 GiB"),
            (-2048.0, "B", "-2 KiB"),
            (1e30, "B", "867361737988 EiB"),
            (2_500_000.0, "B/s", "2.38 MiB/s"),
            (0.00123, "s", "1.23 ms"),
            (0.000_004_5, "s", "4.5 µs"),
            (15.0, "s", "15 s"),
            (125.0, "s", "2 min 5 s"),
            (600.0, "s", "10 min"),
            (86_400.0, "s", "24 h"),
            (200_000.0, "s", "2 d 8 h"),
            (12.34, "/s", "12.3/s"),
            (1234.5, "", "1234"),
            (1235.0, "", "1235"),
            (42.0, "", "42"),
            (1e18, "", "1.00e18"),
        ] {
            assert_eq!(human(value, unit), text, "{value} {unit}");
        }
    }

    #[test]
    fn a_count_has_its_digits_in_threes() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn figures_keep_their_digits_and_have_a_unit_of_fitting_size() {
        for (value, unit, text) in [
            (45.0, "%", "45.0 %"),
            (100.0, "%", "100 %"),
            (0.0, "B", "0 B"),
            (1023.0, "B", "1.00 KiB"),
            (1_567_000_000.0, "B", "1.46 GiB"),
            (319_488.0, "B/s", "312 KiB/s"),
            (0.0032, "s", "3.20 ms"),
            (86_400.0 * 9.4, "s", "9.40 d"),
            (12_345.0, "", "12.3 k"),
            (61.4, "°C", "61.4 °C"),
        ] {
            assert_eq!(figure(value, unit), text, "{value} {unit}");
        }
    }
}
