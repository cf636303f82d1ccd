use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    config,
    entry::{Entry, What},
    model::{
        Activity, Epoch, HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId,
        Timestamp, Unit,
    },
    series::Registry,
    stream::{
        Stream, encode,
        filter::{Filter, Topics},
        view::{Encoding, Notation, Samples, Shape, Stretch, ViewSpec},
    },
};

/// The payloads of the frames in `bytes`, each after the first byte of its frame.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let [kind, length, rest @ ..] = bytes {
        let (length, rest) = match length {
            126 => (u16::from_be_bytes([rest[0], rest[1]]).into(), &rest[2..]),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            short => (usize::from(*short), rest),
        };
        frames.push((*kind, &rest[..length]));
        bytes = &rest[length..];
    }
    frames
}

/// The objects in frames of a notation, read by serde_json and by cbor4ii's own reader.
fn objects(bytes: &[u8], notation: Notation) -> Vec<Value> {
    let object = |(kind, payload): (u8, &[u8])| match notation {
        Notation::Json => {
            assert_eq!(kind, 0x81);
            serde_json::from_slice(payload).unwrap()
        }
        Notation::Cbor => {
            assert_eq!(kind, 0x82);
            cbor4ii::serde::from_slice(payload).unwrap()
        }
    };
    frames(bytes).into_iter().map(object).collect()
}

fn stream() -> Stream {
    let epoch = Epoch { boot: 1, suffix: 7 };
    let config = config::Stream::default();
    Stream::new(&config, epoch, Vec::new(), None, Default::default())
}

/// All that a subscription in a notation sees.
fn seen(stream: &Stream, notation: Notation) -> Vec<Value> {
    let spec = ViewSpec {
        topics: Topics::all(),
        filter: Filter::default(),
        shape: Shape::Batch,
        period: Duration::ZERO,
        encoding: Encoding::Socket("s1".into(), notation),
    };
    let view = stream.views().get(spec, None).unwrap();
    let upto = stream.log().head();
    let (mut after, mut seen) = (0, Vec::new());
    while after < upto {
        let stretch = Stretch {
            after,
            upto,
            samples: Samples::All,
        };
        let chunk = view.chunk(stream, stretch);
        seen.extend(objects(&chunk.bytes, notation));
        after = chunk.upto;
    }
    seen
}

type Batch = Vec<(String, Vec<(String, String)>, String, f64)>;

fn batches() -> impl Strategy<Value = Vec<(String, i64, Batch)>> {
    let value = prop_oneof![
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
        any::<f32>().prop_filter_map("finite", |v| v.is_finite().then_some(v.into())),
        any::<i64>().prop_map(|v| v as f64),
        (-1000i64..100_000).prop_map(|v| v as f64 / 10.0),
        Just(-0.0),
    ];
    let labels = prop::collection::btree_map("[a-z_][a-z0-9_]{0,30}", "[^\r\n\0]{0,60}", 0..4);
    let labels = labels.prop_map(|labels| labels.into_iter().collect());
    let sample = ("[a-zA-Z_:][a-z0-9_:]{0,40}", labels, "\\PC{0,4}", value);
    let batch = prop::collection::vec(sample, 1..60);
    prop::collection::vec(("h[^\\pC,]{0,30}h", 0..4_000_000_000_000i64, batch), 1..4)
}

/// Publishes batches; what was published, as a list in a notation.
fn publish(stream: &Stream, batches: &[(String, i64, Batch)], notation: Notation) -> Bytes {
    let mut list = encode::List::new(notation);
    let (_registry, mut writer) = Registry::new(100_000);
    for (host, at, batch) in batches {
        let spec = |(name, labels, unit, _): &(String, Vec<(String, String)>, String, f64)| {
            let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            SeriesSpec {
                key: SeriesKey {
                    host: HostName::parse(host).unwrap(),
                    name: MetricName::parse(name).unwrap(),
                    labels: Labels::parse(pairs).unwrap(),
                },
                unit: Unit::parse(unit).unwrap(),
                kind: Kind::Gauge,
            }
        };
        let specs: Vec<_> = batch.iter().map(spec).collect();
        let series = writer.resolve(&SourceId::new("test"), &specs);
        let series: Vec<_> = series.into_iter().map(Result::unwrap).collect();
        for (series, (.., value)) in series.iter().zip(batch) {
            list.push(series, *value, Timestamp::from_millis(*at));
        }
        let first = stream.log().head() + 1;
        stream.publish(vec![Arc::new(Entry {
            first,
            last: first + batch.len() as u64 - 1,
            received: Timestamp::default(),
            what: What::Samples {
                timestamp: Timestamp::from_millis(*at),
                layout: series.into(),
                values: batch.iter().map(|(.., value)| *value).collect(),
                offsets: None,
            },
        })]);
    }
    list.frame("\"type\":\"initial\"", ",\"done\":true")
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 30, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..30).prop_map(Value::from),
            prop::collection::btree_map(".{0,30}", inner, 0..30)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn samples_are_the_same_objects_in_both_notations(batches in batches()) {
        let stream = stream();
        let list = publish(&stream, &batches, Notation::Cbor);
        let same = publish(&self::stream(), &batches, Notation::Json);
        prop_assert_eq!(objects(&list, Notation::Cbor), objects(&same, Notation::Json));
        let cbor = seen(&stream, Notation::Cbor);
        prop_assert_eq!(cbor.len(), batches.len());
        prop_assert_eq!(cbor, seen(&stream, Notation::Json));
    }

    #[test]
    fn any_json_is_the_same_in_cbor(value in any_json()) {
        let json = serde_json::to_vec(&value).unwrap();
        let bytes = encode::frame(Notation::Cbor, &json);
        prop_assert_eq!(objects(&bytes, Notation::Cbor), [value]);
    }
}

#[test]
fn lines_of_the_feed_and_events_of_one_client_are_the_same_objects() {
    let stream = stream();
    let activity = Activity::new(
        "deploy",
        "\"2\" is out\n\u{1f980}".to_owned(),
        Timestamp::from_millis(1_700_000_000_000),
    );
    stream.publish(vec![Arc::new(Entry {
        first: 1,
        last: 1,
        received: Timestamp::default(),
        what: What::Activity {
            json: ",\"message\":\"\\\"2\\\" is out\\n\\ud83e\\udd80\",\"host\":null".into(),
            activity: Arc::new(activity),
        },
    })]);
    let cbor = seen(&stream, Notation::Cbor);
    assert_eq!(cbor, seen(&stream, Notation::Json));
    assert_eq!(cbor[0]["message"], "\"2\" is out\n\u{1f980}");
    for notation in [Notation::Json, Notation::Cbor] {
        let encoding = Encoding::Socket("s1".into(), notation);
        let bytes = encode::control(&encoding, "lagged", None, ",\"skipped\":300");
        assert_eq!(
            objects(&bytes, notation),
            [json!({ "type": "lagged", "subscription": "s1", "skipped": 300 })]
        );
    }
}

#[test]
fn numbers_take_the_fewest_bytes_that_are_exact() {
    for (value, bytes) in [
        (0.0, 1),
        (23.0, 1),
        (-24.0, 1),
        (200.0, 2),
        (8_589_934_592.0, 9),
        (0.5, 5),
        (45.2, 9),
        (1e300, 9),
    ] {
        let mut out = Vec::new();
        number(&mut out, value);
        assert_eq!(out.len(), bytes, "{value}: {out:02x?}");
        let read: Value = cbor4ii::serde::from_slice(&out).unwrap();
        assert_eq!(read.as_f64(), Some(value));
        assert_eq!(read.is_f64(), whole(value).is_none());
    }
}
