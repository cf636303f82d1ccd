use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::web::ingest::fixture::{NOW, known, limits, said};

/// What is taken of a body, and what is not.
fn read(body: &str, known: &mut Known) -> (Vec<String>, Vec<(usize, String)>) {
    said(parse(body.as_bytes(), known, &limits()))
}

#[test]
fn one_several_and_lines_are_taken() {
    let full = r#"{"type":"sample","metric":"a\u005fb","value":-2.5e1,"unit":"°C","host":"web 1","labels":{"z":"\"é\"","a":"1"},"timestamp":"2023-11-14T22:13:19.250Z","position":"x-1"}"#;
    for (body, expected) in [
        (r#"{"name":"a","value":1}"#, vec![r#"1: a on push "" 0 1"#]),
        (
            "\u{feff} {\n\"name\":\"a\",\n\"value\":1,\"unit\":null,\"host\":null,\"labels\":null,\"timestamp\":null}\n",
            vec![r#"1: a on push "" 0 1"#],
        ),
        (
            r#" [{"name":"a","value":1},{"name":"b","value":2.5,"timestamp":1699999999000}] "#,
            vec![r#"1: a on push "" 0 1"#, r#"2: b on push "" -1000 2.5"#],
        ),
        ("[]", vec![]),
        (
            "{\"name\":\"a\",\"value\":1}\r\n\n{\"name\":\"b\",\"value\":2,\"timestamp\":1700000001}\n",
            vec![r#"1: a on push "" 0 1"#, r#"3: b on push "" 1000 2"#],
        ),
        (
            full,
            vec![r#"1: a_b{a="1", z="\"é\""} on web 1 "°C" -750 -25"#],
        ),
    ] {
        let mut known = known();
        // What is known from before changes nothing.
        for _ in 0..2 {
            let (said, faults) = read(body, &mut known);
            let no_fault = faults.is_empty() || expected.is_empty();
            assert!(said == expected && no_fault, "{body}: {said:?} {faults:?}");
        }
    }
}

#[test]
fn faults_name_their_line_and_what_is_accepted() {
    let body = r#"{"name":"a","value":1}
nonsense
{"name":"a b","value":1}
{"name":"a","value":"x"}
{"name":"a","value":1,"timestamp":5}
{"name":"a","value":1,"timestamp":"yesterday"}
{"name":"a","value":1,"timestamp":[1]}
{"name":"a","value":1,"labels":{"l":7}}
{"name":"a","value":1,"labels":{"l":"1","l":"2"}}
{"name":"a","value":1,"labels":["l"]}
{"name":"a","value":1,"host":"a,b"}
{"name":"a","value":1,"unit":"seventeen letters"}
{"name":"a","value":{"of":1}}
{"name":"a","value":1,"colour":2}
{"name":"a"}
7"#;
    let words = [
        (2, "expected ident"),
        (3, "\"a b\""),
        (4, "found \"x\", accepted is a finite number"),
        (5, "accept_past"),
        (6, "found \"yesterday\", accepted is RFC 3339"),
        (7, "found [1], accepted is RFC 3339"),
        (8, "label \"l\": found 7, accepted is text"),
        (9, "each label once"),
        (10, "labels, an object of texts"),
        (11, "host name"),
        (12, "at most 16 bytes"),
        (13, "found {\"of\":1}, accepted is a finite number"),
        (14, "unknown field `colour`"),
        (15, "missing field `value`"),
        (16, "an object"),
    ];
    let array = body.lines().filter(|line| *line != "nonsense");
    let array = format!("[{}]", array.collect::<Vec<_>>().join(",\n"));
    for (body, shift) in [(body, 0), (&array, 1)] {
        let (said, faults) = read(body, &mut known());
        assert_eq!(said, [r#"1: a on push "" 0 1"#]);
        let expected: Vec<_> = words[shift..].iter().map(|(l, w)| (l - shift, w)).collect();
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for ((line, reason), (at, word)) in faults.iter().zip(expected) {
            assert!(
                *line == at && reason.contains(word),
                "{line}: {reason} has no {word}"
            );
        }
    }
}

#[test]
fn what_is_no_sample_at_all_has_one_fault() {
    for (body, line, word) in [
        (r#"{"name":"a","value":NaN}"#, 1, "expected value"),
        (r#"{"name":"a","value":1e999}"#, 1, "out of range"),
        (r#"{"name":"a","value":null}"#, 1, "found null"),
        ("{\n\"name\":\"a\"\n}", 1, "missing field `value`"),
        ("[{\"name\":\"a\",\"value\":1},\n{\"name\":", 2, "EOF"),
        ("[{\"name\":\"a\",\"value\":1}] x", 1, "trailing"),
        ("", 1, "empty"),
        (" \n", 1, "empty"),
        ("[]", 1, "empty"),
    ] {
        let (said, faults) = read(body, &mut known());
        assert!(said.is_empty(), "{body}: {said:?}");
        let [(at, reason)] = &faults[..] else {
            panic!("{body}: {faults:?}");
        };
        assert!(
            *at == line && reason.contains(word),
            "{body}: {at} {reason}"
        );
    }
}

#[test]
fn what_says_a_series_says_no_other() {
    let mut known = known();
    let body = |unit: &str| json!({"name": "a", "value": 1, "unit": unit}).to_string();
    read(&body("bc"), &mut known);
    // The same bytes one behind the other, but other texts.
    for (body, word) in [
        (
            json!({"name": "ab", "value": 1, "unit": "c"}),
            r#"ab on push "c""#,
        ),
        (
            json!({"name": "a", "value": 1, "host": "bc"}),
            r#"a on bc """#,
        ),
        (
            json!({"name": "a", "value": 1, "labels": {"bc": ""}}),
            r#"a{bc=""} on push"#,
        ),
        (
            json!({"name": "a", "value": 1, "labels": {"b": "c"}}),
            r#"a{b="c"} on push"#,
        ),
        // The unit of a series is that of its first sample.
        (
            json!({"name": "a", "value": 1, "unit": "x"}),
            r#"a on push "bc""#,
        ),
    ] {
        let (said, faults) = read(&body.to_string(), &mut known);
        assert!(
            faults.is_empty() && said.len() == 1 && said[0].contains(word),
            "{said:?} {faults:?}"
        );
    }
}

#[test]
fn samples_of_one_host_and_time_are_a_batch_and_a_repeated_series_begins_another() {
    let mut known = known();
    let body = r#"{"name":"a","value":1,"timestamp":1700000000}
{"name":"b","value":1,"timestamp":"2023-11-14T22:13:20Z"}
{"name":"a","host":"x","value":1,"timestamp":1700000000}
{"name":"a","value":2,"timestamp":1700000001}
{"name":"a","value":3,"timestamp":1700000000}"#;
    let first = parse(body.as_bytes(), &mut known, &limits());
    let lines: Vec<&[usize]> = first.batches.iter().map(|(_, lines)| &lines[..]).collect();
    assert_eq!(lines, [&[1, 2][..], &[3], &[4], &[5]]);
    // A body like the one before has the very same layouts.
    let second = parse(body.as_bytes(), &mut known, &limits());
    let layout = |pushed: &Pushed| pushed.batches[0].0.layout.clone();
    assert!(std::sync::Arc::ptr_eq(&layout(&first), &layout(&second)));
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse(&body, &mut known(), &limits());
    }

    #[test]
    fn what_was_written_is_read(
        samples in proptest::collection::vec(
            ("[a-c]{1,2}", any::<f64>().prop_filter("finite", |v| v.is_finite()), proptest::option::of("[a-d ]{0,2}x"), proptest::collection::btree_map("[lm]", "[^\r\n\0]{0,4}", 0..3), -1000i64..5),
            1..30,
        ),
        array in any::<bool>(),
    ) {
        let samples: Vec<_> = samples.into_iter().filter(|(_, _, host, ..)| {
            host.as_deref().is_none_or(|host| HostName::parse(host).is_ok())
        }).collect();
        let written = samples.iter().map(|(name, value, host, labels, time)| {
            json!({"name": name, "value": value, "host": host, "labels": labels, "timestamp": NOW + time * 1000}).to_string()
        });
        let written: Vec<_> = written.collect();
        let body = if array { format!("[{}]", written.join(",")) } else { written.join("\n") };
        prop_assume!(!samples.is_empty());
        let mut known = known();
        let expected: Vec<_> = samples.iter().enumerate().map(|(i, (name, value, host, labels, time))| {
            let key = SeriesKey {
                host: HostName::parse(host.as_deref().unwrap_or("push")).unwrap(),
                name: MetricName::parse(name).unwrap(),
                labels: Labels::parse(labels.iter().map(|(l, v)| (l.as_str(), v.as_str()))).unwrap(),
            };
            format!("{}: {key} \"\" {} {value}", i + 1, time * 1000)
        }).collect();
        for _ in 0..2 {
            let (said, faults) = read(&body, &mut known);
            prop_assert_eq!(faults, []);
            prop_assert_eq!(&said, &expected);
        }
    }
}
