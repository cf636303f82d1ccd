//! Fills the views of the pages, all but history from one reading of the present.
//!
//! - [`outlook`]: one reading of the present, shared by everything drawn from it
//! - [`catalogue`]: which metrics get a card or a chart, and how these are drawn
//! - [`hosts`], [`detail`], [`alerts`], [`rules`], [`silences`], [`mod@channels`], [`feeds`], [`sources`], [`status`]: the views
//! - [`history`]: charts of the past, which are read from the store

pub mod alert;
pub mod alerts;
pub mod catalogue;
pub mod channels;
pub mod charts;
pub mod detail;
pub mod feeds;
pub mod history;
pub mod hosts;
pub mod outlook;
pub mod rules;
pub mod silences;
pub mod sources;
pub mod status;
