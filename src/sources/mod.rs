//! What makes batches.
pub mod recorder;
