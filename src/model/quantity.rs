//! Numbers for people: a unit of fitting size, at most three significant digits.

/// `45.2 %`, `1.46 GiB`, `312 KiB/s`, `3.2 ms`, `12.4 k`. The unit is one of the wire's; an unknown one is kept.
pub fn human(value: f64, unit: &str) -> String {
    let (number, unit) = human_parts(value, unit);
    if unit.is_empty() {
        number
    } else {
        format!("{number} {unit}")
    }
}

/// The number and the unit of [`human`] apart, for pages that set them in different sizes.
pub fn human_parts(value: f64, unit: &str) -> (String, String) {
    const BINARY: [&str; 6] = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    const DECIMAL: [&str; 6] = ["", "k", "M", "G", "T", "P"];
    match unit {
        "%" if value.abs() < 99.95 => (format!("{value:.1}"), unit.to_owned()),
        "B" | "B/s" => scaled(value, 1024.0, &BINARY, unit),
        "s" => seconds(value),
        "°C" | "%" => (digits(value), unit.to_owned()),
        _ => scaled(value, 1000.0, &DECIMAL, unit),
    }
}

fn scaled(mut value: f64, step: f64, prefixes: &[&str], unit: &str) -> (String, String) {
    let mut prefix = 0;
    while value.abs() >= 999.5 && prefix + 1 < prefixes.len() {
        value /= step;
        prefix += 1;
    }
    (digits(value), format!("{}{unit}", prefixes[prefix]))
}

fn seconds(value: f64) -> (String, String) {
    const STEPS: [(f64, f64, &str); 6] = [
        (1e-3, 1e-6, "µs"),
        (1.0, 1e-3, "ms"),
        (100.0, 1.0, "s"),
        (6_000.0, 60.0, "min"),
        (172_800.0, 3_600.0, "h"),
        (f64::INFINITY, 86_400.0, "d"),
    ];
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return ("0".to_owned(), "s".to_owned());
    }
    let (_, size, unit) = STEPS
        .into_iter()
        .find(|(below, ..)| magnitude < *below)
        .unwrap_or(STEPS[5]);
    (digits(value / size), unit.to_owned())
}

/// Three significant digits at most; a whole number below 1000 as it is.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if value.fract() == 0.0 || magnitude >= 99.95 {
        format!("{value:.0}")
    } else if magnitude >= 9.995 {
        format!("{value:.1}")
    } else if magnitude >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn three_digits_and_a_unit_of_fitting_size() {
        for (value, unit, text) in [
            (45.23, "%", "45.2 %"),
            (100.0, "%", "100 %"),
            (0.0, "B", "0 B"),
            (1023.0, "B", "1.00 KiB"),
            (1_567_000_000.0, "B", "1.46 GiB"),
            (319_488.0, "B/s", "312 KiB/s"),
            (0.0032, "s", "3.20 ms"),
            (90.0, "s", "90 s"),
            (86_400.0 * 9.4, "s", "9.40 d"),
            (12_345.0, "", "12.3 k"),
            (999.7, "/s", "1.00 k/s"),
            (61.4, "°C", "61.4 °C"),
            (0.37, "", "0.37"),
        ] {
            assert_eq!(human(value, unit), text, "{value} {unit}");
        }
    }
}
