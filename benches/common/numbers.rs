//! Numbers for people.

/// "12,345".
pub fn thousands(number: f64) -> String {
    let plain = format!("{number:.0}");
    let mut out = String::new();
    for (i, digit) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
