//! `POST /api/ingest`: any body, as Prometheus text. What is known from before changes nothing of what is taken.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tickwire::{
    model::{HostName, Timestamp},
    web::ingest::{
        sample::Limits,
        text::{Known, parse},
    },
};

fuzz_target!(|body: &[u8]| {
    let limits = Limits {
        now: Timestamp::from_millis(1_700_000_000_000),
        past: Duration::from_secs(3600),
        future: Duration::from_secs(10),
    };
    let mut known = Known::new(HostName::parse("push").unwrap());
    let first = parse(body, &mut known, &limits);
    for (batch, lines) in &first.batches {
        assert!(batch.values.iter().all(|value| value.is_finite()));
        assert!(batch.timestamp >= limits.now.minus(limits.past));
        assert!(batch.timestamp <= limits.now.plus(limits.future));
        assert!(!lines.is_empty() && lines.len() == batch.values.len());
        assert_eq!(batch.layout.len(), batch.values.len());
        let mut keys: Vec<_> = batch.layout.iter().map(|spec| &spec.key).collect();
        keys.sort();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
    let second = parse(body, &mut known, &limits);
    assert_eq!(first.batches.len(), second.batches.len());
    for ((before, at), (after, again)) in first.batches.iter().zip(&second.batches) {
        assert_eq!(at, again);
        assert_eq!(before.values, after.values);
        assert!(
            before
                .layout
                .iter()
                .zip(&*after.layout)
                .all(|(a, b)| a.key == b.key)
        );
    }
    let (faults, _) = first.faults.into_parts();
    for fault in &faults {
        assert!(fault.line > 0 && !fault.reason.is_empty());
    }
});
