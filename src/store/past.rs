//! The past as it was streamed: the entries after a place, read back.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    block::ReadError,
    readers::Stored,
    rows::{self, Block, Meta},
    writer::number,
};
use crate::{
    entry::{
        Entry, Layout, What,
        past::{Found, From, Place, Wanted},
    },
    model::{Activity, AlertEvent, Seq, Timestamp},
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

/// The place that is asked for; and whether something after it is no longer kept.
fn begin(database: &Connection, boot: u32, from: From) -> Result<(Place, bool), ReadError> {
    let present = Place { boot, after: 0 };
    match from {
        From::Place(place) => Ok((place, false)),
        From::Oldest => Ok((oldest(database)?.unwrap_or(present), false)),
        From::Time(time) => {
            let Some(place) = at_time(database, time)? else {
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
            let read = match source {
                _ if self.wanted.series.is_none() => Ok((Vec::new(), meta.last)),
                Source::Block => self.of_block(&meta, place, WEIGHT - weight),
                Source::Journal => self.of_row(&meta, place),
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

    fn of_row(&self, meta: &Meta, place: Place) -> Result<(Vec<Arc<Entry>>, Seq), ReadError> {
        let row = rows::journal_row(self.database, meta.id)?;
        let picks: Vec<Option<Pick>> = row.layouts.iter().map(|l| self.pick(l)).collect();
        let mut entries = Vec::new();
        for batch in row.batches {
            let Some(pick) = &picks[batch.layout] else {
                continue;
            };
            let last = batch.first + row.layouts[batch.layout].len() as Seq - 1;
            if last > place.after {
                let values = pick.places.iter().map(|at| batch.values[*at as usize]);
                entries.push(pick.entry(
                    batch.first,
                    batch.timestamp,
                    batch.received,
                    values.collect(),
                ));
            }
        }
        Ok((entries, meta.last))
    }

    /// The entries of a block after a place, about `weight` bytes of them; and up to where that is.
    fn of_block(
        &self,
        meta: &Meta,
        place: Place,
        weight: usize,
    ) -> Result<(Vec<Arc<Entry>>, Seq), ReadError> {
        struct Group {
            pick: Pick,
            times: Vec<i64>,
            lags: Vec<i64>,
            values: Vec<Vec<f64>>,
        }
        let Block { head, mut parts } = Block::open(self.database, meta.id)?;
        let mut groups = Vec::new();
        // First number, group, row.
        let mut order: Vec<(i64, usize, usize)> = Vec::new();
        for (at, group) in head.groups.iter().enumerate() {
            let Some(pick) = self.pick(&group.series) else {
                continue;
            };
            let length = group.series.len() as i64;
            let firsts = head.whole_numbers(&mut parts, group, rows::FIRST)?;
            let wanted = firsts.iter().enumerate();
            let wanted = wanted.filter(|(_, first)| **first + length > number(place.after) + 1);
            order.extend(wanted.map(|(row, first)| (*first, groups.len(), row)));
            groups.push((at, pick));
        }
        order.sort_unstable();
        let each = |group: usize| groups[group].1.layout.len() * 16 + 160;
        let mut taken = 0;
        let mut sum = 0;
        while taken < order.len() && (sum < weight || taken == 0) {
            sum += each(order[taken].1);
            taken += 1;
        }
        let upto = match order.get(taken) {
            Some((next, ..)) => (*next - 1).max(0).cast_unsigned(),
            None => meta.last,
        };
        order.truncate(taken);
        let mut read: HashMap<usize, Group> = HashMap::new();
        for (which, (at, pick)) in groups.into_iter().enumerate() {
            if !order.iter().any(|(_, group, _)| *group == which) {
                continue;
            }
            let group = &head.groups[at];
            let times = head.whole_numbers(&mut parts, group, rows::TIMESTAMP)?;
            let lags = head.whole_numbers(&mut parts, group, rows::LAG)?;
            let mut values = Vec::with_capacity(pick.places.len());
            for place in &pick.places {
                values.push(head.values(&mut parts, group, *place as usize, 0)?);
            }
            let group = Group {
                pick,
                times,
                lags,
                values,
            };
            read.insert(which, group);
        }
        let entries = order.iter().map(|(first, group, row)| {
            let group = &read[group];
            let time = group.times[*row];
            group.pick.entry(
                first.cast_unsigned(),
                Timestamp::from_millis(time),
                Timestamp::from_millis(time + group.lags[*row]),
                group.values.iter().map(|column| column[*row]).collect(),
            )
        });
        Ok((entries.collect(), upto))
    }

    /// Which of the series of a layout are wanted; none if none is.
    fn pick(&self, layout: &[u32]) -> Option<Pick> {
        let fits = self.wanted.series.as_ref()?;
        let mut series = Vec::new();
        let mut places = Vec::new();
        for (at, number) in (0..).zip(layout) {
            // What is not in the catalogue was forgotten with the last of its samples.
            if let Some(known) = self.stored.catalogue.get(*number).filter(|s| fits(s)) {
                series.push(known);
                places.push(at);
            }
        }
        (!series.is_empty()).then(|| Pick {
            layout: series.into(),
            offsets: (places.len() < layout.len()).then(|| places.clone().into()),
            behind: layout.len() as Seq - 1,
            places,
        })
    }

    /// With alerts and lines of the feed, all in the order of their numbers.
    fn with_others(
        &self,
        mut entries: Vec<Arc<Entry>>,
        place: Place,
        upto: Seq,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let samples = entries.len();
        let stretch = params![place.boot, number(place.after), number(upto)];
        if self.wanted.alerts {
            let mut found = self.database.prepare_cached(
                "SELECT seq, at_ms, event FROM alert_events WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
            )?;
            let mut found = found.query(stretch)?;
            while let Some(row) = found.next()? {
                let (seq, received, json) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str());
                let json = json.map_err(rusqlite::Error::from)?;
                if let Ok(event) = serde_json::from_str::<AlertEvent>(json) {
                    entries.push(other(
                        seq,
                        received,
                        |json| What::Alert {
                            event: Arc::new(event),
                            json,
                        },
                        json,
                    ));
                }
            }
        }
        if self.wanted.activity {
            let mut found = self.database.prepare_cached(
                "SELECT seq, received_ms, activity FROM activities WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
            )?;
            let mut found = found.query(stretch)?;
            while let Some(row) = found.next()? {
                let (seq, received, json) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str());
                let json = json.map_err(rusqlite::Error::from)?;
                if let Ok(activity) = serde_json::from_str::<Activity>(json) {
                    entries.push(other(
                        seq,
                        received,
                        |json| What::Activity {
                            activity: Arc::new(activity),
                            json,
                        },
                        json,
                    ));
                }
            }
        }
        if entries.len() > samples {
            entries.sort_by_key(|entry| entry.first);
        }
        Ok(entries)
    }
}

/// An alert or a line of the feed, from its JSON.
fn other(seq: i64, received: i64, what: impl FnOnce(Box<str>) -> What, json: &str) -> Arc<Entry> {
    let fields = json
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let seq = seq.max(0).cast_unsigned();
    Arc::new(Entry {
        first: seq,
        last: seq,
        received: Timestamp::from_millis(received),
        what: what(format!(",{}", fields.unwrap_or_default()).into()),
    })
}

/// The wanted series of a layout.
struct Pick {
    layout: Layout,
    /// Their places in it.
    places: Vec<u32>,
    /// The same, where some are not wanted.
    offsets: Option<Arc<[u32]>>,
    /// How far the last number of a batch is behind its first.
    behind: Seq,
}

impl Pick {
    fn entry(
        &self,
        first: Seq,
        timestamp: Timestamp,
        received: Timestamp,
        values: Box<[f64]>,
    ) -> Arc<Entry> {
        Arc::new(Entry {
            first,
            last: first + self.behind,
            received,
            what: What::Samples {
                timestamp,
                layout: self.layout.clone(),
                values,
                offsets: self.offsets.clone(),
            },
        })
    }
}

/// Where the oldest that is kept begins. None when nothing is kept.
fn oldest(database: &Connection) -> rusqlite::Result<Option<Place>> {
    let mut found = database.prepare_cached(
        "SELECT boot, first_seq FROM (
            SELECT boot, first_seq FROM blocks WHERE tier = 0 UNION ALL SELECT boot, first_seq FROM journal)
         ORDER BY boot, first_seq LIMIT 1",
    )?;
    found.query_row([], before_first).optional()
}

/// The place after the last thing that was received by `time`. None when nothing came after it. That is asked from the newest
/// on: where the clock was set back between two lives, what the earlier one calls later came before all the same.
fn at_time(database: &Connection, time: Timestamp) -> Result<Option<Place>, ReadError> {
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
        return Ok(begin_after(database, &meta)?);
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
                UNION ALL SELECT seq FROM activities WHERE boot = ?1 AND seq <= ?2 AND received_ms <= ?3)",
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
