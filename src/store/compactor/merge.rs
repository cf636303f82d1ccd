//! Larger blocks out of small ones that follow each other.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{MERGED_BATCHES, MERGED_SAMPLES, MadeOf, Meta, Work, newest, slot_of};
use crate::store::{
    block::{ReadError, Writer},
    column::MAX_ROWS,
    rows::{self, Block, SAMPLES},
};

/// Blocks of one stretch of `slot` seconds as one of at most so many bytes, if that is over.
pub(super) fn next(
    database: &Connection,
    boot: u32,
    slot: i64,
    most_bytes: u64,
) -> Result<Option<Work>, ReadError> {
    let Some(newest) = newest(database)? else {
        return Ok(None);
    };
    let all = rows::blocks(database, "tier = 0 ORDER BY boot, first_seq", [])?;
    let waits = rows::journal(database, "TRUE ORDER BY id LIMIT 1", [])?;
    let mut run: Vec<Meta> = Vec::new();
    for (i, block) in all.iter().enumerate() {
        if !fits(&run, block, slot, most_bytes) {
            run.clear();
        }
        run.push(*block);
        let ends = all
            .get(i + 1)
            .is_none_or(|next| !fits(&run, next, slot, most_bytes));
        if !ends || run.len() < 2 || run.iter().all(|b| b.slot >= slot) {
            continue;
        }
        // More may come while the stretch lasts, or while some of it is in the journal.
        let here = slot_of(block.from, slot);
        let over = block.boot != boot || slot_of(newest, slot) != here;
        let whole = waits
            .iter()
            .all(|row| row.boot != block.boot || slot_of(row.from, slot) != here);
        if over && whole {
            return merge(database, &run, slot).map(Some);
        }
    }
    Ok(None)
}

/// Whether a block belongs to the run that is before it.
fn fits(run: &[Meta], next: &Meta, slot: i64, most_bytes: u64) -> bool {
    let with_next = |of: fn(&Meta) -> u64| run.iter().map(of).sum::<u64>() + of(next);
    run.last().is_none_or(|last| {
        last.boot == next.boot
            && last.last + 1 == next.first
            && last.rolled == next.rolled
            && slot_of(last.from, slot) == slot_of(next.from, slot)
            && with_next(|block| block.samples) <= MERGED_SAMPLES
            && with_next(|block| block.batches) <= MERGED_BATCHES
            && with_next(|block| block.bytes) <= most_bytes
    })
}

/// Series, and the groups that are of them: which block, which group in it.
type Layout = (Vec<u32>, Vec<(usize, usize)>);

fn merge(database: &Connection, run: &[Meta], slot: i64) -> Result<Work, ReadError> {
    let mut blocks = Vec::with_capacity(run.len());
    for meta in run {
        blocks.push(Block::open(database, meta.id)?);
    }
    // Groups of the same series, in order.
    let mut layouts: Vec<Layout> = Vec::new();
    let mut by_series: HashMap<Vec<u32>, usize> = HashMap::new();
    for (b, block) in blocks.iter().enumerate() {
        for (g, group) in block.head.groups.iter().enumerate() {
            let known = by_series.get(&group.series).copied();
            let rows: usize = known.map_or(0, |at| {
                let places = layouts[at].1.iter();
                places.map(|(b, g)| blocks[*b].head.groups[*g].rows).sum()
            });
            match known {
                Some(at) if rows + group.rows <= MAX_ROWS => layouts[at].1.push((b, g)),
                _ => {
                    by_series.insert(group.series.clone(), layouts.len());
                    layouts.push((group.series.clone(), vec![(b, g)]));
                }
            }
        }
    }
    let mut writer = Writer::new(SAMPLES, true);
    for (series, places) in &layouts {
        let rows = places.iter().map(|(b, g)| blocks[*b].head.groups[*g].rows);
        writer.group(rows.sum());
        for column in 0..SAMPLES.shared {
            let mut all = Vec::new();
            for (b, g) in places {
                let Block { head, parts } = &mut blocks[*b];
                all.extend(head.whole_numbers(parts, &head.groups[*g], column)?);
            }
            writer.whole_numbers(&all);
        }
        for (i, number) in series.iter().enumerate() {
            let mut all = Vec::new();
            for (b, g) in places {
                let Block { head, parts } = &mut blocks[*b];
                all.extend(head.values(parts, &head.groups[*g], i, 0)?);
            }
            writer.series(*number);
            writer.values(&all);
        }
    }
    let (first, last) = (run[0], run[run.len() - 1]);
    let block = writer.finish();
    Ok(Work {
        meta: Meta {
            slot,
            last: last.last,
            to: last.to,
            oldest: run.iter().map(|b| b.oldest).min().unwrap_or(first.oldest),
            newest: run.iter().map(|b| b.newest).max().unwrap_or(first.newest),
            samples: run.iter().map(|b| b.samples).sum(),
            batches: run.iter().map(|b| b.batches).sum(),
            bytes: block.bytes(),
            ..first
        },
        block,
        series: Vec::new(),
        made_of: MadeOf::Blocks(run.iter().map(|b| b.id).collect()),
    })
}
