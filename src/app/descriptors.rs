//! Open files: each connection is one, and the system has a limit of its own.
//!
//! A server that may open no more files cannot even refuse a connection, so the limit is raised as far as it goes, and
//! what still does not fit is taken off ours.

/// Files that are no connections: the store, the listener, the threads' own, what sensors read, refused connections.
const OTHERS: usize = 256 + crate::web::limits::FAREWELLS;

/// How many connections there may be, of those wanted.
pub fn allow(wanted: usize) -> usize {
    let Some(files) = raise((wanted + OTHERS) as u64) else {
        return wanted;
    };
    let fits = (files as usize).saturating_sub(OTHERS).max(1);
    if fits < wanted {
        tracing::warn!(
            files,
            connections = fits,
            "the system lets this process open too few files for server.max_connections; raise its limit (ulimit -n, \
             LimitNOFILE=)"
        );
    }
    wanted.min(fits)
}

/// Asks the system for so many files; how many there may be now, `None` for any number.
#[cfg(unix)]
fn raise(wanted: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let has = getrlimit(Resource::Nofile);
    let current = has.current?;
    if current >= wanted {
        return Some(current);
    }
    let more = has.maximum.map_or(wanted, |most| most.min(wanted));
    let limit = Rlimit {
        current: Some(more),
        maximum: has.maximum,
    };
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => Some(more),
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            Some(current)
        }
    }
}

#[cfg(not(unix))]
fn raise(_: u64) -> Option<u64> {
    None
}
