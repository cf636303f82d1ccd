//! Events as CBOR (RFC 8949): samples from the parts kept with their series, everything else from its JSON.
//!
//! One object in two notations: the same fields, a number without a fraction an integer in both, a time the same
//! text. A whole map or array has its length in front.

use std::fmt;

use cbor4ii::core::types::Null;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::write::whole;
use crate::{
    model::Seq,
    series::{
        Series,
        cbor::{array, item, map, text_of, texts},
    },
};

/// The samples of one batch of a subscription; `position` is that of the last.
pub(super) fn metrics(
    out: &mut Vec<u8>,
    subscription: &str,
    position: (&str, Seq),
    samples: &[(Seq, &Series, f64)],
    time: &str,
) {
    let Some((_, series, _)) = samples.last() else {
        return;
    };
    let (epoch, seq) = position;
    map(out, 6);
    texts(
        out,
        &["type", "metrics", "subscription", subscription, "position"],
    );
    text_of(out, &[epoch, "-", itoa::Buffer::new().format(seq)]);
    out.extend_from_slice(&series.cbor().host);
    texts(out, &["timestamp", time, "data"]);
    array(out, samples.len());
    for (_, series, value) in samples {
        let parts = series.cbor();
        out.push(parts.map);
        out.extend_from_slice(&parts.head);
        number(out, *value);
        out.extend_from_slice(&parts.tail);
    }
}

/// A sample with host and time.
pub(super) fn sample_object(out: &mut Vec<u8>, series: &Series, value: f64, time: &str) {
    let parts = series.cbor();
    out.push(parts.map + 2);
    out.extend_from_slice(&parts.head);
    number(out, value);
    out.extend_from_slice(&parts.tail);
    out.extend_from_slice(&parts.host);
    texts(out, &["timestamp", time]);
}

/// Whole numbers as integers, as in JSON; others as the shorter float that is exact, of four or eight bytes. Not of
/// two: hardly a sample would fit, and not every decoder has them.
fn number(out: &mut Vec<u8>, value: f64) {
    match whole(value) {
        Some(whole) => item(out, whole),
        None => float(out, value),
    }
}

fn float(out: &mut Vec<u8>, value: f64) {
    let short = value as f32;
    if f64::from(short) == value {
        item(out, short);
    } else {
        item(out, value);
    }
}

/// An object of ours in JSON as CBOR.
pub(super) fn object(out: &mut Vec<u8>, json: &[u8]) {
    let mut text = serde_json::Deserializer::from_slice(json);
    let written = Item(out).deserialize(&mut text).and_then(|()| text.end());
    debug_assert!(written.is_ok(), "what we write is JSON: {written:?}");
}

/// Takes one value and writes it.
struct Item<'a>(&'a mut Vec<u8>);

impl Item<'_> {
    /// Writes the head of an array or a map before its members, from `begun` on.
    fn head(self, begun: usize, head: fn(&mut Vec<u8>, usize), members: usize) {
        let end = self.0.len();
        head(self.0, members);
        let bytes = self.0.len() - end;
        self.0[begun..].rotate_right(bytes);
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        item(self.0, Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        item(self.0, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        item(self.0, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        item(self.0, value);
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        float(self.0, value);
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        item(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let begun = self.0.len();
        let mut count = 0;
        while items.next_element_seed(Item(self.0))?.is_some() {
            count += 1;
        }
        self.head(begun, array, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let begun = self.0.len();
        let mut count = 0;
        while pairs.next_key_seed(Item(self.0))?.is_some() {
            pairs.next_value_seed(Item(self.0))?;
            count += 1;
        }
        self.head(begun, map, count);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
