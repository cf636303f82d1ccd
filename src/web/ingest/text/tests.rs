use std::{collections::HashMap, fmt::Write as _};

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    model::{HostName, Kind},
    web::ingest::fixture::{NOW, known, limits, said, taken},
};

/// What is taken of a body, and what is not.
fn read(body: &str) -> (Vec<String>, Vec<(usize, String)>) {
    said(parse(body.as_bytes(), &mut known(), &limits()))
}

#[test]
fn lines_of_an_exporter_are_taken_as_they_are() {
    let body = "\u{feff}# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
        http_requests_total{method=\"post\",code=\"200\"} 1027 1700000000000\r\n\
        \t http_requests_total { code = \"400\" , } 3\t1699999999 \r\n\
        \n\
        # a comment\n\
        path{dir=\"C:\\\\DIR\\\\\",say=\"a \\\"b\\\" }, ä\",host=\"web 1\"} -1.5e-3 1700000001250\n\
        rpc_seconds{quantile=\"0.5\"} 4773.\n\
        rpc_seconds_bucket{le=\"+Inf\"} 144320 # {trace_id=\"x\"} 0.67\n\
        x:y +.5 1700000000.5 # and more";
    let (said, faults) = read(body);
    assert_eq!(faults, []);
    assert_eq!(
        said,
        [
            "3: http_requests_total{code=\"200\", method=\"post\"} on push \"\" 0 1027",
            "4: http_requests_total{code=\"400\"} on push \"\" -1000 3",
            "7: path{dir=\"C:\\\\DIR\\\\\", say=\"a \\\"b\\\" }, ä\"} on web 1 \"\" 1250 -0.0015",
            "8: rpc_seconds{quantile=\"0.5\"} on push \"\" 0 4773",
            "9: rpc_seconds_bucket{le=\"+Inf\"} on push \"\" 0 144320",
            "10: x:y on push \"\" 500 0.5",
        ]
    );
}

#[test]
fn a_unit_is_that_of_its_family() {
    let body = "# TYPE a_seconds summary\n# UNIT a_seconds seconds\na_seconds{quantile=\"1\"} 1\na_seconds_sum 1\n\
        a_seconds_count 1\nb 1\n# UNIT b_bytes bytes\nb_bytes_total 1\n# UNIT c parsecs per fortnight\nc 1\n# EOF\n";
    let (said, faults) = read(body);
    assert_eq!(faults, []);
    let units: Vec<&str> = said
        .iter()
        .map(|s| s.split('"').rev().nth(1).unwrap())
        .collect();
    assert_eq!(units, ["s", "s", "", "", "B", "parsecs"]);
}

#[test]
fn faults_name_their_line_and_what_is_accepted() {
    let body = "good 1\nnan NaN\ninf{a=\"b\"} +Inf\nhuge 1e999\nnothing\nnothing \r\nword x\n\
        time 1 yesterday\nold 1 1500000000000\nmore 1 1700000000000 1\n{\"name\":\"a\",\"value\":1}\n\
        a-b 1\nopen{a=\"b 1\nbare{a=b} 1\nescape{a=\"\\x\"} 1\ntwice{a=\"1\",a=\"2\"} 1\nline{a=\"b\\nc\"} 1\n\
        host{host=\"\"} 1\nopen{a=\"b\\\n\"} 1\nquoted{a=\"b\"c=\"d\"} 1\ngood 2";
    let (said, faults) = read(body);
    assert_eq!(
        said,
        ["1: good on push \"\" 0 1", "22: good on push \"\" 0 2"]
    );
    let words = [
        (2, "finite number"),
        (3, "finite number"),
        (4, "\"1e999\""),
        (5, "no value"),
        (6, "no value"),
        (7, "\"x\""),
        (8, "\"yesterday\""),
        (9, "accept_past"),
        (10, "behind the timestamp"),
        (11, "JSON"),
        (12, "\"a-b\""),
        (13, "do not end"),
        (14, "label=\"value\""),
        (15, "escapes"),
        (16, "once"),
        (17, "LF"),
        (18, "host name"),
        (19, "do not end"),
        (20, "name"),
        (21, "labels"),
    ];
    let lines: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, words.map(|(line, _)| line), "{faults:#?}");
    for ((line, reason), (_, word)) in faults.iter().zip(words) {
        assert!(reason.contains(word), "{line}: {reason} has no {word}");
    }
}

#[test]
fn samples_of_one_host_and_time_are_a_batch_and_a_repeated_series_begins_another() {
    let body = "a 1 1700000000\nb 1 1700000000\na{host=\"x\"} 1 1700000000\na 2 1700000001\nc 1 1700000000\n\
        a 3 1700000000\nb 2 1700000001\n";
    let pushed = parse(body.as_bytes(), &mut known(), &limits());
    let lines: Vec<&[usize]> = pushed.batches.iter().map(|(_, lines)| &lines[..]).collect();
    assert_eq!(lines, [&[1, 2, 5][..], &[3], &[4, 7], &[6]]);
}

#[test]
fn a_body_like_the_one_before_has_the_very_same_layouts() {
    let mut known = known();
    let body = |value: usize| {
        format!("a{{l=\"1\"}} {value}\nb {value}\na{{host=\"x\"}} 1\nc{{host=\"x\"}} {value}\n")
    };
    let first = parse(body(1).as_bytes(), &mut known, &limits());
    let second = parse(body(2).as_bytes(), &mut known, &limits());
    for ((before, _), (after, _)) in first.batches.iter().zip(&second.batches) {
        assert!(std::sync::Arc::ptr_eq(&before.layout, &after.layout));
        assert_ne!(before.values, after.values);
    }
    // Another order is another layout.
    let other = "b 1\na{l=\"1\"} 1\n";
    let other = parse(other.as_bytes(), &mut known, &limits());
    assert_eq!(other.batches[0].0.layout[1], first.batches[0].0.layout[0]);
}

/// A sample to be written.
#[derive(Debug, Clone)]
struct Sample {
    name: &'static str,
    labels: Vec<(&'static str, String)>,
    value: f64,
    time: Option<i64>,
    /// How it is written: blanks, braces without labels, the end of the line.
    blank: &'static str,
    braces: bool,
    end: &'static str,
}

fn sample() -> impl Strategy<Value = Sample> {
    let names = select(vec!["a", "ab", "a_total", "b:c", "_x9"]);
    let labels = proptest::collection::hash_map(
        select(vec!["l", "le", "host", "zone"]),
        "[a-z\\\\\" {}=,#é]{0,8}x",
        0..4,
    );
    let value = prop_oneof![
        (-100_000i64..100_000).prop_map(|n| n as f64 / 100.0),
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
    ];
    let time = proptest::option::of(-1000i64..5);
    let style = (
        select(vec![" ", "\t", "  \t"]),
        any::<bool>(),
        select(vec!["\n", "\r\n", " \n", "\n\n", "\n# a comment\n"]),
    );
    (names, labels, value, time, style).prop_map(|(name, labels, value, time, style)| Sample {
        name,
        labels: labels.into_iter().collect(),
        value,
        time: time.map(|seconds| NOW + seconds * 1000),
        blank: style.0,
        braces: style.1,
        end: style.2,
    })
}

/// As it is written.
fn print(samples: &[Sample]) -> String {
    let mut text = String::new();
    for Sample {
        name,
        labels,
        value,
        time,
        blank,
        braces,
        end,
    } in samples
    {
        text += name;
        if *braces || !labels.is_empty() {
            let labels = labels.iter().map(|(label, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{label}=\"{value}\"")
            });
            let _ = write!(text, "{{{}}}", labels.collect::<Vec<_>>().join(","));
        }
        let _ = write!(text, "{blank}{value:?}");
        if let Some(time) = time {
            let _ = write!(text, "{blank}{time}");
        }
        text += end;
    }
    text
}

/// A sample as it was read: host, name, labels, time, the bits of its value.
type Read = (String, String, HashMap<String, String>, i64, u64);

/// What should become of them: some of what is written is no host name.
fn expected(samples: &[Sample]) -> Vec<Read> {
    let of = |sample: &Sample| {
        let labels = sample.labels.iter().cloned();
        let mut labels: HashMap<_, _> = labels.map(|(l, v)| (l.to_owned(), v)).collect();
        let host = labels.remove("host").unwrap_or_else(|| "push".to_owned());
        let time = sample.time.unwrap_or(NOW);
        HostName::parse(&host).ok()?;
        Some((
            host,
            sample.name.to_owned(),
            labels,
            time,
            sample.value.to_bits(),
        ))
    };
    samples.iter().filter_map(of).collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read(samples in vec(sample(), 1..30), again in any::<bool>()) {
        let mut known = known();
        let text = print(&samples);
        if again {
            // What is known from before changes nothing.
            parse(text.as_bytes(), &mut known, &limits());
        }
        let pushed = parse(text.as_bytes(), &mut known, &limits());
        let read = taken(&pushed).into_iter().map(|(_, spec, time, value)| {
            assert_eq!(spec.kind, Kind::Gauge);
            let key = &spec.key;
            let labels = key.labels.iter().map(|(l, v)| (l.to_owned(), v.to_owned()));
            (key.host.to_string(), key.name.to_string(), labels.collect(), time, value.to_bits())
        });
        let read: Vec<Read> = read.collect();
        prop_assert_eq!(read, expected(&samples));
        // No series twice in a batch, and what came later is later.
        for (batch, lines) in &pushed.batches {
            let different: std::collections::HashSet<_> = batch.layout.iter().map(|s| &s.key).collect();
            prop_assert_eq!(different.len(), batch.layout.len());
            prop_assert!(lines.is_sorted());
        }
    }

    #[test]
    fn no_body_panics(body in vec(any::<u8>(), 0..300), words in vec(select(vec!["a", "{", "}", "\"", "\\", "=", ",", " ", "1", "\n", "\r", "#", "# UNIT a b"]), 0..60)) {
        let mut known = known();
        parse(&body, &mut known, &limits());
        parse(words.concat().as_bytes(), &mut known, &limits());
    }
}
