//! The pages: what they show as plain data, and the templates that draw it.
//!
//! A page is made of fragments. A fragment is one template with one root element, which has an `id` and the
//! attribute `data-live`; the page includes it for the first paint, and the page's stream sends the same template
//! again when its text has changed. Nothing here asks for data: whoever has it fills the views.

pub mod alert;
pub mod alerts;
pub mod channels;
pub mod chart;
pub mod docs;
pub mod echo;
pub mod error;
pub mod feed;
pub mod fill;
pub mod history;
pub mod host;
pub mod live_page;
pub mod overview;
pub mod render;
pub mod routes;
pub mod rules;
pub mod shell;
pub mod silences;
pub mod sources;
pub mod status;
pub mod svg;
pub mod view;

#[cfg(test)]
mod tests;
