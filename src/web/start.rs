//! Where a stream or a subscription begins: `since` against the log.

use super::{query::Since, state::State};
use crate::stream::{
    filter::Topics,
    log::{ResetReason, Start},
};

/// The start for a reader of `topics`. Without `since` it begins with what comes.
pub fn resolve(state: &State, since: Option<&Since>, topics: Topics) -> Start {
    let log = state.stream().log();
    let from_time = |time| {
        let after = log.received_by(time);
        if after < log.floor(topics) {
            return Start {
                after: log.left_after(topics, after),
                reset: Some(ResetReason::Evicted),
            };
        }
        Start { after, reset: None }
    };
    match since {
        None | Some(Since::Latest) => Start {
            after: log.head(),
            reset: None,
        },
        Some(Since::Earliest) => Start {
            after: log.floor(topics),
            reset: None,
        },
        Some(Since::Position(position)) => log.resume(*position, topics),
        Some(Since::Unreadable(_)) => Start {
            after: log.left_after(topics, 0),
            reset: Some(ResetReason::Unknown),
        },
        Some(Since::Time(time)) => from_time(*time),
        Some(Since::Ago(ago)) => from_time(state.now().minus(*ago)),
    }
}
