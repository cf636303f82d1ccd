//! tickwire.
pub mod model;
pub mod series;
pub mod sources;
pub mod web;
