//! tickwire.
pub mod config;
pub mod model;
pub mod series;
pub mod sources;
