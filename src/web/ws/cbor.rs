//! A client's CBOR as the JSON object it stands for. Pure; a fuzz target.
//!
//! Taken is what JSON can say: maps with text as keys, each once, arrays, text, integers of 64 bits, finite floats of
//! any length, booleans and null (undefined is null). Of definite length, and at most 64 deep. What a frame
//! declares is not believed: memory is taken for what is there.

use std::convert::Infallible;

use cbor4ii::core::{
    dec::{self, Decode, Read, Reference},
    major, marker, types,
};
use serde_json::{Map, Number, Value, map::Entry};

/// Maps and arrays in each other.
const MAX_DEPTH: usize = 64;

/// What is wrong with a frame, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the frame is not one CBOR map that JSON could say: at byte {at} {what}")]
pub struct Fault {
    /// Bytes before it.
    pub at: usize,
    /// A part of a sentence.
    pub what: String,
}

/// The object that a frame is.
pub fn object(frame: &[u8]) -> Result<Map<String, Value>, Fault> {
    let mut reader = Reader {
        bytes: frame,
        at: 0,
    };
    if dec::if_major(reader.first()?) != major::MAP {
        return Err(fault(0, "there is something else than a map"));
    }
    let object = reader.map(MAX_DEPTH)?;
    match frame.len() - reader.at {
        0 => Ok(object),
        more => Err(fault(
            reader.at,
            format!("the map ends, and {more} bytes follow"),
        )),
    }
}

fn fault(at: usize, what: impl Into<String>) -> Fault {
    let what = what.into();
    Fault { at, what }
}

/// A frame, and how much of it was read.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Read<'a> for Reader<'a> {
    type Error = Infallible;

    fn fill<'b>(&'b mut self, want: usize) -> Result<Reference<'a, 'b>, Infallible> {
        let rest = &self.bytes[self.at..];
        Ok(Reference::Long(&rest[..want.min(rest.len())]))
    }

    fn advance(&mut self, n: usize) {
        self.at = self.at.saturating_add(n).min(self.bytes.len());
    }
}

impl<'a> Reader<'a> {
    /// The byte that an item begins with.
    fn first(&self) -> Result<u8, Fault> {
        let first = self.bytes.get(self.at).copied();
        first.ok_or_else(|| fault(self.at, "an item is missing"))
    }

    /// An item of which the first byte is right.
    fn take<T: Decode<'a>>(&mut self, what: &str) -> Result<T, Fault> {
        let at = self.at;
        T::decode(self).map_err(|error| match error {
            dec::Error::Eof { .. } | dec::Error::RequireLength { .. } => {
                fault(at, format!("{what} breaks off"))
            }
            dec::Error::RequireUtf8 { .. } => fault(at, format!("{what} is not UTF-8")),
            dec::Error::CastOverflow { .. } => fault(at, format!("{what} is out of range")),
            _ => fault(at, format!("{what} is malformed")),
        })
    }

    fn text(&mut self, what: &str) -> Result<&'a str, Fault> {
        if self.first()? == major::STRING << 5 | marker::START {
            return Err(fault(self.at, format!("{what} is of indefinite length")));
        }
        self.take(what)
    }

    /// How many members a map or an array declares.
    fn members<T>(
        &mut self,
        what: &str,
        len: impl FnOnce(&mut Self) -> Result<Option<usize>, T>,
    ) -> Result<usize, Fault> {
        let at = self.at;
        match len(self) {
            Ok(Some(members)) => Ok(members),
            Ok(None) => Err(fault(at, format!("{what} is of indefinite length"))),
            Err(_) => Err(fault(at, format!("the head of {what} is malformed"))),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        let first = self.first()?;
        match dec::if_major(first) {
            major::UNSIGNED => Ok(self.take::<u64>("an integer")?.into()),
            major::NEGATIVE => Ok(self.take::<i64>("a negative integer")?.into()),
            major::STRING => Ok(self.text("a text")?.into()),
            major::ARRAY => self.array(depth).map(Value::Array),
            major::MAP => self.map(depth).map(Value::Object),
            major::BYTES => Err(fault(self.at, "there is a byte string")),
            major::TAG => Err(fault(self.at, "there is a tag")),
            _ => self.simple(first),
        }
    }

    fn simple(&mut self, first: u8) -> Result<Value, Fault> {
        let at = self.at;
        let number = match first {
            marker::FALSE | marker::TRUE => return Ok(self.take::<bool>("a boolean")?.into()),
            marker::NULL | marker::UNDEFINED => {
                self.advance(1);
                return Ok(Value::Null);
            }
            marker::F16 => {
                let types::F16(bits) = self.take("a float")?;
                of_half(bits)
            }
            marker::F32 => self.take::<f32>("a float")?.into(),
            marker::F64 => self.take("a float")?,
            _ => return Err(fault(at, "there is a simple value")),
        };
        let finite = Number::from_f64(number).map(Value::Number);
        finite.ok_or_else(|| fault(at, "a float is not finite"))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Fault> {
        let depth = self.deeper(depth)?;
        let members = self.members("an array", types::Array::len)?;
        let mut array = Vec::new();
        for _ in 0..members {
            array.push(self.value(depth)?);
        }
        Ok(array)
    }

    fn map(&mut self, depth: usize) -> Result<Map<String, Value>, Fault> {
        let depth = self.deeper(depth)?;
        let pairs = self.members("a map", types::Map::len)?;
        let mut map = Map::new();
        for _ in 0..pairs {
            let at = self.at;
            if dec::if_major(self.first()?) != major::STRING {
                return Err(fault(at, "there is a key that is not text"));
            }
            let key = self.text("a key")?;
            match map.entry(key) {
                Entry::Vacant(free) => free.insert(self.value(depth)?),
                Entry::Occupied(_) => return Err(fault(at, "there is a key for the second time")),
            };
        }
        Ok(map)
    }

    fn deeper(&self, depth: usize) -> Result<usize, Fault> {
        let what = || format!("there are more than {MAX_DEPTH} maps and arrays in each other");
        depth.checked_sub(1).ok_or_else(|| fault(self.at, what()))
    }
}

/// The value of a float of two bytes (RFC 8949, appendix D).
fn of_half(bits: u16) -> f64 {
    let (exponent, mantissa) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn what(frame: &[u8]) -> String {
        object(frame).unwrap_err().what
    }

    /// The map `{"a": item}`.
    fn a(item: &[u8]) -> Vec<u8> {
        [&[0xa1, 0x61, b'a'], item].concat()
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let deep = a(&[0x81; 70]);
        let faults: [(&[u8], usize, &str); 22] = [
            (&[], 0, "an item is missing"),
            (&[0x01], 0, "something else than a map"),
            (&[0xd9, 0xd9, 0xf7, 0xa0], 0, "something else than a map"),
            (&[0xa0, 0xa0], 1, "1 bytes follow"),
            (&[0xa1], 1, "an item is missing"),
            (&[0xa1, 0x61], 1, "a key breaks off"),
            (&[0xa1, 0x01, 0x01], 1, "a key that is not text"),
            (&[0xbf, 0xff], 0, "indefinite length"),
            (
                &[0xa1, 0x7f, 0x61, b'a', 0xff, 0x01],
                1,
                "a key is of indefinite length",
            ),
            (
                &[0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x02],
                4,
                "second time",
            ),
            (
                &[0xbb, 255, 255, 255, 255, 255, 255, 255, 255],
                9,
                "an item is missing",
            ),
            (&[0xbc], 0, "the head of a map is malformed"),
            (
                &a(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]),
                12,
                "an item is missing",
            ),
            (
                &a(&[0x7b, 255, 255, 255, 255, 255, 255, 255, 255]),
                3,
                "a text breaks off",
            ),
            (&a(&[0x9f, 0xff]), 3, "an array is of indefinite length"),
            (&a(&[0x62, 0xff, 0xfe]), 3, "a text is not UTF-8"),
            (&a(&[0x42, 1, 2]), 3, "a byte string"),
            (&a(&[0xc1, 0x01]), 3, "a tag"),
            (
                &a(&[0x3b, 255, 255, 255, 255, 255, 255, 255, 255]),
                3,
                "out of range",
            ),
            (&a(&[0xf9, 0x7c, 0x00]), 3, "not finite"),
            (&a(&[0xf0]), 3, "a simple value"),
            (&deep, 66, "more than 64"),
        ];
        for (frame, at, expected) in faults {
            let fault = object(frame).unwrap_err();
            assert!(fault.what.contains(expected), "{frame:02x?}: {fault}");
            assert_eq!(fault.at, at, "{frame:02x?}: {fault}");
        }
    }

    #[test]
    fn null_and_undefined_are_null() {
        assert_eq!(object(&a(&[0xf6])).unwrap()["a"], Value::Null);
        assert_eq!(object(&a(&[0xf7])).unwrap()["a"], Value::Null);
    }

    #[test]
    fn what_a_frame_declares_takes_no_memory() {
        for head in [0x9a, 0xba, 0x7a] {
            assert!(!what(&a(&[head, 0x7f, 255, 255, 255])).is_empty());
        }
    }

    #[test]
    fn floats_of_two_bytes_are_those_of_the_standard() {
        // RFC 8949, appendix A.
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3e00, 1.5),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 0.000_061_035_156_25),
            (0xc400, -4.0),
        ] {
            assert_eq!(of_half(bits), value);
        }
    }

    /// JSON of every kind, except null: cbor4ii writes that as an empty array.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter_map("finite", |v| Number::from_f64(v).map(Value::Number)),
            any::<f32>()
                .prop_filter_map("finite", |v| Number::from_f64(v.into()).map(Value::Number)),
            "\\PC{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 10, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..30).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,30}", inner, 0..30)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_another_writer_writes_is_read_as_it_was(value in json()) {
            let frame = cbor4ii::serde::to_vec(Vec::new(), &serde_json::json!({ "a": value })).unwrap();
            prop_assert_eq!(&object(&frame).unwrap()["a"], &value);
        }

        #[test]
        fn no_frame_panics(frame in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&frame);
            let _ = object(&a(&frame));
        }
    }
}
