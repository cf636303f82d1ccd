//! Name patterns: `*` stands for any run of characters, `?` for one; `[*]` and `[?]` for themselves.

use std::{fmt, str::Chars};

/// One pattern. Two globs are equal when their texts are.
#[derive(Clone)]
pub struct Glob(Box<[Token]>, String);

/// What a piece of a pattern fits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Any run of characters, also none.
    Run,
    /// One character, whichever.
    Any,
    /// This character.
    One(char),
}

impl Glob {
    /// Any text is a pattern; runs of `*` count as one.
    pub fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some((token, after)) = token(rest) {
            tokens.push(token);
            rest = after;
        }
        tokens.dedup_by(|a, b| *a == Token::Run && *b == Token::Run);
        Self(tokens.into(), pattern.to_owned())
    }

    /// The pattern that fits this text, and no other.
    pub fn literal(text: &str) -> Self {
        Self::new(&text.replace('*', "[*]").replace('?', "[?]"))
    }

    /// Whether the whole of `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        fits(&self.0, text)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.1
    }
}

/// The first token of a pattern, and what follows it.
fn token(pattern: &str) -> Option<(Token, &str)> {
    for (written, wild) in [("[*]", '*'), ("[?]", '?')] {
        if let Some(rest) = pattern.strip_prefix(written) {
            return Some((Token::One(wild), rest));
        }
    }
    let mut chars = pattern.chars();
    let token = match chars.next()? {
        '*' => Token::Run,
        '?' => Token::Any,
        c => Token::One(c),
    };
    Some((token, chars.as_str()))
}

fn fits(tokens: &[Token], text: &str) -> bool {
    let mut text = text.chars();
    let mut at = 0;
    // What follows the newest run, and where that ends: it may be one character longer.
    let mut run: Option<(usize, Chars<'_>)> = None;
    loop {
        if tokens.get(at) == Some(&Token::Run) {
            at += 1;
            run = Some((at, text.clone()));
            continue;
        }
        match (tokens.get(at), text.next()) {
            (None, None) => return true,
            // A longer run leaves even less.
            (Some(_), None) => return false,
            (Some(token), Some(c)) if [Token::Any, Token::One(c)].contains(token) => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, end)) = &mut run else {
            return false;
        };
        if end.next().is_none() {
            return false;
        }
        (at, text) = (*after, end.clone());
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

    /// The one pattern that fits this text, and no other.
    pub fn literal(text: &str) -> Self {
        Self(vec![Glob::literal(text)])
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
    use proptest::prelude::*;

    /// By the definition: every way to split the text.
    fn by_definition(pattern: &[Token], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, first) => first.is_none(),
            (Some((Token::Run, rest)), _) => {
                (0..=text.len()).any(|taken| by_definition(rest, &text[taken..]))
            }
            (Some(_), None) => false,
            (Some((token, rest)), Some((c, left))) => {
                (*token == Token::Any || *token == Token::One(*c)) && by_definition(rest, left)
            }
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_it_says(pattern in "[ab*?\\[\\]]{0,10}", text in "[ab*?\\[\\]]{0,10}") {
            let glob = Glob::new(&pattern);
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(glob.matches(&text), by_definition(&glob.0, &chars));
        }

        #[test]
        fn a_literal_fits_its_text_alone(text in "([ab*?\\[\\]]|.){0,10}", other in "[ab*?\\[\\]]{0,10}") {
            let glob = Glob::literal(&text);
            prop_assert!(glob.matches(&text));
            prop_assert_eq!(glob.matches(&other), text == other);
            prop_assert_eq!(Glob::new(glob.as_str()), glob);
        }
    }

    #[test]
    fn a_bracket_stands_for_itself_unless_it_is_around_a_wildcard() {
        assert!(Glob::new("a[*]").matches("a*") && !Glob::new("a[*]").matches("ab"));
        assert!(Glob::new("[?]*").matches("?b") && !Glob::new("[?]*").matches("ab"));
        assert!(Glob::new("[ab]").matches("[ab]") && !Glob::new("[ab]").matches("a"));
        assert!(Glob::new("[**]").matches("[x]") && Glob::new("[").matches("["));
        assert_eq!(Glob::literal("[*]?").as_str(), "[[*]][?]");
    }

    #[test]
    fn stars_and_alternatives() {
        let globs = Globs::new(["net_*", "cpu_usage"]);
        assert!(globs.matches("cpu_usage") && globs.matches("net_rx"));
        assert!(!globs.matches("cpu_usage2"));
        assert!(Globs::default().matches("anything"));
        assert_eq!(Globs::new(["b", "a", "b"]), Globs::new(["a", "b"]));
    }
}
