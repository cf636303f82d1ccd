//! Where reading on begins.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    entry::past::{From, Place},
    model::{Seq, Timestamp},
    store::{
        block::ReadError,
        rows::{self, Block, Meta},
        writer::number,
    },
};

/// The place that is asked for; and whether something after it is no longer kept.
pub(super) fn begin(
    database: &Connection,
    boot: u32,
    from: From,
) -> Result<(Place, bool), ReadError> {
    let present = Place { boot, after: 0 };
    match from {
        From::Place(place) => Ok((place, false)),
        From::Oldest => Ok((oldest(database)?.unwrap_or(present), false)),
        From::Time(time) => {
            let Some(place) = at_time(database, boot, time)? else {
                return Ok((present, false));
            };
            // What is kept begins later than that, and it is not where everything began.
            let first: Option<u32> = database
                .prepare_cached("SELECT min(boot) FROM epochs")?
                .query_row([], |row| row.get(0))?;
            let begins = oldest(database)? == Some(place);
            let is_first = place.after == 0 && first == Some(place.boot);
            Ok((
                place,
                begins && !is_first && is_later(database, place, time)?,
            ))
        }
    }
}

/// Whether the first thing after a place was received later than `time`.
fn is_later(database: &Connection, place: Place, time: Timestamp) -> rusqlite::Result<bool> {
    let mut from = database.prepare_cached(
        "SELECT min(from_ms) FROM (
            SELECT from_ms FROM blocks WHERE tier = 0 AND boot = ?1 AND last_seq > ?2
            UNION ALL SELECT from_ms FROM journal WHERE boot = ?1 AND last_seq > ?2)",
    )?;
    let from: Option<i64> =
        from.query_row(params![place.boot, number(place.after)], |row| row.get(0))?;
    Ok(from.is_some_and(|from| from > time.as_millis()))
}

/// Where the oldest that is kept begins. None when nothing is kept.
pub(super) fn oldest(database: &Connection) -> rusqlite::Result<Option<Place>> {
    let mut found = database.prepare_cached(
        "SELECT boot, first_seq FROM (
            SELECT boot, first_seq FROM blocks WHERE tier = 0 UNION ALL SELECT boot, first_seq FROM journal)
         ORDER BY boot, first_seq LIMIT 1",
    )?;
    found.query_row([], before_first).optional()
}

/// The place after the last thing that was received by `time`. None when nothing came after it, and the present life has
/// recorded nothing. That is asked from the newest on: where the clock was set back between two lives, what the earlier one calls later came before all the same.
fn at_time(database: &Connection, boot: u32, time: Timestamp) -> Result<Option<Place>, ReadError> {
    const BEGUN: &str = "from_ms <= ?1 ORDER BY boot DESC, first_seq DESC LIMIT 1";
    let time_of = [time.as_millis()];
    let block = rows::blocks(database, &format!("tier = 0 AND {BEGUN}"), time_of)?.pop();
    let row = rows::journal(database, BEGUN, time_of)?.pop();
    let key = |meta: &Meta| (meta.boot, meta.first);
    let is_block = block.as_ref().map(key) > row.as_ref().map(key);
    let Some(meta) = (if is_block { block } else { row }) else {
        return Ok(oldest(database)?);
    };
    if meta.to <= time {
        let end = Place {
            boot: meta.boot,
            after: meta.last,
        };
        let after = begin_after(database, &meta)?;
        // It was the last there is; what comes next is of this life.
        return Ok(after.or_else(|| (meta.boot == boot).then_some(end)));
    }
    let samples = match is_block {
        true => received_by(database, &meta, time)?,
        false => {
            let row = rows::journal_row(database, meta.id)?;
            let before = row.batches.iter().filter(|batch| batch.received <= time);
            before
                .map(|batch| batch.first + row.layouts[batch.layout].len() as Seq - 1)
                .max()
        }
    };
    let stretch = params![meta.boot, number(meta.last), time.as_millis()];
    let others: Option<i64> = database
        .prepare_cached(
            "SELECT max(seq) FROM (
                SELECT seq FROM alert_events WHERE boot = ?1 AND seq <= ?2 AND at_ms <= ?3
                UNION ALL SELECT seq FROM activities WHERE boot = ?1 AND seq <= ?2 AND received_ms <= ?3
                UNION ALL SELECT seq FROM delivery_events WHERE boot = ?1 AND seq <= ?2 AND received_ms <= ?3)",
        )?
        .query_row(stretch, |row| row.get(0))?;
    let others = others.map_or(0, |seq| seq.max(0).cast_unsigned());
    Ok(Some(Place {
        boot: meta.boot,
        after: (meta.first - 1).max(samples.unwrap_or(0)).max(others),
    }))
}

/// Where what follows a stretch begins.
fn begin_after(database: &Connection, meta: &Meta) -> rusqlite::Result<Option<Place>> {
    let mut found = database.prepare_cached(
        "SELECT boot, first_seq FROM (
            SELECT boot, first_seq FROM blocks WHERE tier = 0 AND (boot, first_seq) > (?1, ?2)
            UNION ALL SELECT boot, first_seq FROM journal WHERE (boot, first_seq) > (?1, ?2))
         ORDER BY boot, first_seq LIMIT 1",
    )?;
    let after = params![meta.boot, number(meta.first)];
    found.query_row(after, before_first).optional()
}

/// The place before a number, of a row with both.
fn before_first(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    let first: i64 = row.get(1)?;
    Ok(Place {
        boot: row.get(0)?,
        after: (first - 1).max(0).cast_unsigned(),
    })
}

/// The newest number of a block that was received by then.
fn received_by(
    database: &Connection,
    meta: &Meta,
    time: Timestamp,
) -> Result<Option<Seq>, ReadError> {
    let Block { head, mut parts } = Block::open(database, meta.id)?;
    let mut newest = None;
    for group in &head.groups {
        let times = head.whole_numbers(&mut parts, group, rows::TIMESTAMP)?;
        let lags = head.whole_numbers(&mut parts, group, rows::LAG)?;
        let firsts = head.whole_numbers(&mut parts, group, rows::FIRST)?;
        let rows = times.iter().zip(&lags).zip(&firsts);
        let before = rows.filter(|((t, lag), _)| **t + **lag <= time.as_millis());
        let last = before.map(|(_, first)| *first + group.series.len() as i64 - 1);
        newest = newest.max(last.max());
    }
    Ok(newest.map(|seq| seq.max(0).cast_unsigned()))
}
