//! A rule as JSON and as a form, a silence as a body and as a form, the body of a backtest, and a file of tests of rules: any text. What is taken is written
//! and read back the same, keeps its bounds and runs; what is not says why.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tickwire::{
    backtest::unit,
    config::{rule_from_json, rule_to_json},
    model::{Silence, Timestamp},
    web::{backtest, rules::form::Form, silences},
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fuzz_target!(|body: &[u8]| {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        match rule_from_json(&json) {
            Ok(rule) => {
                let written = rule_to_json(&rule);
                assert_eq!(rule_from_json(&written).unwrap(), rule, "{written}");
            }
            Err(faults) => assert!(faults.iter().len() > 0),
        }
    }
    match silences::written::parse(body, NOW) {
        Ok(asked) => {
            assert!(asked.from < asked.until && asked.until > NOW);
            assert!(asked.until.since(asked.from) <= Silence::LONGEST);
        }
        Err(problem) => assert!(!problem.details().detail.is_empty()),
    }
    match backtest::written::parse(body, NOW) {
        Ok(asked) => assert!(asked.from < asked.to && asked.to <= NOW),
        Err(problem) => assert!(!problem.details().detail.is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(body) {
        if let Ok(rule) = rule_from_json(&Form::parse(text).rule()) {
            let again = Form::of(&rule);
            assert_eq!(rule_from_json(&again.rule()).unwrap(), rule, "{again:?}");
        }
        if let Ok(body) = silences::written::of_fields(text) {
            let _ = silences::written::parse(&body, NOW);
        }
        // Files it names are looked for where there are none.
        match unit::run_text(text, Path::new("/nowhere")) {
            Ok(verdicts) => assert!(!verdicts.is_empty()),
            Err(error) => assert!(!error.is_empty()),
        }
    }
});
