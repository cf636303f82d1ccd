//! How the past is asked for, and what it answers: entries after a place, in order, or why there are none.

use std::sync::Arc;

use super::{
    Entry,
    pending::{Busy, Pending},
};
use crate::{
    model::{Seq, Timestamp},
    series::Series,
};

/// Everything after this number of this life of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The life.
    pub boot: u32,
    /// The number.
    pub after: Seq,
}

/// From where on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// After a place.
    Place(Place),
    /// What was received after a time.
    Time(Timestamp),
    /// Everything that is kept.
    Oldest,
}

/// Which samples are wanted.
pub type Fits = dyn Fn(&Series) -> bool + Send + Sync;

/// What is to be read.
#[derive(Clone)]
pub struct Wanted {
    /// From where on.
    pub from: From,
    /// The samples of which series; none without.
    pub series: Option<Arc<Fits>>,
    /// Whether transitions of alerts are.
    pub alerts: bool,
    /// Whether lines of the feed are.
    pub activity: bool,
    /// Whether what became of messages to people is.
    pub notifications: bool,
}

/// What there is.
#[derive(Debug)]
pub enum Found {
    /// All that is wanted up to this number.
    Entries {
        /// In order.
        entries: Vec<Arc<Entry>>,
        /// Up to here it is complete.
        upto: Seq,
    },
    /// Numbers up to this one were not recorded; in this time.
    Hole {
        /// What follows comes after this.
        upto: Seq,
        /// The last that was recorded was received then.
        from: Timestamp,
        /// The next.
        to: Timestamp,
    },
    /// What was before this place is no longer kept.
    Gone(Place),
    /// This life recorded nothing more, and is over.
    Over {
        /// Where the next life begins.
        next: Place,
        /// Whether it ended in order, and up to its last number everything was there.
        whole: bool,
        /// The last that was recorded.
        from: Timestamp,
        /// When the next life began.
        to: Timestamp,
    },
    /// Nothing is recorded yet after this place, which is in the present life.
    NotYet,
    /// There is no such life.
    Unknown,
    /// It is there, or some of it, and cannot be read.
    Unreadable,
}

/// Reads the past: the place that was asked for, and what there is after it.
pub type Archive = dyn Fn(Wanted) -> Result<Pending<(Place, Found)>, Busy> + Send + Sync;
