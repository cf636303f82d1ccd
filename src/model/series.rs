//! What a series is: host + name + labels, with a unit and a kind.

use std::{fmt, sync::Arc};

use super::{
    glob::Globs,
    name::{HostName, InvalidName, LabelName, MetricName},
};

/// The most labels one series may have.
pub const MAX_LABELS: usize = 16;
/// The longest label value, in bytes.
pub const MAX_LABEL_VALUE_BYTES: usize = 256;
/// The longest unit, in bytes.
pub const MAX_UNIT_BYTES: usize = 16;

/// An interned series, valid for one life of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

impl SeriesId {
    /// Of a series that nobody has sampled in this life.
    pub const NONE: Self = Self(u32::MAX);

    /// As an index into arrays by series.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a value was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A reading.
    Gauge,
    /// A counter, sent as its rate per second.
    Counter,
}

impl Kind {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }

    /// From the word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Gauge, Self::Counter]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// A unit as written on the wire: `%`, `B`, `B/s`, `s`, `°C`, `/s`, or empty for a plain number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize)]
pub struct Unit(Arc<str>);

impl Unit {
    /// Parses a unit: up to 16 bytes without control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() > MAX_UNIT_BYTES || text.chars().any(char::is_control) {
            return Err(InvalidName::new(
                "unit",
                text,
                "at most 16 bytes without control characters",
            ));
        }
        Ok(Self(text.into()))
    }

    /// The unit as text; empty for a plain number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Labels of a series, sorted by name, each name once.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Arc<[(LabelName, Box<str>)]>);

impl Labels {
    /// From pairs in any order. Refused: a name given twice, a bad name, a value over 256 bytes or with CR, LF or
    /// NUL, more than 16 labels.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidName> {
        let mut labels = Vec::new();
        for (name, value) in pairs {
            if value.len() > MAX_LABEL_VALUE_BYTES || value.contains(['\r', '\n', '\0']) {
                return Err(InvalidName::new(
                    "label value",
                    value,
                    "at most 256 bytes without CR, LF or NUL",
                ));
            }
            labels.push((LabelName::parse(name)?, value.into()));
        }
        labels.sort();
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(InvalidName::new(
                "label name",
                pair[0].0.as_str(),
                "each label once",
            ));
        }
        if labels.len() > MAX_LABELS {
            return Err(InvalidName::new(
                "label name",
                labels[MAX_LABELS].0.as_str(),
                "at most 16 labels a series",
            ));
        }
        Ok(Self(labels.into()))
    }

    /// The value of one label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Whether the value of one label fits; its absence fits only where an empty pattern asks for it.
    pub fn fit(&self, name: &str, globs: &Globs) -> bool {
        self.get(name)
            .map_or_else(|| globs.match_absence(), |value| globs.matches(value))
    }

    /// Name and value pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), &**v))
    }

    /// No label at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// `core="0", mode="user"`; empty without labels.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        Ok(())
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, String>::deserialize(d)?;
        Self::parse(map.iter().map(|(n, v)| (n.as_str(), v.as_str())))
            .map_err(serde::de::Error::custom)
    }
}

/// What makes a series the one it is.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct SeriesKey {
    /// Where it was measured.
    pub host: HostName,
    /// What was measured.
    pub name: MetricName,
    /// Which one of several.
    #[serde(default)]
    pub labels: Labels,
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.labels.is_empty() {
            write!(f, "{{{}}}", self.labels)?;
        }
        write!(f, " on {}", self.host)
    }
}

/// A series as a source describes it, before it is interned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeriesSpec {
    /// Its identity.
    pub key: SeriesKey,
    /// Its unit.
    pub unit: Unit,
    /// Its kind.
    pub kind: Kind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_unique() {
        let labels = Labels::parse([("b", "2"), ("a", "1")]).unwrap();
        assert_eq!(labels.to_string(), r#"a="1", b="2""#);
        assert!(Labels::parse([("a", "1"), ("a", "2")]).is_err());
        assert!(Labels::parse([("a", "x\ny")]).is_err());
        assert!(Labels::parse([("a", "x".repeat(257).as_str())]).is_err());
    }
}
