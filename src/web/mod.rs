//! What browsers and scripts reach over HTTP.

pub mod assets;
pub mod pages;
