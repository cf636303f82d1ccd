//! The query of a stream: any text, on each endpoint; and of a wait. A refusal says which parameter, and what it takes.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tickwire::{
    history::query::{self, Format},
    model::Timestamp,
    stream::filter::{Topic, Topics},
    web::{
        problem::Problem,
        query::{pairs, parse},
        wait,
    },
};

fuzz_target!(|text: &str| {
    for topics in [
        Topics::of(&[Topic::Metrics]),
        Topics::of(&[Topic::Alerts]),
        Topics::all(),
    ] {
        match parse(text, topics) {
            Ok(parsed) => {
                assert!(parsed.topics.iter().next().is_some());
                assert!(parsed.limit != Some(0));
                let period = parsed.period;
                assert!(period.is_zero() || period >= Duration::from_millis(10));
                assert!(period <= Duration::from_secs(3600));
            }
            Err(problem) => assert_bad(&problem),
        }
    }
    let now = Timestamp::from_millis(1_795_000_000_000);
    match query::parse(pairs(text), Format::Json, now) {
        Ok(parsed) => {
            assert!(parsed.from < parsed.to);
            assert!(!parsed.figures.is_empty());
        }
        Err(fault) => assert_bad(&fault.into()),
    }
    match wait::query::parse(text) {
        Ok(parsed) => {
            assert!(parsed.terms.limit.is_finite());
            assert!(parsed.terms.hold < parsed.timeout);
            assert!(parsed.timeout <= Duration::from_secs(3600));
        }
        Err(problem) => assert_bad(&problem),
    }
});

fn assert_bad(problem: &Problem) {
    let details = problem.details();
    assert_eq!(details.status.as_u16(), 400);
    assert!(details.parameter.is_some() && details.accepted.is_some());
}
