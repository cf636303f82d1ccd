//! A line of Prometheus text, read from its beginning: `name{label="value",…} value [timestamp]`. Pure.
//!
//! A line ends with LF or CR LF. Blanks may be between all that it consists of, and what follows a `#` after the value is
//! left out (OpenMetrics has exemplars there).

use crate::model::{
    HostName, InvalidName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, Unit, decimal::POWERS,
};

/// A line as it is written.
pub const SHAPE: &str = "name{label=\"value\",…} value [timestamp]";

/// The label that says which host a series is of.
const HOST: &str = "host";

/// What is left of a body.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a>(pub &'a [u8]);

impl<'a> Rest<'a> {
    /// Goes on behind blanks.
    pub fn skip_blanks(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Whether the line ends here.
    pub fn is_end(&self) -> bool {
        matches!(self.0, [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..])
    }

    /// All up to the next blank or the end of the line.
    pub fn word(&mut self) -> &'a [u8] {
        let is_over = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = self.0.iter().position(is_over).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    /// What is left of the line; goes on with the next one.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// A name and, if there are any, labels in braces: the bytes as they stand.
    pub fn head(&mut self) -> Result<&'a [u8], String> {
        let all = self.0;
        let is_over = |byte: &u8| matches!(byte, b'{' | b' ' | b'\t' | b'\r' | b'\n');
        let name = all.iter().position(is_over).unwrap_or(all.len());
        let mut after = Rest(&all[name..]);
        after.skip_blanks();
        if let [b'{', labels @ ..] = after.0 {
            after.0 = behind_labels(labels).ok_or_else(|| {
                let shown = shown(Rest(all).line());
                format!("{shown}: the labels do not end; a line is {SHAPE}")
            })?;
        } else {
            after.0 = &all[name..];
        }
        let head = &all[..all.len() - after.0.len()];
        self.0 = after.0;
        Ok(head)
    }

    /// The value.
    pub fn value(&mut self) -> Result<f64, String> {
        self.skip_blanks();
        let word = self.word();
        match number(word) {
            Some(value) => Ok(value),
            None if word.is_empty() => Err(format!("there is no value; a line is {SHAPE}")),
            None => {
                let found = shown(word);
                Err(format!("value: found {found}, accepted is a finite number"))
            }
        }
    }

    /// The timestamp as it stands, if there is one, behind which nothing but a comment may follow.
    pub fn timestamp(&mut self) -> Result<Option<&'a [u8]>, String> {
        self.skip_blanks();
        if self.is_end() || self.0[0] == b'#' {
            return Ok(None);
        }
        let word = self.word();
        self.skip_blanks();
        if self.is_end() || self.0[0] == b'#' {
            return Ok(Some(word));
        }
        let found = shown(Rest(self.0).line());
        Err(format!(
            "found {found} behind the timestamp; a line is {SHAPE}"
        ))
    }
}

/// What follows the brace that labels end with. A brace in quotes is none.
fn behind_labels(mut labels: &[u8]) -> Option<&[u8]> {
    let mut quoted = false;
    loop {
        labels = match labels {
            [] | [b'\n', ..] => return None,
            [b'\\', escaped, rest @ ..] if quoted && *escaped != b'\n' => rest,
            [b'"', rest @ ..] => {
                quoted = !quoted;
                rest
            }
            [b'}', rest @ ..] if !quoted => return Some(rest),
            [_, rest @ ..] => rest,
        };
    }
}

/// A finite number.
pub fn number(word: &[u8]) -> Option<f64> {
    if let Some(number) = short(word) {
        return Some(number);
    }
    let text = std::str::from_utf8(word).ok()?;
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number of few digits, as most are, quickly: so many make a whole number that is exact, and the quotient of two exact numbers
/// is rounded once, as it should be. Other numbers are none here.
fn short(word: &[u8]) -> Option<f64> {
    const DIGITS: usize = 15;
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > DIGITS || digits.is_empty() {
        return None;
    }
    let (mut whole, mut point) = (0u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && digits.len() > 1 => point = Some(at),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |point| digits.len() - 1 - point);
    let number = whole as f64 / POWERS.get(decimals)?;
    Some(if negative { -number } else { number })
}

/// A few bytes of a line, for people.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    format!("{:?}", text.chars().take(80).collect::<String>())
}

/// The series of a head; of `host` if it has no label that says another one.
pub fn series(head: &[u8], host: &HostName, unit: &Unit) -> Result<SeriesSpec, String> {
    let text = std::str::from_utf8(head).map_err(|_| format!("{} is not UTF-8", shown(head)))?;
    let (name, labels) = text.split_once('{').unwrap_or((text, "}"));
    let name = MetricName::parse(name.trim_end_matches([' ', '\t']));
    let name = name.map_err(|error| {
        format!("{error}; a line is {SHAPE}, and a body of JSON begins with {{ or [")
    })?;
    let mut pairs = labels_of(labels)?;
    let own = pairs.iter().position(|(label, _)| *label == HOST);
    let host = match own {
        Some(at) => HostName::parse(&pairs.remove(at).1).map_err(said)?,
        None => host.clone(),
    };
    let pairs = pairs.iter().map(|(label, value)| (*label, value.as_str()));
    let labels = Labels::parse(pairs).map_err(said)?;
    Ok(SeriesSpec {
        key: SeriesKey { host, name, labels },
        unit: unit.clone(),
        // As it was pushed: what counts on and on is not made a rate of.
        kind: Kind::Gauge,
    })
}

fn said(error: InvalidName) -> String {
    error.to_string()
}

/// Labels up to the brace they end with, their values without quotes and escapes.
fn labels_of(mut text: &str) -> Result<Vec<(&str, String)>, String> {
    const ACCEPTED: &str = "accepted is label=\"value\" with the escapes \\\\, \\\" and \\n";
    let wrong = |text: &str| format!("labels: found {}, {ACCEPTED}", shown(text.as_bytes()));
    let mut pairs = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t']);
        if text.starts_with('}') {
            return Ok(pairs);
        }
        let (label, value) = text.split_once('=').ok_or_else(|| wrong(text))?;
        let value = value.trim_start_matches([' ', '\t']);
        let value = value.strip_prefix('"').ok_or_else(|| wrong(text))?;
        let (value, rest) = unquoted(value).ok_or_else(|| wrong(text))?;
        pairs.push((label.trim_end_matches([' ', '\t']), value));
        let rest = rest.trim_start_matches([' ', '\t']);
        text = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.starts_with('}') => rest,
            None => return Err(wrong(rest)),
        };
    }
}

/// A text up to the quote it ends with, without escapes; and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut left = text.chars();
    loop {
        match left.next()? {
            '"' => return Some((value, left.as_str())),
            '\\' => value.push(match left.next()? {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
}
