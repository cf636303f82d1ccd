//! Identifiers that come from outside, parsed once: metric, label, host and source names.
//!
//! CR, LF and NUL are refused in all of them, so that no identifier can break a line-based wire.

use std::{fmt, sync::Arc};

/// The longest metric, label or host name, in bytes.
pub const MAX_NAME_BYTES: usize = 200;

/// Why a text is not the identifier it was meant to be. The message names the text and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found:?} is not valid: {accepted}")]
pub struct InvalidName {
    what: &'static str,
    found: String,
    /// What is one.
    pub accepted: &'static str,
}

impl InvalidName {
    pub(crate) fn new(what: &'static str, found: &str, accepted: &'static str) -> Self {
        let found = found.chars().take(80).collect();
        Self {
            what,
            found,
            accepted,
        }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $accepted:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an identifier; the error names the text and what is accepted.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if text.is_empty() || text.len() > MAX_NAME_BYTES || !valid(text) {
                    return Err(InvalidName::new($what, text, $accepted));
                }
                Ok(Self(text.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier!(
    /// The name of a metric, like `cpu_usage`.
    MetricName,
    "metric name",
    "letters, digits, '_' and ':', not starting with a digit, at most 200 bytes",
    |t| {
        t.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
            && !t.as_bytes()[0].is_ascii_digit()
    }
);

identifier!(
    /// The name of a label, like `core`.
    LabelName,
    "label name",
    "letters, digits and '_', not starting with a digit, at most 200 bytes",
    |t| t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !t.as_bytes()[0].is_ascii_digit()
);

identifier!(
    /// The machine (or other place) a series belongs to.
    HostName,
    "host name",
    "any text without control characters or commas, at most 200 bytes",
    |t| !t.chars().any(|c| c.is_control() || c == ',') && t.trim() == t
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names_follow_the_prometheus_alphabet() {
        assert!(MetricName::parse("cpu_usage").is_ok());
        assert!(MetricName::parse("ns:cpu_usage2").is_ok());
        for bad in ["", "2x", "cpu usage", "cpu-usage", "a\nb", "é"] {
            assert!(MetricName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_names_what_was_found() {
        let error = LabelName::parse("a:b").unwrap_err().to_string();
        assert!(
            error.contains("\"a:b\"") && error.contains("letters"),
            "{error}"
        );
    }

    #[test]
    fn line_breaks_are_refused_in_hosts() {
        assert!(HostName::parse("web\r\nid: 9").is_err());
        assert!(HostName::parse("web 1").is_ok());
    }
}
