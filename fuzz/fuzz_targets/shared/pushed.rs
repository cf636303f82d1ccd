//! What holds for any body that is pushed, however it is written.

use std::time::Duration;

use tickwire::{
    model::{HostName, Timestamp},
    web::ingest::{Known, Limits, Pushed},
};

/// What is taken can be stored, what is not has a line and a reason, and what is known from before changes nothing of that.
pub fn check(parse: impl Fn(&mut Known, &Limits) -> Pushed) {
    let limits = Limits {
        now: Timestamp::from_millis(1_700_000_000_000),
        past: Duration::from_secs(3600),
        future: Duration::from_secs(10),
    };
    let mut known = Known::new(HostName::parse("push").unwrap());
    let first = parse(&mut known, &limits);
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
    let second = parse(&mut known, &limits);
    assert_eq!(first.batches.len(), second.batches.len());
    for ((before, at), (after, again)) in first.batches.iter().zip(&second.batches) {
        assert_eq!(at, again);
        assert_eq!(before.values, after.values);
        let mut layouts = before.layout.iter().zip(&*after.layout);
        assert!(layouts.all(|(a, b)| a.key == b.key));
    }
    let (faults, _) = first.faults.into_parts();
    for fault in &faults {
        assert!(fault.line > 0 && !fault.reason.is_empty());
    }
}
