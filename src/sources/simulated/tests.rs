//! The simulated world as its caller sees it.

use std::sync::Arc;

use super::*;
use crate::sources::Message;

fn run(seed: u64, ticks: u32) -> (Vec<Vec<f64>>, Vec<Message>) {
    let mut source = SimulatedSource::new(seed, Duration::from_secs(1));
    let (mut values, mut messages) = (Vec::new(), Vec::new());
    for tick in 0..ticks {
        // The timestamp is the caller's affair: another one gives the same values.
        let now = Timestamp::from_millis(i64::from(tick) * 7919);
        let reading = source.sample(now).unwrap();
        values.push(reading.batches.into_iter().flat_map(|b| b.values).collect());
        messages.extend(reading.activities);
    }
    (values, messages)
}

/// Every value of one series over an hour.
fn hour_of(name: &str) -> Vec<f64> {
    let mut source = SimulatedSource::new(7, Duration::from_secs(1));
    let mut values = Vec::new();
    for _ in 0..3600 {
        for samples in source.sample(Timestamp::default()).unwrap().batches {
            let found = samples
                .layout
                .iter()
                .position(|s| s.key.name.as_str() == name);
            values.extend(found.map(|at| samples.values[at]));
        }
    }
    values
}

#[test]
fn a_seed_gives_the_same_world_and_another_seed_another() {
    assert_eq!(run(42, 500), run(42, 500));
    let ((values, messages), (other_values, other_messages)) = (run(42, 500), run(43, 500));
    assert!(values.iter().zip(&other_values).all(|(a, b)| a != b));
    assert_ne!(messages, other_messages);
}

#[test]
fn all_is_marked_as_simulated_and_as_declared() {
    let mut source = SimulatedSource::new(1, Duration::from_secs(1));
    for _ in 0..300 {
        for samples in source.sample(Timestamp::default()).unwrap().batches {
            assert_eq!(samples.layout.len(), samples.values.len());
            for (spec, value) in samples.layout.iter().zip(&samples.values) {
                assert!(spec.key.host.as_str().starts_with("demo-"));
                assert_eq!(spec.key.labels.get("simulated"), Some("true"));
                let doc = PARTS.iter().flat_map(|(_, docs)| *docs);
                let doc = doc
                    .clone()
                    .find(|d| d.name == spec.key.name.as_str())
                    .unwrap();
                assert_eq!((spec.unit.as_str(), spec.kind), (doc.unit, doc.kind));
                assert_eq!(spec.key.labels.iter().len(), doc.labels.len() + 1);
                assert_eq!(
                    *value,
                    crate::sources::recorder::round(*value, doc.decimals)
                );
                assert!(
                    *value >= 0.0 && (doc.unit != "%" || *value <= 100.0),
                    "{}",
                    spec.key
                );
            }
        }
    }
}

#[test]
fn messages_come_every_twenty_to_forty_seconds_and_say_what_they_are() {
    let (_, messages) = run(42, 3600);
    assert!((90..=181).contains(&messages.len()), "{}", messages.len());
    for message in messages {
        assert!(message.text.starts_with("simulated: "), "{}", message.text);
        assert!(
            message
                .kind
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_')
        );
    }
}

#[test]
fn an_hour_has_quiet_and_busy_minutes() {
    let cpu = hour_of("cpu_usage");
    let above = |limit: f64| cpu.iter().filter(|v| **v > limit).count();
    assert!(above(80.0) > 10, "spikes");
    assert!(above(80.0) < 900, "which are no rule");
    assert!(above(35.0) < 3000, "quiet times");
    let prices = hour_of("stock_price");
    assert!(
        prices
            .windows(2)
            .all(|pair| (pair[1] / pair[0] - 1.0).abs() < 0.02)
    );
}

#[test]
fn layouts_stay_while_the_world_goes_on() {
    let mut source = SimulatedSource::new(1, Duration::from_millis(500));
    let first = source.sample(Timestamp::default()).unwrap();
    let second = source.sample(Timestamp::default()).unwrap();
    for (a, b) in first.batches.iter().zip(&second.batches) {
        assert!(Arc::ptr_eq(&a.layout, &b.layout));
    }
}
