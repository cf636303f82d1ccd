//! `POST /api/annotations`: any body. What is taken can stand in the feed; what is not says why.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tickwire::{
    model::{Activity, Timestamp, event::MAX_MESSAGE_BYTES},
    web::annotations::written::{Limits, parse},
};

fuzz_target!(|body: &[u8]| {
    let limits = Limits {
        now: Timestamp::from_millis(1_700_000_000_000),
        past: Duration::from_secs(3650 * 86_400),
        future: Duration::from_secs(10),
    };
    match parse(body, &limits) {
        Ok(taken) => {
            assert!((1..=MAX_MESSAGE_BYTES).contains(&taken.message.len()));
            assert!(taken.kind != Activity::REMOVED && taken.id.is_none());
            assert!(taken.timestamp >= limits.now.minus(limits.past));
            assert!(taken.timestamp <= limits.now.plus(limits.future));
            assert!(taken.until.is_none_or(|until| until > taken.timestamp));
            let written = serde_json::to_string(&taken).unwrap();
            assert_eq!(serde_json::from_str::<Activity>(&written).unwrap(), taken);
        }
        Err(problem) => assert!(!problem.details().detail.is_empty()),
    }
});
