//! Store, then log, as one sequence of events: what readers of the stream go back to when the log does not reach there.

use crate::{
    entry::past::{Archive, Found, From, Place, Wanted},
    store::{Store, past},
};

/// What reads the past for the stream; none where nothing is kept.
pub fn archive(store: &Store) -> Option<Box<Archive>> {
    let present = store.epoch().boot;
    let readers = store.is_kept().then(|| store.readers().clone())?;
    Some(Box::new(move |wanted: Wanted| {
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
