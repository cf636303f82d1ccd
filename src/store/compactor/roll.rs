//! Rows of a coarser tier out of samples or of finer rows.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::{MadeOf, Meta, ROLLED_BLOCKS, Work, slot_of};
use crate::{
    model::Timestamp,
    store::{
        aggregate::{Aggregate, COLUMNS, roll_rows},
        block::{Group, Head, Parts, ReadError, Writer},
        history::Figures,
        points::Points,
        rows::{self, AGGREGATES, Block, LAST_AT, Times, samples_of, times_of},
    },
};

/// A block of `tier` (seconds of a row) of the blocks of tier `finer` of one stretch of `span` seconds, if that is over, or
/// where it is crowded.
pub(super) fn next(
    database: &Connection,
    finer: i64,
    (tier, span): (i64, i64),
    crowded: bool,
) -> Result<Option<Work>, ReadError> {
    let waiting = rows::blocks(
        database,
        "tier = ?1 AND rolled = 0 ORDER BY boot, first_seq, id LIMIT ?2",
        params![finer, ROLLED_BLOCKS as i64 + 1],
    )?;
    let Some(first) = waiting.first() else {
        return Ok(None);
    };
    let slot = slot_of(first.from, span);
    let of_slot = waiting
        .iter()
        .take_while(|block| slot_of(block.from, span) == slot);
    let taken: Vec<Meta> = of_slot.take(ROLLED_BLOCKS).copied().collect();
    // Over when something later is there already: whatever the clock says now, nothing more comes into it.
    match crowded || taken.len() < waiting.len() {
        true => roll(database, &taken, tier).map(Some),
        false => Ok(None),
    }
}

/// A block of rows of `tier` seconds of all that these blocks have.
pub(super) fn roll(database: &Connection, taken: &[Meta], tier: i64) -> Result<Work, ReadError> {
    let mut blocks = Vec::with_capacity(taken.len());
    let mut series = BTreeSet::new();
    for meta in taken {
        let block = Block::open(database, meta.id)?;
        let of_block = block.head.groups.iter();
        series.extend(of_block.flat_map(|group| group.series.iter().copied()));
        blocks.push((meta.tier, Times::new(), block));
    }
    let mut writer = Writer::new(AGGREGATES, true);
    // Those that follow each other with rows of the same times are a group.
    let mut of_group: [Vec<i64>; 2] = Default::default();
    let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
    for number in series {
        let rows = rows_of(&mut blocks, number, tier)?;
        let times: [Vec<i64>; 2] = [
            rows.iter().map(|row| row.bucket).collect(),
            rows.iter().map(|row| row.last_at).collect(),
        ];
        let (Some(first), Some(last)) = (times[0].first(), times[0].last()) else {
            continue;
        };
        oldest = oldest.min(*first * tier * 1000);
        newest = newest.max((*last + 1) * tier * 1000 - 1);
        if times != of_group {
            writer.group(rows.len());
            times.iter().for_each(|column| writer.whole_numbers(column));
            of_group = times;
        }
        writer.series(number);
        for column in 0..COLUMNS {
            let values: Vec<f64> = rows.iter().map(|row| row.columns()[column]).collect();
            writer.values(&values);
        }
    }
    let first = taken[0];
    let block = writer.finish();
    Ok(Work {
        meta: Meta {
            tier,
            slot: 0,
            boot: 0,
            first: 0,
            last: 0,
            to: taken.iter().map(|b| b.to).max().unwrap_or(first.to),
            oldest: Timestamp::from_millis(oldest),
            newest: Timestamp::from_millis(newest),
            samples: taken.iter().map(|b| b.samples).sum(),
            batches: 0,
            bytes: block.bytes(),
            rolled: false,
            ..first
        },
        block,
        series: Vec::new(),
        made_of: MadeOf::Finer(taken.iter().map(|b| b.id).collect()),
    })
}

/// The rows of one series.
fn rows_of(
    blocks: &mut [(i64, Times, Block<'_>)],
    number: u32,
    tier: i64,
) -> Result<Vec<Aggregate>, ReadError> {
    let mut samples = Points::default();
    let mut finer: Vec<Aggregate> = Vec::new();
    let mut by = 1;
    for (of, times, Block { head, parts }) in blocks {
        if *of == 0 {
            samples.append(samples_of(head, parts, times, number)?, i64::MIN, i64::MAX);
            continue;
        }
        by = tier / *of;
        for (i, group) in head.groups.iter().enumerate() {
            if let Some(at) = group.series.iter().position(|s| *s == number) {
                let buckets = times_of(head, parts, times, i)?.to_vec();
                finer.extend(aggregates(head, parts, group, at, &buckets, Figures::ALL)?);
            }
        }
    }
    samples.sort();
    Ok(match samples.is_empty() {
        false => samples.steps(tier * 1000, true),
        true => roll_rows(&mut finer, by),
    })
}

/// The rows of the series at `at` of a group; what is not wanted of them is neutral.
pub(in crate::store) fn aggregates(
    head: &Head,
    parts: &mut impl Parts,
    group: &Group,
    at: usize,
    buckets: &[i64],
    figures: Figures,
) -> Result<Vec<Aggregate>, ReadError> {
    let Figures { bounds, sum, last } = figures;
    let mut columns: [Option<Vec<f64>>; COLUMNS] = Default::default();
    for (column, wanted) in [bounds, bounds, sum, true, last].into_iter().enumerate() {
        if wanted {
            columns[column] = Some(head.values(parts, group, at, column)?);
        }
    }
    let last_at = match last {
        true => head.whole_numbers(parts, group, LAST_AT)?,
        false => vec![0; buckets.len()],
    };
    let neutral = Aggregate {
        min: f64::NEG_INFINITY,
        max: f64::INFINITY,
        ..Aggregate::none(0)
    };
    let neutral = neutral.columns();
    let times = buckets.iter().copied().zip(last_at);
    let rows = times.enumerate().map(|(row, times)| {
        let cell = |column: usize| {
            let read = columns[column].as_ref();
            read.map_or(neutral[column], |values| values[row])
        };
        Aggregate::from_columns(times, std::array::from_fn(cell))
    });
    Ok(rows.collect())
}
