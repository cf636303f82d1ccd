//! What the formats cost: bytes and time of a sample in SSE, NDJSON and the two notations of a socket.
//!
//! `cargo bench --bench formats`. Ticks of 1, 30 and 300 samples of one host are published into a stream; each is read
//! as a chunk of a view, as the first of its clients does it, and decoded as a client would. Prints medians over
//! rounds as a Markdown table.

use std::{hint::black_box, time::Duration, time::Instant};

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de::Visitor};
use tickwire::{
    config,
    entry::{Entry, What},
    model::{
        Epoch, HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Timestamp, Unit,
    },
    series::Registry,
    stream::{
        Stream, encode,
        filter::{Filter, Topics},
        view::{Encoding, Notation, Samples, Shape, Stretch, ViewSpec},
    },
};

const ROUNDS: usize = 41;
/// Samples published for a round.
const SAMPLES: usize = 30_000;

fn main() {
    println!(
        "| samples a tick | format | bytes a sample | encode, ns a sample | decode to fields, ns | decode to a generic value, ns |"
    );
    println!("|---:|---|---:|---:|---:|---:|");
    let socket = |notation| Encoding::Socket("s1".into(), notation);
    let formats = [
        ("SSE, an event each", Encoding::Sse, Shape::Each),
        ("SSE, an event a batch", Encoding::Sse, Shape::Batch),
        ("NDJSON, a line each", Encoding::Ndjson, Shape::Each),
        ("NDJSON, a line a batch", Encoding::Ndjson, Shape::Batch),
        ("JSON frame", socket(Notation::Json), Shape::Batch),
        ("CBOR frame", socket(Notation::Cbor), Shape::Batch),
    ];
    for samples in [1, 30, 300] {
        let ticks = SAMPLES / samples;
        let stream = published(samples, ticks);
        for (name, encoding, shape) in &formats {
            let measured = encoded(&stream, encoding, *shape, samples, ticks);
            let total = (samples * ticks) as f64;
            let decoded = match encoding {
                Encoding::Socket(_, notation) => {
                    let payloads = payloads(&measured.chunks);
                    decoded(&payloads, *notation).map(|time| format!("{:.0}", time / total))
                }
                _ => ["".to_owned(), "".to_owned()],
            };
            println!(
                "| {samples} | {name} | {:.1} | {:.0} | {} | {} |",
                measured.bytes as f64 / total,
                measured.nanos / total,
                decoded[0],
                decoded[1]
            );
        }
    }
    initial();
}

/// Names, units and labels as the machine's own sensors have them.
fn spec(i: usize) -> SeriesSpec {
    let (name, unit, label) = [
        ("cpu_usage", "%", Some("core")),
        ("net_receive_bytes", "B/s", Some("interface")),
        ("memory_available", "B", None),
        ("disk_read_operations", "/s", Some("device")),
        ("load1_per_core", "", None),
        ("filesystem_used_ratio", "%", Some("mount")),
    ][i % 6];
    // Without labels the name alone makes another series.
    let name = match label {
        Some(_) => name.to_owned(),
        None => format!("{name}_{}", i / 6),
    };
    let value = (i / 6).to_string();
    SeriesSpec {
        key: SeriesKey {
            host: HostName::parse("web1.example.org").unwrap(),
            name: MetricName::parse(&name).unwrap(),
            labels: Labels::parse(label.map(|label| (label, value.as_str()))).unwrap(),
        },
        unit: Unit::parse(unit).unwrap(),
        kind: Kind::Gauge,
    }
}

/// Percentages with one digit, bytes as whole numbers, ratios with two digits: a third each.
fn value(i: usize, tick: usize) -> f64 {
    let x = (i * 7919 + tick * 104_729) % 100_003;
    match i % 3 {
        0 => (x % 1000) as f64 / 10.0,
        1 => (x * 4096) as f64,
        _ => (x % 400) as f64 / 100.0,
    }
}

fn published(samples: usize, ticks: usize) -> Stream {
    let config = config::Stream {
        log_bytes: 64 << 20,
        ..config::Stream::default()
    };
    let epoch = Epoch {
        boot: 12,
        suffix: 0x2a67_c239,
    };
    let stream = Stream::new(&config, epoch, Vec::new(), None, Default::default());
    let (_, mut writer) = Registry::new(1000);
    let specs: Vec<_> = (0..samples).map(spec).collect();
    let series = writer.resolve(&SourceId::new("bench"), &specs);
    let layout: tickwire::entry::Layout = series.into_iter().map(Result::unwrap).collect();
    for tick in 0..ticks {
        let first = (tick * samples) as u64 + 1;
        stream.publish(vec![Arc::new(Entry {
            first,
            last: first + samples as u64 - 1,
            received: Timestamp::default(),
            what: What::Samples {
                timestamp: Timestamp::from_millis(1_795_000_000_724 + tick as i64 * 1000),
                layout: layout.clone(),
                values: (0..samples).map(|i| value(i, tick)).collect(),
                offsets: None,
            },
        })]);
    }
    stream
}

struct Encoded {
    bytes: usize,
    nanos: f64,
    chunks: Vec<bytes::Bytes>,
}

/// All ticks, each as a chunk of its own; the time is the median of the rounds.
fn encoded(
    stream: &Stream,
    encoding: &Encoding,
    shape: Shape,
    samples: usize,
    ticks: usize,
) -> Encoded {
    let spec = ViewSpec {
        topics: Topics::all(),
        filter: Filter::default(),
        shape,
        period: Duration::ZERO,
        encoding: encoding.clone(),
    };
    let view = stream.views().get(spec, None).unwrap();
    let mut chunks = Vec::with_capacity(ticks);
    let nanos = median(|| {
        chunks.clear();
        let begun = Instant::now();
        for tick in 0..ticks {
            let after = (tick * samples) as u64;
            let stretch = Stretch {
                after,
                upto: after + samples as u64,
                samples: Samples::All,
            };
            let chunk = view.chunk(stream, stretch);
            assert_eq!(chunk.upto, stretch.upto);
            chunks.push(chunk.bytes.clone());
        }
        begun.elapsed()
    });
    Encoded {
        bytes: chunks.iter().map(|chunk| chunk.len()).sum(),
        nanos,
        chunks,
    }
}

/// The payloads of frames, of which each chunk is one.
fn payloads(chunks: &[bytes::Bytes]) -> Vec<&[u8]> {
    let head = |chunk: &[u8]| match chunk[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    chunks.iter().map(|chunk| &chunk[head(chunk)..]).collect()
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Metrics {
    position: String,
    host: String,
    timestamp: String,
    data: Vec<Sample>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Sample {
    name: String,
    value: Number,
    unit: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

/// A value, which may be written as an integer or as a float of either length.
#[allow(dead_code)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
        }
        value.deserialize_any(Any)
    }
}

/// Into a struct, and into a value of any shape.
fn decoded(payloads: &[&[u8]], notation: Notation) -> [f64; 2] {
    let time = |decode: &dyn Fn(&[u8])| {
        median(|| {
            let begun = Instant::now();
            payloads.iter().for_each(|payload| decode(payload));
            begun.elapsed()
        })
    };
    match notation {
        Notation::Json => [
            time(&|p| drop(black_box(serde_json::from_slice::<Metrics>(p).unwrap()))),
            time(&|p| {
                drop(black_box(
                    serde_json::from_slice::<serde_json::Value>(p).unwrap(),
                ))
            }),
        ],
        Notation::Cbor => [
            time(&|p| drop(black_box(cbor4ii::serde::from_slice::<Metrics>(p).unwrap()))),
            time(&|p| {
                drop(black_box(
                    cbor4ii::serde::from_slice::<serde_json::Value>(p).unwrap(),
                ))
            }),
        ],
    }
}

/// A full frame of a subscription's beginning.
fn initial() {
    let (_, mut writer) = Registry::new(1000);
    let specs: Vec<_> = (0..500).map(spec).collect();
    let series = writer.resolve(&SourceId::new("bench"), &specs);
    let before = r#""type":"initial","subscription":"s1","position":"e12.2a67c239-1""#;
    println!("\nA frame of 500 samples of the windows in memory:\n");
    println!("| format | bytes a sample | encode, ns a sample |");
    println!("|---|---:|---:|");
    for (name, notation) in [
        ("JSON frame", Notation::Json),
        ("CBOR frame", Notation::Cbor),
    ] {
        let mut bytes = 0;
        let nanos = median(|| {
            let begun = Instant::now();
            let mut list = encode::List::new(notation);
            for (i, series) in series.iter().enumerate() {
                let time = Timestamp::from_millis(1_795_000_000_724 + i as i64 * 1000);
                list.push(series.as_ref().unwrap(), value(i, i), time);
            }
            bytes = black_box(list.frame(before, ",\"done\":false")).len();
            begun.elapsed()
        });
        println!(
            "| {name} | {:.1} | {:.0} |",
            bytes as f64 / 500.0,
            nanos / 500.0
        );
    }
}

/// Nanoseconds of the median round; one round before that counts nothing.
fn median(mut round: impl FnMut() -> Duration) -> f64 {
    round();
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round().as_nanos() as f64).collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
