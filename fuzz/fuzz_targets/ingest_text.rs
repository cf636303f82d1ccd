//! `POST /api/ingest`: any body, as Prometheus text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickwire::web::ingest::text::parse;

#[path = "shared/pushed.rs"]
mod pushed;

fuzz_target!(|body: &[u8]| pushed::check(|known, limits| parse(body, known, limits)));
