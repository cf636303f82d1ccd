//! The ordered log in memory: samples, alerts and activity under one sequence of numbers.
//!
//! Four lanes share the numbers and are bounded apart: samples, activity and notifications by bytes, alerts by count, so that a
//! flood of samples never pushes out an alert. What a lane forgets is told to whoever asks for it ([`Start::reset`]),
//! and counted. The pipeline appends; readers copy out references and encode outside the lock.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use super::filter::{Topic, Topics};
use crate::{
    entry::{
        Entry, What,
        past::{From, Place},
    },
    model::{Epoch, Position, Seq, Timestamp},
};

/// The lane that an entry goes into.
fn topic(entry: &Entry) -> Topic {
    match entry.what {
        What::Samples { .. } => Topic::Metrics,
        What::Alert { .. } => Topic::Alerts,
        What::Activity { .. } => Topic::Activity,
        What::Delivery { .. } => Topic::Notifications,
    }
}

/// Where a reader begins, and what it must be told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Everything after this number follows.
    pub after: Seq,
    /// Set when something that matches may be missing before that.
    pub reset: Option<ResetReason>,
    /// Where it begins instead, if the log does not reach back to there.
    pub past: Option<From>,
}

impl Start {
    /// After a number that the log has.
    pub fn after(after: Seq) -> Self {
        Self {
            after,
            reset: None,
            past: None,
        }
    }

    /// After a number that the log has, which is not what was asked for.
    pub fn reset(after: Seq, reason: ResetReason) -> Self {
        Self {
            reset: Some(reason),
            ..Self::after(after)
        }
    }

    /// In the past.
    pub fn past(from: From) -> Self {
        Self {
            past: Some(from),
            ..Self::after(0)
        }
    }
}

/// Why a stream does not start where it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The log has forgotten it.
    Evicted,
    /// It belongs to an earlier life of the server, and was not kept.
    Lost,
    /// This server never gave it out.
    Unknown,
    /// It is past the newest event.
    Ahead,
}

impl ResetReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
            Self::Ahead => "ahead",
        }
    }
}

/// One bounded sequence of entries.
#[derive(Debug, Default)]
struct Lane {
    entries: VecDeque<Arc<Entry>>,
    weight: usize,
    /// The last number this lane has forgotten; 0 when it still has everything.
    floor: Seq,
}

impl Lane {
    fn push(&mut self, entry: Arc<Entry>) {
        self.weight += entry.weight();
        self.entries.push_back(entry);
    }

    /// Forgets from the old end while `full` says so; always keeps the newest. Returns how many went.
    fn evict(&mut self, full: impl Fn(&Self) -> bool) -> u64 {
        let mut evicted = 0;
        while self.entries.len() > 1 && full(self) {
            if let Some(entry) = self.entries.pop_front() {
                self.weight -= entry.weight();
                self.floor = entry.last;
                evicted += 1;
            }
        }
        evicted
    }

    /// The entries that hold numbers in `after+1..=upto`, oldest first.
    fn range(&self, after: Seq, upto: Seq) -> impl Iterator<Item = &Arc<Entry>> {
        let start = self.entries.partition_point(|e| e.last <= after);
        self.entries
            .range(start..)
            .take_while(move |e| e.first <= upto)
    }
}

/// The log. Bounds: `bytes` for samples, an eighth of it each for activity and notifications, `alerts_kept` alert events.
#[derive(Debug)]
pub struct Log {
    epoch: Epoch,
    epoch_text: String,
    /// Boot counters below this one are earlier lives on the same data folder, by suffix.
    earlier: Vec<Epoch>,
    bytes: usize,
    alerts_kept: usize,
    lanes: RwLock<[Lane; 4]>,
    /// The newest number that readers may see.
    head: AtomicU64,
    /// The newest alert's number.
    last_alert: AtomicU64,
    evicted: AtomicU64,
    /// The highest floor of all lanes: whoever is past it has missed nothing.
    highest_floor: AtomicU64,
}

/// The last number that each lane has forgotten: samples, alerts, activity, notifications.
pub type Floors = [Seq; 4];

/// The place of alerts among [`Floors`].
pub const ALERTS: usize = 1;

const LANES: [Topic; 4] = [
    Topic::Metrics,
    Topic::Alerts,
    Topic::Activity,
    Topic::Notifications,
];

impl Log {
    /// An empty log of this epoch; `earlier` are the epochs known from the store.
    pub fn new(epoch: Epoch, earlier: Vec<Epoch>, bytes: usize, alerts_kept: usize) -> Self {
        Self {
            epoch,
            epoch_text: epoch.to_string(),
            earlier,
            bytes,
            alerts_kept,
            lanes: RwLock::default(),
            head: AtomicU64::new(0),
            last_alert: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            highest_floor: AtomicU64::new(0),
        }
    }

    /// Appends entries in the order of their numbers and lets readers see them. For the pipeline alone.
    pub fn append(&self, entries: impl IntoIterator<Item = Arc<Entry>>) {
        let mut lanes = self.lanes.write();
        let mut head = self.head.load(Ordering::Relaxed);
        for entry in entries {
            head = entry.last;
            let lane = match topic(&entry) {
                Topic::Alerts => {
                    self.last_alert.store(entry.last, Ordering::Release);
                    ALERTS
                }
                Topic::Activity => 2,
                Topic::Notifications => 3,
                _ => 0,
            };
            lanes[lane].push(entry);
        }
        let [samples, alerts, activity, notifications] = &mut *lanes;
        let evicted = samples.evict(|lane| lane.weight > self.bytes)
            + activity.evict(|lane| lane.weight > self.bytes / 8)
            + notifications.evict(|lane| lane.weight > self.bytes / 8)
            + alerts.evict(|lane| lane.entries.len() > self.alerts_kept);
        self.evicted.fetch_add(evicted, Ordering::Relaxed);
        let highest = lanes.iter().map(|lane| lane.floor).max().unwrap_or(0);
        self.highest_floor.store(highest, Ordering::Release);
        self.head.store(head, Ordering::Release);
    }

    /// The newest number; everything up to it can be read.
    pub fn head(&self) -> Seq {
        self.head.load(Ordering::Acquire)
    }

    /// The newest position.
    pub fn position(&self) -> Position {
        self.at(self.head())
    }

    /// The position of a number of this epoch.
    pub fn at(&self, seq: Seq) -> Position {
        Position {
            epoch: self.epoch,
            seq,
        }
    }

    /// This life's epoch as text, which every position begins with.
    pub fn epoch_text(&self) -> &str {
        &self.epoch_text
    }

    /// The number of the newest alert event; 0 when there was none.
    pub fn last_alert(&self) -> Seq {
        self.last_alert.load(Ordering::Acquire)
    }

    /// The last number that any reader can no longer get.
    pub fn highest_floor(&self) -> Seq {
        self.highest_floor.load(Ordering::Acquire)
    }

    /// How many entries have been forgotten for want of room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Bytes held, nearly.
    pub fn weight(&self) -> usize {
        self.lanes.read().iter().map(|lane| lane.weight).sum()
    }

    /// The last number that a reader of these topics can no longer get.
    pub fn floor(&self, topics: Topics) -> Seq {
        self.floors(topics).into_iter().max().unwrap_or(0)
    }

    /// For each lane the last number that it has forgotten; 0 for those that hold none of these topics.
    pub fn floors(&self, topics: Topics) -> Floors {
        let lanes = self.lanes.read();
        std::array::from_fn(|i| match topics.contains(LANES[i]) {
            true => lanes[i].floor,
            false => 0,
        })
    }

    /// Where a reader of `topics` goes on that has seen `after`, so that it gets all that is left: before the first
    /// event that the log still has. One lane may have forgotten more than another.
    pub fn left_after(&self, topics: Topics, after: Seq) -> Seq {
        let first = self.range(topics, after, Seq::MAX, 1);
        first
            .first()
            .map_or(after, |entry| after.max(entry.first - 1))
    }

    /// The entries of these topics in `after+1..=upto`, in order; at most about `weight` bytes of them.
    pub fn range(&self, topics: Topics, after: Seq, upto: Seq, weight: usize) -> Vec<Arc<Entry>> {
        let lanes = self.lanes.read();
        let mut runs: Vec<_> = LANES
            .iter()
            .zip(lanes.iter())
            .filter(|(topic, _)| topics.contains(**topic))
            .map(|(_, lane)| lane.range(after, upto).peekable())
            .collect();
        let mut found = Vec::new();
        let mut taken = 0;
        while taken < weight {
            let firsts = runs.iter_mut().map(|run| run.peek().map(|e| e.first));
            let next = firsts
                .enumerate()
                .filter_map(|(i, first)| Some((first?, i)))
                .min();
            let Some(entry) = next.and_then(|(_, i)| runs[i].next()) else {
                break;
            };
            taken += entry.weight();
            found.push(entry.clone());
        }
        found
    }

    /// When the first entry after `after` in these topics was received.
    pub fn received_after(&self, topics: Topics, after: Seq) -> Option<Timestamp> {
        let first = self.range(topics, after, Seq::MAX, 1);
        first.first().map(|entry| entry.received)
    }

    /// The newest number received at or before `time`, in any lane; 0 when none is left of that time.
    pub fn received_by(&self, time: Timestamp) -> Seq {
        let lanes = self.lanes.read();
        let newest = lanes.iter().map(|lane| {
            let after = lane.entries.partition_point(|e| e.received <= time);
            match after.checked_sub(1) {
                Some(i) => lane.entries[i].last,
                None => 0,
            }
        });
        newest.max().unwrap_or(0)
    }

    /// Where a reader of `topics` that has seen `position` goes on; with `archive` all of the past can be read.
    pub fn resume(&self, position: Position, topics: Topics, archive: bool) -> Start {
        let head = self.head();
        let place = Place {
            boot: position.epoch.boot,
            after: position.seq,
        };
        if position.epoch == self.epoch {
            if position.seq > head {
                Start::reset(head, ResetReason::Ahead)
            } else if position.seq >= self.floor(topics) {
                Start::after(position.seq)
            } else if archive {
                Start::past(From::Place(place))
            } else {
                let left = self.left_after(topics, position.seq);
                Start::reset(left, ResetReason::Evicted)
            }
        } else if self.earlier.contains(&position.epoch) {
            match archive {
                true => Start::past(From::Place(place)),
                false => Start::reset(self.left_after(topics, 0), ResetReason::Lost),
            }
        } else {
            Start::reset(self.left_after(topics, 0), ResetReason::Unknown)
        }
    }

    /// The epoch of a life of this server.
    pub fn epoch_of(&self, boot: u32) -> Option<Epoch> {
        let mut known = self.earlier.iter().chain([&self.epoch]);
        known.find(|epoch| epoch.boot == boot).copied()
    }

    /// This life's epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}
