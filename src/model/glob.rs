//! Name patterns: `*` stands for any run of characters, `?` for one.

use std::fmt;

use wildmatch::WildMatch;

/// One pattern. Two globs are equal when their texts are.
#[derive(Clone)]
pub struct Glob(WildMatch, String);

impl Glob {
    /// Any text is a pattern; runs of `*` count as one.
    pub fn new(pattern: &str) -> Self {
        Self(WildMatch::new(pattern), pattern.to_owned())
    }

    /// Whether the whole of `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.1
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}

impl Eq for Glob {}

impl std::hash::Hash for Glob {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.1.hash(state);
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.1, f)
    }
}

impl serde::Serialize for Glob {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.1)
    }
}

/// Alternatives: matches when any of them does. Empty means "everything".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written")]
pub struct Globs(Vec<Glob>);

impl Globs {
    /// From patterns in any order; sorted and without doubles, so that equal sets are equal values.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let mut globs: Vec<Glob> = patterns
            .into_iter()
            .map(|p| Glob::new(p.as_ref()))
            .collect();
        globs.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        globs.dedup();
        Self(globs)
    }

    /// Whether any pattern fits, or there is none.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|g| g.matches(text))
    }

    /// Whether what is not there at all fits: only where an empty pattern asks for it, or nothing is asked for.
    pub fn match_absence(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|g| g.as_str().is_empty())
    }

    /// No pattern: matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Glob::as_str)
    }
}

/// One pattern, or several.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl From<Written> for Globs {
    fn from(written: Written) -> Self {
        match written {
            Written::One(pattern) => Self::new([pattern]),
            Written::Several(patterns) => Self::new(patterns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_alternatives() {
        let globs = Globs::new(["net_*", "cpu_usage"]);
        assert!(globs.matches("cpu_usage") && globs.matches("net_rx"));
        assert!(!globs.matches("cpu_usage2"));
        assert!(Globs::default().matches("anything"));
        assert_eq!(Globs::new(["b", "a", "b"]), Globs::new(["a", "b"]));
    }
}
