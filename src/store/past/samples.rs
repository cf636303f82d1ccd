//! The samples of a row of the journal or of a block, as entries.

use std::sync::Arc;

use super::{Reading, unpacked::Stretch};
use crate::{
    entry::{
        Entry, Layout, What,
        past::{Fits, Place},
    },
    model::{Seq, Timestamp},
    store::{
        block::ReadError,
        rows::{self, Block, Meta},
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
                let values = values.collect();
                let (timestamp, received) = (batch.timestamp, batch.received);
                entries.push(Arc::new(pick.entry(
                    batch.first,
                    timestamp,
                    received,
                    values,
                )));
            }
        }
        Ok((entries, meta.last))
    }

    /// The entries of a block after a place, about `weight` bytes of them; and up to where that is.
    pub(super) fn of_block(
        &self,
        meta: &Meta,
        fits: &Arc<Fits>,
        place: Place,
        weight: usize,
    ) -> Result<(Vec<Arc<Entry>>, Seq), ReadError> {
        let unpacked = &self.stored.unpacked;
        let at_hand = unpacked.find(meta.id, fits, place);
        let is_new = at_hand.is_none();
        let stretch = match at_hand {
            Some(stretch) => stretch,
            None => {
                let block = Block::open(self.database, meta.id)?;
                Arc::new(Stretch::read(
                    block,
                    meta,
                    place,
                    unpacked.at_once(),
                    |of| self.pick(of),
                )?)
            }
        };
        let (entries, upto) = stretch.entries(place, weight);
        match (stretch.ends_at(upto), is_new) {
            (true, _) => unpacked.forget(&stretch),
            (false, true) => unpacked.keep(meta.id, fits, &stretch),
            (false, false) => {}
        }
        Ok((entries, upto))
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
pub(super) struct Pick {
    layout: Layout,
    /// Their places in it.
    places: Vec<u32>,
    /// The same, where some are not wanted.
    offsets: Option<Arc<[u32]>>,
    /// How far the last number of a batch is behind its first.
    behind: Seq,
}

impl Pick {
    /// Their places in it.
    pub fn places(&self) -> &[u32] {
        &self.places
    }

    /// How many.
    pub fn width(&self) -> usize {
        self.places.len()
    }

    /// How far the last number of a batch is behind its first.
    pub fn behind(&self) -> Seq {
        self.behind
    }

    /// A batch of which only these are wanted.
    pub fn entry(
        &self,
        first: Seq,
        timestamp: Timestamp,
        received: Timestamp,
        values: Box<[f64]>,
    ) -> Entry {
        Entry {
            first,
            last: first + self.behind,
            received,
            what: What::Samples {
                timestamp,
                layout: self.layout.clone(),
                values,
                offsets: self.offsets.clone(),
            },
        }
    }
}
