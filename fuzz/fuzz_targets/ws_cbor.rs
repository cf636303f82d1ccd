//! Binary frames of a WebSocket client: any bytes. What is taken is what the same object means in JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire::{
    stream::{encode, view::Notation},
    web::ws::{
        cbor::object,
        command::{parse, parse_cbor},
    },
};

fuzz_target!(|frame: &[u8]| {
    let parsed = parse_cbor(frame);
    match object(frame) {
        Ok(fields) => {
            let json = serde_json::to_string(&fields).expect("an object is JSON");
            assert_eq!(parsed, parse(&json), "{json}");
            // What comes of it can be sent back as it is.
            let back = encode::frame(Notation::Cbor, json.as_bytes());
            let head = match back[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            let back = object(&back[head..]);
            assert_eq!(back.as_ref(), Ok(&fields));
        }
        Err(fault) => {
            assert!(fault.at <= frame.len() && !fault.what.is_empty());
            let refusal = parsed.expect_err("what is no object is no command");
            assert_eq!((refusal.code, refusal.id), ("bad_cbor", None));
        }
    }
});
