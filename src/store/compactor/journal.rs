//! Blocks out of the journal.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{JOURNAL_SAMPLES, MadeOf, Meta, SLOTS, Work, newest, slot_of};
use crate::{
    model::{Seq, Timestamp},
    store::{
        block::{ReadError, Writer},
        column::MAX_ROWS,
        journal::Row,
        rows::{self, SAMPLES},
    },
};

/// A block of the oldest rows, if their stretch is over or they are many.
pub(super) fn next(database: &Connection, boot: u32) -> Result<Option<Work>, ReadError> {
    let waiting = rows::journal(database, "TRUE ORDER BY id", [])?;
    let (Some(first), Some(newest)) = (waiting.first(), newest(database)?) else {
        return Ok(None);
    };
    let slot = slot_of(first.from, SLOTS[0]);
    let mut taken = Vec::<Meta>::new();
    let mut samples = 0;
    for row in &waiting {
        let follows = taken
            .last()
            .is_none_or(|before| before.boot == row.boot && before.last + 1 == row.first);
        if !follows || slot_of(row.from, SLOTS[0]) != slot || samples >= JOURNAL_SAMPLES {
            break;
        }
        samples += row.samples;
        taken.push(*row);
    }
    let ready = first.boot != boot
        || slot_of(newest, SLOTS[0]) != slot
        || samples >= JOURNAL_SAMPLES
        || taken.len() < waiting.len();
    // One of many before its stretch is over is put together with the others when it is.
    let made_for = match samples >= JOURNAL_SAMPLES {
        true => 0,
        false => SLOTS[0],
    };
    match ready {
        true => block(database, &taken, made_for).map(Some),
        false => Ok(None),
    }
}

/// The rows of one layout.
#[derive(Default)]
struct Group {
    series: Vec<u32>,
    shared: [Vec<i64>; 3],
    values: Vec<Vec<f64>>,
}

fn block(database: &Connection, taken: &[Meta], slot: i64) -> Result<Work, ReadError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_layout: HashMap<Vec<u32>, usize> = HashMap::new();
    for meta in taken {
        let row = rows::journal_row(database, meta.id)?;
        add(row, &mut groups, &mut by_layout);
    }
    let times = groups
        .iter()
        .flat_map(|group| &group.shared[rows::TIMESTAMP]);
    let (oldest, newest) = times.fold((i64::MAX, i64::MIN), |(oldest, newest), time| {
        (oldest.min(*time), newest.max(*time))
    });
    let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
        unreachable!("only called with rows");
    };
    let mut series: Vec<u32> = groups
        .iter()
        .flat_map(|g| g.series.iter().copied())
        .collect();
    series.sort_unstable();
    series.dedup();
    let mut writer = Writer::new(SAMPLES, false);
    for group in &groups {
        let rows = group.shared[0].len();
        for start in (0..rows).step_by(MAX_ROWS) {
            let of_group = start..(start + MAX_ROWS).min(rows);
            writer.group(of_group.len());
            for column in &group.shared {
                writer.whole_numbers(&column[of_group.clone()]);
            }
            for (number, column) in group.series.iter().zip(&group.values) {
                writer.series(*number);
                writer.values(&column[of_group.clone()]);
            }
        }
    }
    let block = writer.finish();
    Ok(Work {
        meta: Meta {
            slot,
            last: last.last,
            to: taken.iter().map(|row| row.to).max().unwrap_or(last.to),
            oldest: Timestamp::from_millis(oldest),
            newest: Timestamp::from_millis(newest),
            samples: taken.iter().map(|row| row.samples).sum(),
            batches: groups
                .iter()
                .map(|group| group.shared[0].len() as u64)
                .sum(),
            bytes: block.bytes(),
            ..*first
        },
        block,
        series,
        made_of: MadeOf::Journal(first.id, last.id),
    })
}

fn add(row: Row, groups: &mut Vec<Group>, by_layout: &mut HashMap<Vec<u32>, usize>) {
    let places: Vec<usize> = row
        .layouts
        .into_iter()
        .map(|series| {
            if let Some(place) = by_layout.get(&series) {
                return *place;
            }
            groups.push(Group {
                values: vec![Vec::new(); series.len()],
                series: series.clone(),
                ..Group::default()
            });
            by_layout.insert(series, groups.len() - 1);
            groups.len() - 1
        })
        .collect();
    for batch in row.batches {
        let group = &mut groups[places[batch.layout]];
        let lag = batch.received.as_millis() - batch.timestamp.as_millis();
        let first = whole(batch.first);
        let shared = [batch.timestamp.as_millis(), lag, first];
        for (column, value) in group.shared.iter_mut().zip(shared) {
            column.push(value);
        }
        for (column, value) in group.values.iter_mut().zip(batch.values) {
            column.push(value);
        }
    }
}

fn whole(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
