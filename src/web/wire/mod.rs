//! Connections whose HTTP is over and whose stream goes on.
//!
//! - [`takeover`]: gets the socket out of actix-http's hands
//! - [`outlet`]: writes what a source chooses when the socket can take it
//! - `kernel_limit`: when the kernel may give a client up by itself
//! - [`inbound`]: what the client of a WebSocket sends, as actix-ws wants to read it
//! - [`frame_heads`]: the heads of its frames, looked at before actix-ws does

pub mod frame_heads;
pub mod inbound;
mod kernel_limit;
pub mod outlet;
pub mod takeover;
