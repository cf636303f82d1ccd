//! Store, then log, as one sequence of events: what readers of the stream go back to when the log does not reach there.
//!
//! - [`archive`] reads it for the stream, [`walk`] for whoever wants all of it in order
//! - [`scene`]: the state of everything as it was at a moment
//! - [`resolved`]: the series of what was recorded, as those of a registry

pub mod resolved;
pub mod scene;

use std::{ops::ControlFlow, sync::Arc};

use crate::{
    entry::{
        Entry,
        past::{Archive, Found, From, Place, Wanted},
        pending::{Busy, answered},
    },
    model::Timestamp,
    store::{Store, block::ReadError, past, readers::Stored},
};

/// What reads the past for the stream; none where nothing is kept.
pub fn archive(store: &Store) -> Option<Box<Archive>> {
    let present = store.epoch().boot;
    let readers = store.is_kept().then(|| store.readers().clone())?;
    Some(Box::new(move |wanted: Wanted| {
        if readers.are_gone() {
            // Nothing will come from there: who waits goes on with what is in memory.
            let begin = Place {
                boot: present,
                after: 0,
            };
            return Ok(answered((begin, Found::NotYet)));
        }
        readers.read(move |stored| {
            past::read(stored, present, &wanted).unwrap_or_else(|error| {
                stored.unreadable(&error);
                let place = match wanted.from {
                    From::Place(place) => place,
                    From::Time(_) | From::Oldest => Place {
                        boot: present,
                        after: 0,
                    },
                };
                (place, Found::Unreadable)
            })
        })
    }))
}

/// What is met on a walk through the past.
#[derive(Debug)]
pub enum Met {
    /// Something that happened.
    Entry(Arc<Entry>),
    /// A time without a server.
    Down {
        /// The last that was recorded before was received then.
        from: Timestamp,
        /// When there was one again.
        to: Timestamp,
    },
}

/// Hands over all that is wanted, in order, until `take` breaks it off, nothing more is recorded, or what is next cannot be
/// read. Times without a server and what is no longer kept are passed over.
pub async fn walk(
    archive: &Archive,
    wanted: Wanted,
    mut take: impl FnMut(Arc<Entry>) -> ControlFlow<()>,
) -> Result<(), Busy> {
    let met = |met| match met {
        Met::Entry(entry) => take(entry),
        Met::Down { .. } => ControlFlow::Continue(()),
    };
    walk_all(archive, wanted, met).await
}

/// As [`walk`], with times without a server.
pub async fn walk_all(
    archive: &Archive,
    mut wanted: Wanted,
    mut take: impl FnMut(Met) -> ControlFlow<()>,
) -> Result<(), Busy> {
    loop {
        let (place, found) = archive(wanted.clone())?.await?;
        match pass(place, found, &mut take) {
            ControlFlow::Continue(next) => wanted.from = From::Place(next),
            ControlFlow::Break(()) => return Ok(()),
        }
    }
}

/// As [`walk_all`], on the thread that reads; `present` is the newest life.
pub fn walk_stored(
    stored: &Stored<'_>,
    present: u32,
    mut wanted: Wanted,
    mut take: impl FnMut(Met) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    loop {
        let (place, found) = past::read(stored, present, &wanted)?;
        match pass(place, found, &mut take) {
            ControlFlow::Continue(next) => wanted.from = From::Place(next),
            ControlFlow::Break(()) => return Ok(()),
        }
    }
}

/// Hands over what was found; where it goes on.
fn pass(
    place: Place,
    found: Found,
    take: &mut impl FnMut(Met) -> ControlFlow<()>,
) -> ControlFlow<(), Place> {
    match found {
        Found::Entries { entries, upto } => {
            for entry in entries {
                take(Met::Entry(entry))?;
            }
            ControlFlow::Continue(Place {
                after: upto,
                ..place
            })
        }
        Found::Hole { upto, .. } => ControlFlow::Continue(Place {
            after: upto,
            ..place
        }),
        Found::Over { next, from, to, .. } => {
            take(Met::Down { from, to })?;
            ControlFlow::Continue(next)
        }
        Found::Gone(next) => ControlFlow::Continue(next),
        Found::NotYet | Found::Unknown | Found::Unreadable => ControlFlow::Break(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        store::{Options, retention::Retention},
    };

    #[test]
    fn where_nothing_can_be_read_nobody_is_kept_waiting() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = Options {
            now: Timestamp::from_millis(1_795_000_000_000),
            suffix: 7,
            history: 10,
            queue_bytes: 1 << 20,
            retention: Retention::of(&config::Store::default()),
        };
        let (store, threads, _) = Store::open(folder.path(), options).unwrap();
        let archive = archive(&store).unwrap();
        let wanted = Wanted {
            from: From::Time(Timestamp::from_millis(1_794_000_000_000)),
            series: None,
            alerts: true,
            activity: true,
            notifications: true,
        };
        let early = archive(wanted.clone()).unwrap();
        drop(threads.readers);
        assert!(matches!(early.take(), Some(Err(Busy))));
        let (place, found) = archive(wanted).unwrap().take().unwrap().unwrap();
        assert!(matches!(found, Found::NotYet));
        assert_eq!((place.boot, place.after), (1, 0));
    }
}
