//! Pushed samples, parsed: a JSON object, an array of them, or NDJSON lines. Pure but for what it knows from before; a fuzz
//! target.

mod scalar;

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

pub use self::scalar::Scalar;
use super::{
    Faults, Pushed,
    groups::Groups,
    known::{Id, Known},
    times::Limits,
};
use crate::model::{
    HostName, InvalidName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, Timestamp, Unit,
};

/// A sample as it is written.
const SHAPE: &str = r#"{"name","value","unit"?,"host"?,"labels"?,"timestamp"?}"#;

/// A sample as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Written<'a> {
    #[serde(borrow, alias = "metric")]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Scalar<'a>,
    #[serde(borrow, default)]
    unit: Option<Text<'a>>,
    #[serde(borrow, default)]
    host: Option<Text<'a>>,
    #[serde(borrow, default)]
    labels: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    timestamp: Option<Scalar<'a>>,
    /// Accepted, so that what was streamed can be pushed again.
    #[serde(borrow, default, rename = "type")]
    _type: Option<Text<'a>>,
    #[serde(borrow, default, rename = "position")]
    _position: Option<Text<'a>>,
}

/// A text that is copied only if it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Labels as they are written, in that order.
struct Pairs<'a>(SmallVec<[(Text<'a>, Scalar<'a>); 4]>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<'a>(PhantomData<Pairs<'a>>);
        impl<'de: 'a, 'a> Visitor<'de> for Object<'a> {
            type Value = Pairs<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels, an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = SmallVec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

impl Written<'_> {
    /// Bytes that say which series it is of: all that it has of its identity, each text behind its length.
    fn head(&self, head: &mut Vec<u8>) {
        let mut put = |text: Option<&str>| {
            // No text is as long as this.
            let length = text.map_or(u32::MAX, |text| text.len() as u32);
            head.extend_from_slice(&length.to_le_bytes());
            head.extend_from_slice(text.unwrap_or_default().as_bytes());
        };
        put(Some(&self.name));
        put(self.unit.as_ref().map(|unit| &*unit.0));
        put(self.host.as_ref().map(|host| &*host.0));
        for (label, value) in self.labels.iter().flat_map(|labels| &labels.0) {
            put(Some(&label.0));
            put(value.text());
        }
    }

    /// The series that it is of; of `host` if it names none.
    fn series(&self, host: &HostName) -> Result<SeriesSpec, String> {
        let said = |error: InvalidName| error.to_string();
        let name = MetricName::parse(&self.name).map_err(said)?;
        let host = match &self.host {
            Some(own) => HostName::parse(&own.0).map_err(said)?,
            None => host.clone(),
        };
        let unit = self.unit.as_ref().map_or("", |unit| &*unit.0);
        let unit = Unit::parse(unit).map_err(said)?;
        let mut pairs: SmallVec<[(&str, &str); 4]> = SmallVec::new();
        for (label, value) in self.labels.iter().flat_map(|labels| &labels.0) {
            let value = value.text().ok_or_else(|| {
                let found = value.shown();
                format!("label {:?}: found {found}, accepted is text", label.0)
            })?;
            pairs.push((&label.0, value));
        }
        let labels = Labels::parse(pairs).map_err(said)?;
        Ok(SeriesSpec {
            key: SeriesKey { host, name, labels },
            unit,
            kind: Kind::Gauge,
        })
    }
}

/// Parses a body.
pub fn parse(body: &[u8], known: &mut Known, limits: &Limits) -> Pushed {
    let mut taking = Taking::new(known, limits);
    let Ok(text) = std::str::from_utf8(body) else {
        let why = "the body is not UTF-8".to_owned();
        taking.faults.add(1, || why);
        return taking.done();
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        // What has no fault is read without a detour; otherwise its elements are looked at one by one.
        if taking.array(text).is_err() {
            taking = Taking::new(known, limits);
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(elements) => {
                    for (i, element) in elements.into_iter().enumerate() {
                        taking.take(i + 1, serde_json::from_str(element.get()));
                    }
                }
                Err(error) => taking.refuse(error.line(), &error),
            }
        }
    } else if let Ok(one) = serde_json::from_str::<&RawValue>(text) {
        taking.take(1, serde_json::from_str(one.get()));
    } else {
        for (i, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                taking.take(i + 1, serde_json::from_str(line));
            }
        }
    }
    taking.done()
}

/// Takes samples one by one.
struct Taking<'a> {
    known: &'a mut Known,
    limits: &'a Limits,
    groups: Groups,
    faults: Faults,
    /// The series of the sample before.
    before: Option<Id>,
    /// What says the series.
    head: Vec<u8>,
    /// The timestamp that was written as text the last time: mostly the next is the same.
    last: (String, Timestamp),
}

impl<'a> Taking<'a> {
    fn new(known: &'a mut Known, limits: &'a Limits) -> Self {
        Self {
            known,
            limits,
            groups: Groups::default(),
            faults: Faults::default(),
            before: None,
            head: Vec::new(),
            last: (String::new(), limits.now),
        }
    }

    /// All elements of an array, unless one of them is no sample.
    fn array(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.deserialize_seq(&mut *self)?;
        deserializer.end()
    }

    fn take(&mut self, line: usize, written: Result<Written<'_>, serde_json::Error>) {
        let sample = match written {
            Ok(written) => self.read(&written),
            Err(error) => return self.refuse(line, &error),
        };
        match sample {
            Ok((id, timestamp, value)) => {
                self.before = Some(id);
                self.groups.add(self.known, id, timestamp, value, line);
            }
            Err(reason) => self.faults.add(line, || reason),
        }
    }

    fn refuse(&mut self, line: usize, error: &serde_json::Error) {
        self.faults
            .add(line, || format!("{error}; a sample is {SHAPE}"));
    }

    fn read(&mut self, written: &Written<'_>) -> Result<(Id, Timestamp, f64), String> {
        let Scalar::Number(value) = written.value else {
            let found = written.value.shown();
            return Err(format!("value: found {found}, accepted is a finite number"));
        };
        self.head.clear();
        written.head(&mut self.head);
        let series = |host: &HostName| written.series(host);
        let id = self.known.find(self.before, &self.head, series)?;
        let timestamp = match &written.timestamp {
            None => self.limits.now,
            Some(Scalar::Text(text)) if *text == self.last.0 => self.last.1,
            Some(written) => {
                let timestamp = self.limits.timestamp(written)?;
                if let Scalar::Text(text) = written {
                    self.last = (text.clone().into_owned(), timestamp);
                }
                timestamp
            }
        };
        Ok((id, timestamp, value))
    }

    fn done(mut self) -> Pushed {
        if self.groups.is_empty() && self.faults.is_empty() {
            self.faults.add(1, || "the body is empty".to_owned());
        }
        let batches = self.groups.into_batches(self.known);
        self.known.trim();
        Pushed {
            batches,
            faults: self.faults,
        }
    }
}

/// The elements of an array, each taken as it is read.
impl<'de> Visitor<'de> for &mut Taking<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut line = 0;
        while let Some(written) = elements.next_element()? {
            line += 1;
            self.take(line, Ok(written));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
