//! The samples of a row of the journal or of a block, as entries.

use std::{collections::HashMap, sync::Arc};

use super::Reading;
use crate::{
    entry::{Entry, Layout, What, past::Place},
    model::{Seq, Timestamp},
    store::{
        block::ReadError,
        rows::{self, Block, Meta},
        writer::number,
    },
};

impl Reading<'_> {
    pub(super) fn of_row(
        &self,
        meta: &Meta,
        place: Place,
    ) -> Result<(Vec<Arc<Entry>>, Seq), ReadError> {
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
    pub(super) fn of_block(
        &self,
        meta: &Meta,
        place: Place,
        weight: usize,
    ) -> Result<(Vec<Arc<Entry>>, Seq), ReadError> {
        struct Group {
            pick: Pick,
            times: Vec<i64>,
            lags: Vec<i64>,
            /// Of the rows that are taken, from the first of them on: all others would be most of the block.
            values: Vec<Box<[f64]>>,
            first: usize,
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
            let of_group = order.iter().filter(|(_, group, _)| *group == which);
            let rows = of_group.map(|(_, _, row)| *row);
            let (Some(first), Some(last)) = (rows.clone().min(), rows.max()) else {
                continue;
            };
            let group = &head.groups[at];
            let times = head.whole_numbers(&mut parts, group, rows::TIMESTAMP)?;
            let lags = head.whole_numbers(&mut parts, group, rows::LAG)?;
            let mut values = Vec::with_capacity(pick.places.len());
            for place in &pick.places {
                let column = head.values(&mut parts, group, *place as usize, 0)?;
                values.push(column[first..=last].into());
            }
            let group = Group {
                pick,
                times,
                lags,
                values,
                first,
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
                group
                    .values
                    .iter()
                    .map(|column| column[*row - group.first])
                    .collect(),
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
