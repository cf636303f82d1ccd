//! The real server on a port of its own, and real clients. Every wait ends by itself; nothing sleeps.

pub mod flood;
pub mod http;
pub mod life;
pub mod process;
pub mod raw;
pub mod receiver;
pub mod rules;
pub mod server;
pub mod socket;
pub mod sse;

use std::time::Duration;

pub use self::{server::Server, socket::Socket, sse::Stream};

/// Longer than anything takes that comes at all, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// The number in a position, `<epoch>-<seq>`.
pub fn seq(position: &str) -> u64 {
    let (_, seq) = position.rsplit_once('-').expect("a position has a dash");
    seq.parse().expect("a position ends in a number")
}

/// The position `by` numbers further on.
pub fn moved(position: &str, by: i64) -> String {
    let (epoch, _) = position.rsplit_once('-').expect("a position has a dash");
    format!("{epoch}-{}", seq(position).checked_add_signed(by).unwrap())
}
