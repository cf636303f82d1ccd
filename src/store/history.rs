//! The past series by series: samples as they were, or stretches of equal length with what was in them.
//!
//! Long stretches are read from the coarsest tier that is fine enough, and where that is not made yet, or a finer one is no longer kept,
//! from what there is. The smallest and the largest value of a stretch are always exact, whatever they are read from: no
//! peak is lost. A tier knows only whole rows, so at the edges of the time that is asked for a row counts where it begins.

use rusqlite::{Connection, params};

use super::{
    aggregate::Aggregate,
    block::ReadError,
    compactor::aggregates,
    points::Points,
    readers::Stored,
    rows::{self, Block, Meta, Times, samples_of, times_of},
};
use crate::model::{Timestamp, decimal::Sum};

/// The tiers, in milliseconds of a row, coarsest first; samples are 0.
const TIERS: [i64; 3] = [3_600_000, 60_000, 0];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// The numbers of the series; samples of all of them are put together, as of one that was called by several.
    pub series: Vec<u32>,
    /// From this time on.
    pub from: Timestamp,
    /// Up to, not with, this time.
    pub to: Timestamp,
    /// The length of a stretch; none for every sample.
    pub step: Option<Step>,
    /// What of a stretch is wanted; the rest is anything.
    pub figures: Figures,
}

/// Columns of a coarser tier that have to be read; the count always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The smallest and the largest.
    pub bounds: bool,
    /// The sum, and with it the mean.
    pub sum: bool,
    /// The last.
    pub last: bool,
}

impl Figures {
    /// All of them.
    pub const ALL: Self = Self {
        bounds: true,
        sum: true,
        last: true,
    };
}

/// How long a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// In milliseconds; a multiple of `tier`.
    pub millis: i64,
    /// The tier it is read from, in milliseconds; 0 for samples.
    pub tier: i64,
    /// With at most so many samples they are not put together.
    pub keep: usize,
}

impl Step {
    /// A step of exactly `millis`, from the coarsest tier whose rows fit into it.
    pub fn exact(millis: i64) -> Self {
        let millis = millis.max(1);
        let fits = |tier: &i64| *tier == 0 || millis % tier == 0;
        Self {
            millis,
            tier: TIERS.into_iter().find(fits).unwrap_or(0),
            keep: 0,
        }
    }

    /// A step of `millis`, or more where a tier that is quicker to read needs that; with at most `keep` samples they stay
    /// as they are.
    pub fn about(millis: i64, keep: usize) -> Self {
        let millis = millis.max(1);
        let tier = TIERS.into_iter().find(|tier| *tier <= millis).unwrap_or(0);
        let millis = match tier {
            0 => millis,
            tier => (millis + tier - 1) / tier * tier,
        };
        Self { millis, tier, keep }
    }
}

/// The past of one series, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Past {
    /// Every sample.
    Samples(Points),
    /// Stretches that have samples; the bucket of each is the time divided by the step.
    Steps(Vec<Aggregate>),
}

impl Past {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Samples(samples) => samples.is_empty(),
            Self::Steps(steps) => steps.is_empty(),
        }
    }
}

/// Reads the past of some series; in the order of the queries.
pub fn read(stored: &Stored<'_>, queries: &[Query]) -> Result<Vec<Past>, ReadError> {
    let database = stored.database.unchecked_transaction()?;
    let mut all = Vec::with_capacity(queries.len());
    let (Some(from), Some(to)) = (
        queries.iter().map(|q| q.from).min(),
        queries.iter().map(|q| q.to).max(),
    ) else {
        return Ok(all);
    };
    let tier = queries[0].step.map_or(0, |step| step.tier);
    let mut found: Vec<Found> = queries.iter().map(|_| Found::default()).collect();
    let parts = parts(&database, tier, from, to)?;
    let only_samples = parts.iter().all(|part| part.meta.tier == 0);
    for (i, part) in parts.iter().enumerate() {
        match part.read(&database, queries, &mut found) {
            Ok(()) => {}
            Err(ReadError::Damaged(damaged)) => stored.unreadable(&damaged),
            Err(error) => return Err(error),
        }
        // Rows of the journal are many, and have little each.
        if only_samples && part.is_block {
            let later = parts[i + 1..].iter().map(|part| part.meta.oldest);
            let oldest = later.min().map_or(i64::MAX, Timestamp::as_millis);
            for (query, found) in queries.iter().zip(&mut found) {
                found.put_together(query, oldest);
            }
        }
    }
    for (query, found) in queries.iter().zip(found) {
        all.push(found.into_past(query));
    }
    Ok(all)
}

/// What was found of a series: samples, and rows of coarser tiers by the time they begin.
#[derive(Default)]
struct Found {
    /// Before the samples: stretches that are complete.
    steps: Vec<Aggregate>,
    samples: Points,
    rows: Vec<(i64, Aggregate)>,
}

/// A block or a row of the journal that has something of the time asked for.
struct Part {
    meta: Meta,
    is_block: bool,
    /// What is measured at or after this is in it, before this it is in another part of a coarser tier.
    since: i64,
    /// Likewise: what is measured before this.
    before: i64,
}

/// What has to be read for a time at a tier.
fn parts(
    database: &Connection,
    tier: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Part>, ReadError> {
    let mut parts = Vec::new();
    // Where each tier begins; one that has nothing, where the next finer one does.
    let mut begins = [i64::MAX; TIERS.len()];
    let mut finer = i64::MAX;
    for (i, of) in TIERS.into_iter().enumerate().rev() {
        let mut first =
            database.prepare_cached("SELECT min(from_ms) FROM blocks WHERE tier = ?1")?;
        let first: Option<i64> = first.query_row([of / 1000], |row| row.get(0))?;
        finer = first.unwrap_or(finer);
        begins[i] = finer;
    }
    // A tier that is coarser than asked for has what finer ones have no longer; one that is finer, what is not in it yet.
    let mut since = i64::MIN;
    for (i, of) in TIERS.into_iter().enumerate() {
        let mut before = i64::MAX;
        if of > tier {
            let finer = begins[i + 1];
            if begins[i] >= finer {
                continue;
            }
            before = finer
                .saturating_add(of - 1)
                .div_euclid(of)
                .saturating_mul(of);
        }
        let condition = match of < tier {
            true => {
                "tier = ?1 AND rolled = 0 AND newest_ms >= ?2 AND oldest_ms < ?3 ORDER BY boot, first_seq, id"
            }
            false => {
                "tier = ?1 AND newest_ms >= ?2 AND oldest_ms < ?3 ORDER BY boot, first_seq, id"
            }
        };
        let values = params![of / 1000, from.as_millis(), to.as_millis()];
        for meta in rows::blocks(database, condition, values)? {
            parts.push(Part {
                meta,
                is_block: true,
                // Late samples that are nowhere else yet are not passed over.
                since: if meta.rolled { since } else { i64::MIN },
                before,
            });
        }
        if of > tier {
            since = before;
        }
    }
    let values = [from.as_millis(), to.as_millis()];
    for meta in rows::journal(
        database,
        "newest_ms >= ?1 AND oldest_ms < ?2 ORDER BY id",
        values,
    )? {
        parts.push(Part {
            meta,
            is_block: false,
            since: i64::MIN,
            before: i64::MAX,
        });
    }
    Ok(parts)
}

impl Part {
    fn read(
        &self,
        database: &Connection,
        queries: &[Query],
        found: &mut [Found],
    ) -> Result<(), ReadError> {
        match self.is_block {
            true => self.of_block(database, queries, found),
            false => self.of_row(database, queries, found),
        }
    }

    /// The time that is wanted by a query and in this part: from here on, and before that.
    fn span(&self, query: &Query) -> (i64, i64) {
        let from = self.since.max(query.from.as_millis());
        (from, self.before.min(query.to.as_millis()))
    }

    fn of_row(
        &self,
        database: &Connection,
        queries: &[Query],
        found: &mut [Found],
    ) -> Result<(), ReadError> {
        let row = rows::journal_row(database, self.meta.id)?;
        for (query, found) in queries.iter().zip(found) {
            let places = row.layouts.iter().map(|layout| {
                let at = layout.iter().enumerate();
                let of = at.filter(|(_, number)| query.series.contains(number));
                of.map(|(at, _)| at).collect::<Vec<_>>()
            });
            let places: Vec<Vec<usize>> = places.collect();
            let (from, to) = self.span(query);
            for batch in &row.batches {
                let time = batch.timestamp.as_millis();
                if (from..to).contains(&time) {
                    let of_batch = &places[batch.layout];
                    let samples = of_batch.iter().map(|at| (time, batch.values[*at]));
                    found.samples.extend(samples);
                }
            }
        }
        Ok(())
    }

    fn of_block(
        &self,
        database: &Connection,
        queries: &[Query],
        found: &mut [Found],
    ) -> Result<(), ReadError> {
        let Block { head, mut parts } = Block::open(database, self.meta.id)?;
        let tier = self.meta.tier * 1000;
        let mut times = Times::new();
        for (query, found) in queries.iter().zip(found) {
            let (from, to) = self.span(query);
            for number in &query.series {
                if tier == 0 {
                    let samples = samples_of(&head, &mut parts, &mut times, *number)?;
                    found.samples.append(samples, from, to);
                    continue;
                }
                for (i, group) in head.groups.iter().enumerate() {
                    if let Some(at) = group.series.iter().position(|s| s == number) {
                        let buckets = times_of(&head, &mut parts, &mut times, i)?.to_vec();
                        let of = query.figures;
                        let rows = aggregates(&head, &mut parts, group, at, &buckets, of)?;
                        let rows = rows.into_iter().map(|row| (row.bucket * tier, row));
                        found
                            .rows
                            .extend(rows.filter(|(time, _)| (from..to).contains(time)));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Found {
    /// Puts together what is complete, so that not all samples have to be held at once: nothing more comes that was measured
    /// before `oldest`.
    fn put_together(&mut self, query: &Query, oldest: i64) {
        let Some(step) = query.step else {
            return;
        };
        self.samples.sort();
        if self.samples.len() > step.keep {
            let begins = oldest.div_euclid(step.millis).saturating_mul(step.millis);
            let complete = self.samples.take_before(begins);
            self.steps
                .extend(complete.steps(step.millis, query.figures.sum));
        }
    }

    fn into_past(mut self, query: &Query) -> Past {
        self.samples.sort();
        let Some(step) = query.step else {
            return Past::Samples(self.with_rows_as_samples());
        };
        if self.rows.is_empty() && self.steps.is_empty() && self.samples.len() <= step.keep {
            return Past::Samples(self.samples);
        }
        if self.rows.is_empty() {
            let last = self.samples.steps(step.millis, query.figures.sum);
            self.steps.extend(last);
            return Past::Steps(self.steps);
        }
        self.rows.sort_by_key(|(time, _)| *time);
        let mut steps: Vec<Aggregate> = Vec::new();
        let mut rows = self.rows.iter().peekable();
        let mut samples = self.samples.iter().peekable();
        loop {
            let next = match (rows.peek(), samples.peek()) {
                (None, None) => break,
                (Some((row, _)), Some((sample, _))) => *row.min(sample),
                (Some((time, _)), None) | (None, Some((time, _))) => *time,
            };
            let bucket = next.div_euclid(step.millis);
            let end = (bucket + 1).saturating_mul(step.millis);
            let mut of = Aggregate::none(bucket);
            let mut sum = Sum::default();
            loop {
                let until = samples.peek().map_or(end, |(time, _)| end.min(*time + 1));
                while let Some((_, row)) = rows.next_if(|(time, _)| *time < until) {
                    of.add_row(row);
                    if query.figures.sum {
                        sum.add(row.sum);
                    }
                }
                let until = rows.peek().map_or(end, |(time, _)| end.min(*time));
                let before = of.count;
                while let Some((time, value)) = samples.next_if(|(time, _)| *time < until) {
                    of.add(time, value);
                    if query.figures.sum {
                        sum.add(value);
                    }
                }
                if of.count == before {
                    break;
                }
            }
            of.sum = sum.total();
            steps.push(of);
        }
        Past::Steps(steps)
    }

    /// Where samples are no longer kept, the mean of each row stands for them.
    fn with_rows_as_samples(mut self) -> Points {
        if !self.rows.is_empty() {
            let rows = self.rows.iter().map(|(time, row)| (*time, row.avg()));
            self.samples.extend(rows);
            self.samples.sort();
        }
        self.samples
    }
}
