//! Rows of the journal: what was received since the row before, uncompressed, to be durable at once.
//!
//! A row stands for itself: it says which series each of its batches is of. Later the rows of a quarter of an hour become a block.

use std::collections::HashMap;

use super::{
    Damaged,
    block::{put_series, read_series},
    bytes::{Reader, seal, unseal},
};
use crate::model::{
    Seq, Timestamp,
    varint::{put_i64, put_u64},
};

/// A batch as it is stored: the value at `i` is of the series at `i` of its layout and has the number `first + i`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which of the row's layouts it has.
    pub layout: usize,
    /// The number of its first sample.
    pub first: Seq,
    /// When it was measured.
    pub timestamp: Timestamp,
    /// When it was received.
    pub received: Timestamp,
    /// The readings.
    pub values: Vec<f64>,
}

/// What a row holds.
#[derive(Debug, Default, PartialEq)]
pub struct Row {
    /// Numbers of series, in the order of the batches that have this layout.
    pub layouts: Vec<Vec<u32>>,
    /// In the order of their numbers.
    pub batches: Vec<Batch>,
}

/// A row in the making.
#[derive(Debug, Default)]
pub struct Writer {
    by_address: HashMap<usize, usize>,
    layouts: Vec<u8>,
    count: u64,
    batches: Vec<u8>,
    samples: u64,
}

impl Writer {
    /// Adds a batch. `layout` says by its address which layout this is: whoever calls keeps it alive meanwhile; `series` is
    /// asked for its numbers when it is new in this row.
    pub fn batch(
        &mut self,
        layout: usize,
        series: impl FnOnce() -> Vec<u32>,
        first: Seq,
        timestamp: Timestamp,
        received: Timestamp,
        values: &[f64],
    ) {
        let known = self.by_address.len();
        let index = *self.by_address.entry(layout).or_insert(known);
        if index == known {
            let series = series();
            put_u64(&mut self.layouts, series.len() as u64);
            put_series(&mut self.layouts, &series);
        }
        let out = &mut self.batches;
        put_u64(out, index as u64);
        put_u64(out, first);
        put_i64(out, timestamp.as_millis());
        put_i64(out, received.as_millis());
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
        self.count += 1;
        self.samples += values.len() as u64;
    }

    /// How many samples are in it.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The row.
    pub fn finish(mut self) -> Vec<u8> {
        let mut row = Vec::with_capacity(self.layouts.len() + self.batches.len() + 24);
        put_u64(&mut row, self.by_address.len() as u64);
        row.append(&mut self.layouts);
        put_u64(&mut row, self.count);
        row.append(&mut self.batches);
        seal(row)
    }
}

impl Row {
    /// Reads a row.
    pub fn parse(row: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(unseal(row)?);
        let count = reader.count()?;
        let layouts = (0..count)
            .map(|_| {
                let series = reader.count()?;
                read_series(&mut reader, series)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let count = reader.count()?;
        let batches = (0..count)
            .map(|_| {
                let layout = reader.u64()? as usize;
                let series = layouts.get(layout).ok_or(Damaged("a layout"))?;
                let first = reader.u64()?;
                let timestamp = Timestamp::from_millis(reader.i64()?);
                let received = Timestamp::from_millis(reader.i64()?);
                let bytes = reader.take(series.len() * 8)?;
                let (values, _) = bytes.as_chunks::<8>();
                Ok(Batch {
                    layout,
                    first,
                    timestamp,
                    received,
                    values: values.iter().map(|b| f64::from_le_bytes(*b)).collect(),
                })
            })
            .collect::<Result<_, Damaged>>()?;
        match reader.is_empty() {
            true => Ok(Self { layouts, batches }),
            false => Err(Damaged("the end of a row")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn row() -> impl Strategy<Value = Row> {
        let layouts = vec(vec(any::<u32>(), 0..6), 1..4);
        layouts.prop_flat_map(|layouts| {
            let batch = (0..layouts.len(), any::<[i32; 3]>());
            (Just(layouts), vec(batch, 0..10)).prop_map(|(layouts, picks)| {
                let mut row = Row::default();
                let mut places = HashMap::new();
                for (pick, [first, timestamp, received]) in picks {
                    // A row has its layouts in the order in which they come.
                    let next = places.len();
                    let layout = *places.entry(pick).or_insert(next);
                    if layout == next {
                        row.layouts.push(layouts[pick].clone());
                    }
                    let values = layouts[pick].iter().map(|s| f64::from(*s) / 8.0);
                    row.batches.push(Batch {
                        layout,
                        first: first.unsigned_abs().into(),
                        timestamp: Timestamp::from_millis(timestamp.into()),
                        received: Timestamp::from_millis(received.into()),
                        values: values.collect(),
                    });
                }
                row
            })
        })
    }

    proptest! {
        #[test]
        fn a_row_reads_back_as_it_was_written(row in row()) {
            let mut writer = Writer::default();
            for batch in &row.batches {
                writer.batch(
                    batch.layout,
                    || row.layouts[batch.layout].clone(),
                    batch.first,
                    batch.timestamp,
                    batch.received,
                    &batch.values,
                );
            }
            prop_assert_eq!(Row::parse(&writer.finish())?, row);
        }

        #[test]
        fn no_row_panics(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Row::parse(&seal(bytes));
        }
    }
}
