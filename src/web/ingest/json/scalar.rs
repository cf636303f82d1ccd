//! A value in JSON, where a number or a text is meant.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value},
};
use serde_json::Value;

/// A number, a text that is copied only if it has escapes, or what neither is.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Finite: JSON has no others.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// Anything else.
    Other(Box<Value>),
}

impl Scalar<'_> {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As it is written, or the beginning of that, for people.
    pub fn shown(&self) -> String {
        let written = match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => Value::from(&**text).to_string(),
            Self::Other(value) => value.to_string(),
        };
        written.chars().take(80).collect()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

fn other<'de>(value: impl Into<Value>) -> Scalar<'de> {
    Scalar::Other(Box::new(value.into()))
}

#[allow(clippy::cast_precision_loss)] // a reading is an f64
impl<'de> Visitor<'de> for Any {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(other(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(other(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        let value = Value::deserialize(value::SeqAccessDeserializer::new(list))?;
        Ok(other(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let value = Value::deserialize(value::MapAccessDeserializer::new(map))?;
        Ok(other(value))
    }
}
