//! Connections whose HTTP is over and whose stream goes on.
//!
//! - [`takeover`]: gets the socket out of actix-http's hands
//! - [`outlet`]: writes what a source chooses when the socket can take it
//! - `stall`: how long a socket may take nothing
//! - [`inbound`]: what the client of a WebSocket sends, as actix-ws wants to read it
//! - [`heads`]: the heads of its frames, looked at before actix-ws does

pub mod heads;
pub mod inbound;
pub mod outlet;
mod stall;
pub mod takeover;
