//! `POST /api/ingest`: any body, as JSON. What is taken can be stored; what is not has a line and a reason.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tickwire::{
    model::{HostName, Timestamp},
    web::ingest::sample::{Limits, parse},
};

fuzz_target!(|body: &[u8]| {
    let limits = Limits {
        now: Timestamp::from_millis(1_700_000_000_000),
        past: Duration::from_secs(3600),
        future: Duration::from_secs(10),
    };
    let host = HostName::parse("push").unwrap();
    let (items, rejected) = parse(body, &host, &limits);
    assert!(!items.is_empty() || !rejected.is_empty());
    for item in &items {
        assert!(item.value.is_finite() && item.line > 0);
        assert!(item.timestamp >= limits.now.minus(limits.past));
        assert!(item.timestamp <= limits.now.plus(limits.future));
    }
    let (rejected, _) = rejected.into_parts();
    for fault in &rejected {
        assert!(fault.line > 0 && !fault.reason.is_empty());
    }
});
