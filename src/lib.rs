//! tickwire samples a machine every second, takes metrics from anything that speaks HTTP, and streams every sample and
//! alert over SSE and WebSocket.
//!
//! The rooms, in reading order; each imports only those before it (docs/architecture.md):
//!
//! - [`model`]: the vocabulary
//! - [`config`]: `config.toml`, environment and flags as checked values
//! - [`series`]: the registry of series
//! - [`entry`]: what happened, with its numbers
//! - [`rules`]: all rules, and where each comes from
//! - [`alerts`], [`windows`], [`stream`], [`store`]: what a batch passes through; they do not know each other
//! - [`pipeline`]: the one path it takes
//! - [`replay`]: store, then log, as one sequence
//! - [`history`]: the past, series by series, as it is asked for and written
//! - [`sources`]: what makes batches
//! - [`notify`]: telling people
//! - [`backtest`]: a rule, tried on the past
//! - [`control`]: every command once
//! - [`web`]: pages, streams, sockets and the API over HTTP
//! - [`app`]: builds all of it, starts it, stops it in order

#![deny(unsafe_code)]

pub mod alerts;
pub mod app;
pub mod backtest;
pub mod config;
pub mod control;
pub mod entry;
pub mod history;
pub mod model;
pub mod notify;
pub mod pipeline;
pub mod replay;
pub mod rules;
pub mod series;
pub mod sources;
pub mod store;
pub mod stream;
pub mod web;
pub mod windows;
