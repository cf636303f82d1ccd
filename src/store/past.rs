//! The past as it was streamed: the entries after a place, read back.

mod begin;
mod others;
mod samples;
pub mod unpacked;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use self::begin::{begin, oldest};
use super::{
    block::ReadError,
    readers::Stored,
    rows::{self, Meta},
    writer::number,
};
use crate::{
    entry::{
        Entry,
        past::{Found, Place, Wanted},
    },
    model::Timestamp,
};

/// About so many bytes of entries are read at once.
const WEIGHT: usize = 1 << 20;

/// Reads on: where that begins, and what there is. `boot` is the present life.
pub fn read(stored: &Stored<'_>, boot: u32, wanted: &Wanted) -> Result<(Place, Found), ReadError> {
    // One transaction, so that what the compactor moves meanwhile is seen once.
    let database = stored.database.unchecked_transaction()?;
    let (place, went) = begin(&database, boot, wanted.from)?;
    if went {
        return Ok((place, Found::Gone(place)));
    }
    let reading = Reading {
        database: &database,
        stored,
        boot,
        wanted,
    };
    Ok((place, reading.find(place)?))
}

struct Reading<'a> {
    database: &'a Connection,
    stored: &'a Stored<'a>,
    boot: u32,
    wanted: &'a Wanted,
}

/// Where a stretch of numbers is.
enum Source {
    Block,
    Journal,
}

impl Reading<'_> {
    fn find(&self, wanted: Place) -> Result<Found, ReadError> {
        let mut place = wanted;
        let mut weight = 0;
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        while weight < WEIGHT {
            let Some((source, meta)) = self.next_to(place)? else {
                break;
            };
            if meta.first > place.after + 1 {
                if entries.is_empty() && place == wanted {
                    return self.missing(place, &meta);
                }
                break;
            }
            let read = match (source, &self.wanted.series) {
                (_, None) => Ok((Vec::new(), meta.last)),
                (Source::Block, Some(fits)) => self.of_block(&meta, fits, place, WEIGHT - weight),
                (Source::Journal, Some(_)) => self.of_row(&meta, place),
            };
            let (found, upto) = match read {
                // As if it had not been recorded.
                Err(ReadError::Damaged(damaged)) if place == wanted => {
                    self.stored.unreadable(&damaged);
                    return Ok(Found::Hole {
                        upto: meta.last,
                        from: meta.from,
                        to: meta.to,
                    });
                }
                Err(ReadError::Damaged(_)) => break,
                read => read?,
            };
            let found = self.with_others(found, place, upto)?;
            weight += found.iter().map(|entry| entry.weight()).sum::<usize>() + 256;
            entries.extend(found);
            place.after = upto;
        }
        if place.after > wanted.after {
            return Ok(Found::Entries {
                entries,
                upto: place.after,
            });
        }
        self.after_the_last(place)
    }

    /// The stretch that has the first number after a place, or the next one there is.
    fn next_to(&self, place: Place) -> rusqlite::Result<Option<(Source, Meta)>> {
        let after = number(place.after);
        let found = rows::blocks(
            self.database,
            "tier = 0 AND boot = ?1 AND last_seq > ?2 ORDER BY first_seq LIMIT 1",
            params![place.boot, after],
        )?;
        if let Some(block) = found.first() {
            return Ok(Some((Source::Block, *block)));
        }
        let found = rows::journal(
            self.database,
            "boot = ?1 AND last_seq > ?2 ORDER BY first_seq LIMIT 1",
            params![place.boot, after],
        )?;
        Ok(found.first().map(|row| (Source::Journal, *row)))
    }

    /// What lies between a place and the next stretch was not recorded, or is no longer kept.
    fn missing(&self, place: Place, next: &Meta) -> Result<Found, ReadError> {
        let before = rows::blocks(
            self.database,
            "tier = 0 AND boot = ?1 AND first_seq < ?2 ORDER BY first_seq DESC LIMIT 1",
            params![place.boot, number(next.first)],
        )?;
        let row = rows::journal(
            self.database,
            "boot = ?1 AND first_seq < ?2 ORDER BY first_seq DESC LIMIT 1",
            params![place.boot, number(next.first)],
        )?;
        Ok(match row.first().or(before.first()) {
            Some(before) => Found::Hole {
                upto: next.first - 1,
                from: before.to,
                to: next.from,
            },
            None => Found::Gone(Place {
                boot: place.boot,
                after: next.first - 1,
            }),
        })
    }

    /// Nothing more is recorded of the life of a place.
    fn after_the_last(&self, place: Place) -> Result<Found, ReadError> {
        if place.boot == self.boot {
            return Ok(Found::NotYet);
        }
        let mut life = self.database.prepare_cached(
            "SELECT last_seq, coalesce(ended_ms, started_ms) FROM epochs WHERE boot = ?1",
        )?;
        let life = life.query_row([place.boot], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        });
        let Some((last, ended)) = life.optional()? else {
            return Ok(Found::Unknown);
        };
        let mut next = self.database.prepare_cached(
            "SELECT boot, started_ms FROM epochs WHERE boot > ?1 ORDER BY boot LIMIT 1",
        )?;
        let (next, to) = next.query_row([place.boot], |row| {
            Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?)))
        })?;
        let mut recorded = self.database.prepare_cached(
            "SELECT max(last), max(upto) FROM (
                SELECT last_seq AS last, to_ms AS upto FROM blocks WHERE tier = 0 AND boot = ?1
                UNION ALL SELECT last_seq, to_ms FROM journal WHERE boot = ?1)",
        )?;
        let (recorded, upto): (Option<i64>, Option<i64>) =
            recorded.query_row([place.boot], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let later = Place {
            boot: next,
            after: 0,
        };
        // All of it went, and it was not nothing: the oldest goes first, so nothing older is there either.
        if recorded.is_none() && last.unwrap_or(i64::MAX) > number(place.after) {
            let oldest = oldest(self.database)?;
            if oldest.is_none_or(|oldest| oldest.boot > place.boot) {
                return Ok(Found::Gone(later));
            }
        }
        Ok(Found::Over {
            next: later,
            whole: last.is_some_and(|last| number(place.after) == last),
            from: Timestamp::from_millis(upto.unwrap_or(ended)),
            to,
        })
    }
}
