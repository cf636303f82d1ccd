//! What a key takes: one type a kind of value, which reads it, says in words what it accepts, and writes it back.

mod address;
mod duration;
mod globs;
mod list;
mod network;
mod number;
mod size;
mod text;
mod time;
mod told;
mod web;
mod word;

use toml::de::DeValue;

pub(super) use address::Address;
pub(super) use duration::{OrNever, Span, parse as parse_duration, show as show_duration};
pub(super) use globs::{GlobList, MetricGlob};
pub(super) use list::ListOf;
pub(super) use network::Addresses;
pub use network::Network;
pub(super) use number::{Number, Switch, Whole};
pub(super) use size::Size;
pub(super) use text::{
    Argument, Host, Label, LongText, Mailbox, Metric, Name, Path, Sentence, Text,
};
pub(super) use time::{TimeOfDay, Zone};
pub(super) use told::Told;
pub(super) use web::{AllowedHost, BaseUrl, Origin};
pub(super) use word::Word;

/// A kind of value.
pub(super) trait Accept {
    /// What it becomes.
    type Value;

    /// What is accepted, in words that finish "this key takes …".
    fn accepted(&self) -> String;

    /// Reads a value; `None` when it is not accepted.
    fn read(&self, raw: Raw<'_>) -> Option<Self::Value>;

    /// A value as it is written in the file.
    fn show(&self, value: &Self::Value) -> String;
}

/// A value as it came: of the file, or the text of an environment variable or a flag.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    File(&'a DeValue<'a>),
    Text(&'a str),
}

impl<'a> Raw<'a> {
    /// As text; a number in the file is none.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::File(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    /// As a whole number.
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Self::File(DeValue::Integer(n)) => i128::from_str_radix(n.as_str(), n.radix()).ok(),
            Self::File(_) => None,
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// As a finite number, whole or not.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self {
            Self::File(DeValue::Float(n)) => n.as_str().parse().ok()?,
            Self::File(_) => self.whole()? as f64,
            Self::Text(text) => text.trim().parse::<f64>().ok()?,
        };
        number.is_finite().then_some(number)
    }

    /// As a list: of the file, or separated by commas.
    pub(super) fn items(self) -> Option<Vec<Raw<'a>>> {
        match self {
            Self::File(DeValue::Array(items)) => {
                Some(items.iter().map(|i| Raw::File(i.get_ref())).collect())
            }
            Self::File(_) => None,
            Self::Text(text) => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(Raw::Text)
                    .collect(),
            ),
        }
    }

    /// As it is repeated in a fault.
    pub(super) fn show(self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::File(value) => show(value),
        }
    }
}

fn show(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(n) => n.to_string(),
        DeValue::Float(n) => n.to_string(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|i| show(i.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let pairs = table.iter();
            let pairs: Vec<_> = pairs
                .map(|(key, value)| format!("{} = {}", key.get_ref(), show(value.get_ref())))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
