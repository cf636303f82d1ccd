//! Where a stream or a subscription begins: `since` against the log, and what the log does not reach back to against the
//! store.

use super::{
    query::{Since, UntilParam},
    state::State,
};
use crate::{
    entry::past::From,
    model::Timestamp,
    stream::{
        Stream,
        cursor::Until,
        filter::Topics,
        log::{ResetReason, Start},
    },
};

/// The start for a reader of `topics`. Without `since` it begins with what comes.
pub fn resolve(state: &State, since: Option<&Since>, topics: Topics) -> Start {
    let archive = state.stream().archive().is_some();
    start(state, since, topics, archive)
}

/// The start for a page: it does not replay hours to who comes back after them, but fetches its charts anew.
pub fn resolve_for_page(state: &State, since: Option<&Since>, topics: Topics) -> Start {
    start(state, since, topics, false)
}

fn start(state: &State, since: Option<&Since>, topics: Topics, archive: bool) -> Start {
    let log = state.stream().log();
    match since {
        None | Some(Since::Latest) => Start::after(log.head()),
        Some(Since::Earliest) if archive => Start::past(From::Oldest),
        Some(Since::Earliest) => Start::after(log.floor(topics)),
        Some(Since::Position(position)) => log.resume(*position, topics, archive),
        Some(Since::Unreadable(_)) => Start::reset(log.left_after(topics, 0), ResetReason::Unknown),
        Some(Since::Time(time)) => from_time(state, *time, topics, archive),
        Some(Since::Ago(ago)) => from_time(state, state.now().minus(*ago), topics, archive),
    }
}

fn from_time(state: &State, time: Timestamp, topics: Topics, archive: bool) -> Start {
    let log = state.stream().log();
    let after = log.received_by(time);
    let evicted = after < log.floor(topics);
    // What was received before this life began is in the store alone.
    let reaches_back = after > 0 || time >= state.parts().started;
    if archive && (evicted || !reaches_back) {
        return Start::past(From::Time(time));
    }
    match evicted {
        true => Start::reset(log.left_after(topics, after), ResetReason::Evicted),
        false => Start::after(after),
    }
}

/// Where a stream ends, or what would be accepted instead.
pub fn until(stream: &Stream, until: UntilParam) -> Result<Until, &'static str> {
    match until {
        UntilParam::Time(time) => Ok(Until::Time(time)),
        UntilParam::Position(position) => {
            match stream.log().epoch_of(position.epoch.boot) == Some(position.epoch) {
                true => Ok(Until::Position(position)),
                false => Err("a position that this server gave out, or a time"),
            }
        }
    }
}
