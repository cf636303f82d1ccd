//! The series that the store knows, by the number it calls each by. The writer adds to it, readers look.
//!
//! Here a series is what was streamed: the same name with another unit, or from another source, is another one. It is
//! forgotten when the last of its samples is.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use rusqlite::{Connection, Transaction, params};

use super::rows;
use crate::{
    model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Timestamp, Unit},
    series::Series,
};

/// A series, and when it was seen.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its number in rows and blocks.
    pub number: u32,
    /// What it is.
    pub series: Arc<Series>,
    /// When its oldest sample was measured.
    pub first: Timestamp,
    /// When its newest sample was measured.
    pub last: Timestamp,
}

/// See the module; a cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    by_number: Vec<Option<Known>>,
    by_identity: HashMap<(SeriesSpec, SourceId), u32>,
    /// By the id of this life; what [`NONE`] stands at was not asked for yet.
    by_id: Vec<u32>,
}

/// Where a number is not known.
const NONE: u32 = u32::MAX;

impl Catalogue {
    /// What a database knows. Rows that make no sense are left out, and said.
    pub fn load(database: &Connection) -> rusqlite::Result<Self> {
        let mut state = State::default();
        let mut rows = database.prepare(
            "SELECT number, host, name, labels, unit, kind, owner, first_ms, last_ms FROM series ORDER BY number",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let number: u32 = row.get(0)?;
            let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
            let Some((spec, owner)) =
                identity([text(1)?, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?])
            else {
                tracing::warn!(
                    number,
                    "a series in the store cannot be read and is left out"
                );
                continue;
            };
            state.put(Known {
                number,
                series: Arc::new(Series::stored(spec, owner)),
                first: Timestamp::from_millis(row.get(7)?),
                last: Timestamp::from_millis(row.get(8)?),
            });
        }
        let catalogue = Self(Arc::new(RwLock::new(state)));
        // When a series was seen is recorded with blocks; the journal may have later samples, and older ones.
        for meta in rows::journal(database, "TRUE ORDER BY id", [])? {
            // What is damaged is said by who reads it.
            if let Ok(row) = rows::journal_row(database, meta.id) {
                for batch in &row.batches {
                    let time = batch.timestamp;
                    catalogue.seen(&row.layouts[batch.layout], time, time);
                }
            }
        }
        Ok(catalogue)
    }

    /// The series of a number.
    pub fn get(&self, number: u32) -> Option<Arc<Series>> {
        let state = self.0.read();
        let known = state.by_number.get(number as usize)?.as_ref()?;
        Some(known.series.clone())
    }

    /// Those that fit, in the order in which they came.
    pub fn matching(&self, fits: impl Fn(&Series) -> bool) -> Vec<Known> {
        let state = self.0.read();
        let known = state.by_number.iter().flatten();
        known.filter(|k| fits(&k.series)).cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.read().by_identity.len()
    }

    /// The numbers of these series, new ones recorded; they have a sample measured at `timestamp`. For the writer alone.
    pub(super) fn numbers(
        &self,
        transaction: &Transaction<'_>,
        layout: &[Arc<Series>],
        timestamp: Timestamp,
    ) -> rusqlite::Result<Vec<u32>> {
        let mut state = self.0.write();
        let numbers = layout.iter().map(|series| {
            if let Some(number) = state.by_id.get(series.id.index()).filter(|n| **n != NONE) {
                return Ok(*number);
            }
            let identity = (series.spec.clone(), series.owner.clone());
            if let Some(number) = state.by_identity.get(&identity).copied() {
                // The one that is sampled in this life, so that there are not two of it.
                if let Some(Some(known)) = state.by_number.get_mut(number as usize) {
                    known.series = series.clone();
                }
                state.remember(series, number);
                return Ok(number);
            }
            let number = state.by_number.len() as u32;
            state.remember(series, number);
            insert(transaction, number, series, timestamp)?;
            state.put(Known {
                number,
                series: series.clone(),
                first: timestamp,
                last: timestamp,
            });
            Ok(number)
        });
        numbers.collect()
    }

    /// Series have samples of these times. For the writer alone.
    pub(super) fn seen(&self, numbers: &[u32], oldest: Timestamp, newest: Timestamp) {
        let mut state = self.0.write();
        for number in numbers {
            if let Some(Some(known)) = state.by_number.get_mut(*number as usize) {
                known.first = known.first.min(oldest);
                known.last = known.last.max(newest);
            }
        }
    }

    /// Forgets numbers that were given in a transaction that failed.
    pub(super) fn forget_from(&self, number: u32) {
        let mut state = self.0.write();
        state.by_number.truncate(number as usize);
        state.by_id.clear();
        state.by_identity.retain(|_, known| *known < number);
    }

    /// The number that the next series gets.
    pub(super) fn next_number(&self) -> u32 {
        self.0.read().by_number.len() as u32
    }

    /// Records when these series were seen.
    pub(super) fn save_seen(
        &self,
        transaction: &Transaction<'_>,
        numbers: &[u32],
    ) -> rusqlite::Result<()> {
        let mut update = transaction
            .prepare_cached("UPDATE series SET first_ms = ?2, last_ms = ?3 WHERE number = ?1")?;
        let state = self.0.read();
        for number in numbers {
            if let Some(Some(known)) = state.by_number.get(*number as usize) {
                let (first, last) = (known.first.as_millis(), known.last.as_millis());
                update.execute(params![number, first, last])?;
            }
        }
        Ok(())
    }

    /// Deletes series whose newest sample is older than `time`; to be forgotten when that is committed.
    pub(super) fn delete_before(
        &self,
        transaction: &Transaction<'_>,
        time: Timestamp,
    ) -> rusqlite::Result<Vec<u32>> {
        let state = self.0.read();
        let known = state.by_number.iter().flatten();
        let old: Vec<u32> = known.filter(|k| k.last < time).map(|k| k.number).collect();
        let mut delete = transaction.prepare_cached("DELETE FROM series WHERE number = ?1")?;
        for number in &old {
            delete.execute([number])?;
        }
        Ok(old)
    }

    /// Forgets series. Their numbers are not given again while the newest series is known.
    pub(super) fn forget(&self, numbers: &[u32]) {
        let mut state = self.0.write();
        let state = &mut *state;
        state.by_id.clear();
        for number in numbers {
            let slot = state.by_number.get_mut(*number as usize);
            if let Some(Known { series, .. }) = slot.and_then(Option::take) {
                let identity = (series.spec.clone(), series.owner.clone());
                state.by_identity.remove(&identity);
            }
        }
    }
}

impl State {
    fn remember(&mut self, series: &Series, number: u32) {
        let at = series.id.index();
        if self.by_id.len() <= at {
            self.by_id.resize(at + 1, NONE);
        }
        self.by_id[at] = number;
    }

    fn put(&mut self, known: Known) {
        let identity = (known.series.spec.clone(), known.series.owner.clone());
        self.by_identity.insert(identity, known.number);
        let at = known.number as usize;
        if self.by_number.len() <= at {
            self.by_number.resize(at + 1, None);
        }
        self.by_number[at] = Some(known);
    }
}

fn insert(
    transaction: &Transaction<'_>,
    number: u32,
    series: &Series,
    timestamp: Timestamp,
) -> rusqlite::Result<()> {
    let key = series.key();
    let labels = serde_json::to_string(&key.labels)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let seen = timestamp.as_millis();
    transaction
        .prepare_cached(
            "INSERT INTO series (number, host, name, labels, unit, kind, owner, first_ms, last_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        )?
        .execute(params![
            number,
            key.host.as_str(),
            key.name.as_str(),
            labels,
            series.spec.unit.as_str(),
            series.spec.kind.as_str(),
            series.owner.as_str(),
            seen,
        ])?;
    Ok(())
}

fn identity([host, name, labels, unit, kind, owner]: [&str; 6]) -> Option<(SeriesSpec, SourceId)> {
    let labels: Labels = serde_json::from_str(labels).ok()?;
    let spec = SeriesSpec {
        key: SeriesKey {
            host: HostName::parse(host).ok()?,
            name: MetricName::parse(name).ok()?,
            labels,
        },
        unit: Unit::parse(unit).ok()?,
        kind: Kind::parse(kind)?,
    };
    Some((spec, SourceId::new(owner)))
}
