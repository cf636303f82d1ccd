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
    #[error(
        "unknown variable {0:?}; there are rule, level, host, name, labels, labels.NAME, value, threshold, unit"
    )]
    Unknown(String),
}

impl Template {
    /// Parses a template; unknown variables are refused.
    pub fn parse(source: &str) -> Result<Self, InvalidTemplate> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (variable, tail) = after.split_once("}}").ok_or(InvalidTemplate::Unclosed)?;
            let variable = variable.trim();
            let label = variable
                .strip_prefix("labels.")
                .is_some_and(|n| !n.is_empty());
            if !label && !VARIABLES.contains(&variable) {
                return Err(InvalidTemplate::Unknown(variable.to_owned()));
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

    /// Renders with `lookup`, which answers for each variable by name; what it does not know becomes nothing.
    pub fn render(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Variable(name) => lookup(name).unwrap_or_default(),
            })
            .collect()
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
    fn faults_are_named() {
        assert_eq!(Template::parse("{{ value"), Err(InvalidTemplate::Unclosed));
        assert_eq!(
            Template::parse("{{ shell }}"),
            Err(InvalidTemplate::Unknown("shell".into()))
        );
    }
}
