//! Message templates: text with `{{ variable }}`. No logic, nothing to execute, nothing to escape from.

use std::fmt;

/// What a template may name; `labels.NAME` as well, for any label.
pub const VARIABLES: [&str; 8] = [
    "rule",
    "level",
    "host",
    "name",
    "labels",
    "value",
    "threshold",
    "unit",
];

/// What a template of a channel may name; `labels.NAME` and `tags.NAME` as well.
pub const OF_MESSAGES: &[&str] = &[
    "rule",
    "level",
    "state",
    "host",
    "name",
    "labels",
    "value",
    "threshold",
    "unit",
    "message",
    "title",
    "text",
    "link",
    "since",
    "duration",
    "alert",
    "delivery",
    "count",
];

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Variable(String),
}

/// A parsed template.
#[derive(Clone, PartialEq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// `{{` without its `}}`.
    #[error("\"{{{{\" without \"}}}}\"")]
    Unclosed,
    /// A variable that does not exist.
    #[error("unknown variable {0:?}; there are {1}")]
    Unknown(String, String),
}

impl Template {
    /// Parses a template of a rule; unknown variables are refused.
    pub fn parse(source: &str) -> Result<Self, InvalidTemplate> {
        Self::parse_with(source, &VARIABLES)
    }

    /// Parses a template in which these variables may stand, and `labels.NAME`; with `message` among them `tags.NAME` too.
    pub fn parse_with(source: &str, variables: &[&str]) -> Result<Self, InvalidTemplate> {
        let has_tags = variables.contains(&"message");
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (variable, tail) = after.split_once("}}").ok_or(InvalidTemplate::Unclosed)?;
            let variable = variable.trim();
            let of = |prefix| {
                let name = variable.strip_prefix(prefix);
                name.is_some_and(|name: &str| !name.is_empty())
            };
            let known = of("labels.") || has_tags && of("tags.") || variables.contains(&variable);
            if !known {
                let tags = if has_tags { ", tags.NAME" } else { "" };
                let there = format!("{}, labels.NAME{tags}", variables.join(", "));
                return Err(InvalidTemplate::Unknown(variable.to_owned(), there));
            }
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Variable(variable.to_owned()));
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self {
            source: source.to_owned(),
            pieces,
        })
    }

    /// Renders with `lookup`, which answers for each variable by name. What it does not know becomes nothing, and of the
    /// spaces around nothing one is enough.
    pub fn render(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        let mut rendered = String::new();
        let mut is_after_nothing = false;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => {
                    let doubled = is_after_nothing && rendered.ends_with(' ');
                    let text = match text.strip_prefix(' ') {
                        Some(rest) if doubled => rest,
                        _ => text,
                    };
                    rendered.push_str(text);
                    is_after_nothing &= text.is_empty();
                }
                Piece::Variable(name) => {
                    let value = lookup(name).unwrap_or_default();
                    is_after_nothing = value.is_empty();
                    rendered.push_str(&value);
                }
            }
        }
        rendered
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl serde::Serialize for Template {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_text_is_kept() {
        let template = Template::parse("CPU {{ labels.core }} at {{value}} %").unwrap();
        let text = template.render(|name| match name {
            "labels.core" => Some("0".into()),
            "value" => Some("{{ level }}".into()),
            _ => None,
        });
        assert_eq!(
            text, "CPU 0 at {{ level }} %",
            "a value is never a template"
        );
    }

    #[test]
    fn nothing_leaves_one_space() {
        let template = Template::parse("at {{ value }} {{ unit }} on {{ host }}").unwrap();
        let text = template.render(|name| Some(if name == "value" { "5" } else { "" }.into()));
        assert_eq!(text, "at 5 on ");
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Template::parse("{{ value"), Err(InvalidTemplate::Unclosed));
        assert!(matches!(
            Template::parse("{{ shell }}"),
            Err(InvalidTemplate::Unknown(name, _)) if name == "shell"
        ));
        assert!(Template::parse("{{ tags.team }}").is_err());
        assert!(Template::parse_with("{{ tags.team }}", OF_MESSAGES).is_ok());
    }
}
