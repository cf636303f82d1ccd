//! `config.toml`: any text. Each fault is one line that says what would be accepted, on a line that exists.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire::config::{Config, Overrides};

fuzz_target!(|text: &str| {
    let parsed = Config::parse("fuzz.toml", text, [], &Overrides::default());
    let Err(faults) = parsed else { return };
    assert!(faults.iter().len() > 0);
    for fault in faults.iter() {
        assert!(!fault.accepted.is_empty());
        assert_eq!(fault.to_string().lines().count(), 1, "{fault}");
        if let Some(line) = fault.line {
            assert!(line >= 1 && line <= text.split('\n').count(), "{fault}");
        }
    }
});
