//! The past, series by series, as it is asked for and as it is written: what `GET /api/history` and `tickwire export` have in
//! common.
//!
//! [`query`] is what is asked for, [`plan`] which pieces answer it, one after the other, and [`write`](mod@write) what they look like.

pub mod export;
pub mod plan;
pub mod query;
pub mod write;
