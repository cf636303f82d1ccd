//! Frames of a WebSocket client: any text. A refusal gives the `id` back as the JSON it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire::web::ws::command::parse;

fuzz_target!(|text: &str| {
    let id = match parse(text) {
        Ok(frame) => frame.id,
        Err(refusal) => {
            assert!(!refusal.message.is_empty());
            assert!(
                [
                    "bad_json",
                    "bad_field",
                    "bad_filter",
                    "missing_field",
                    "unknown_field",
                    "unknown_type"
                ]
                .contains(&refusal.code)
            );
            refusal.id
        }
    };
    if let Some(id) = id {
        assert!(id.len() <= 128);
        serde_json::from_str::<serde_json::Value>(&id).expect("an id is JSON");
    }
});
