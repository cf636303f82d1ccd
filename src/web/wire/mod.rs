//! Connections whose HTTP is over and whose stream goes on.
//!
//! - [`takeover`]: gets the socket out of actix-http's hands
//! - [`outlet`]: writes what a source chooses when the socket can take it
//! - [`head`]: how long the head before all that may be
//! - [`whole`]: an answer with its head and body in one piece
//! - [`refusal`]: what is said to a connection that may not stay
//! - `kernel_limit`: when the kernel may give a client up by itself
//! - [`inbound`]: what the client of a WebSocket sends, as actix-ws wants to read it
//! - [`frame_heads`]: the heads of its frames, looked at before actix-ws does

pub mod frame_heads;
pub mod head;
pub mod inbound;
mod kernel_limit;
pub mod outlet;
pub mod refusal;
pub mod takeover;
pub mod whole;
