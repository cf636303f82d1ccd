//! What happened: batches of samples, transitions of alerts, lines of the feed, each with its numbers.
//!
//! The pipeline makes entries; the log keeps the newest in memory, the store all of them. What is read back from the
//! store is the same again, so that everything that can be done with the present can be done with the past.

pub mod past;
pub mod pending;

use std::sync::Arc;

use crate::{
    model::{Activity, AlertEvent, DeliveryEvent, Seq, Timestamp},
    series::Series,
};

/// The series of a batch, in order; shared by all batches of the same shape.
pub type Layout = Arc<[Arc<Series>]>;

/// Resident bytes of a sample in an entry, nearly.
pub const SAMPLE_BYTES: usize = 16;

/// One thing in the log. It takes the numbers `first..=last`.
#[derive(Debug)]
pub struct Entry {
    /// Its first number.
    pub first: Seq,
    /// Its last number; for samples, one number each.
    pub last: Seq,
    /// When the pipeline took it.
    pub received: Timestamp,
    /// What it is.
    pub what: What,
}

/// What an entry holds.
#[derive(Debug)]
pub enum What {
    /// A batch: `values[i]` is of `layout[i]`; its number is [`Entry::number`].
    Samples {
        /// When it was measured.
        timestamp: Timestamp,
        /// The series.
        layout: Layout,
        /// The readings.
        values: Box<[f64]>,
        /// Where not every sample of the batch is here: how far behind `first` the number of each one is.
        offsets: Option<Arc<[u32]>>,
    },
    /// A transition of an alert, with its JSON.
    Alert {
        /// The transition.
        event: Arc<AlertEvent>,
        /// Its fields after the type: `,"id":…` up to, not with, the closing brace.
        json: Box<str>,
    },
    /// A line of the feed, likewise.
    Activity {
        /// The line.
        activity: Arc<Activity>,
        /// Its fields after the type, likewise.
        json: Box<str>,
    },
    /// What became of a message to people, likewise.
    Delivery {
        /// The event.
        event: Arc<DeliveryEvent>,
        /// Its fields after the type, likewise.
        json: Box<str>,
    },
}

impl Entry {
    /// The number of the sample at `index` of a batch.
    #[inline]
    pub fn number(&self, index: usize) -> Seq {
        let offset = match &self.what {
            What::Samples {
                offsets: Some(offsets),
                ..
            } => offsets[index] as Seq,
            _ => index as Seq,
        };
        self.first + offset
    }

    /// Resident bytes, nearly.
    pub fn weight(&self) -> usize {
        let payload = match &self.what {
            What::Samples { values, .. } => values.len() * SAMPLE_BYTES,
            What::Alert { json, .. }
            | What::Activity { json, .. }
            | What::Delivery { json, .. } => json.len() * 2,
        };
        payload + 160
    }
}
