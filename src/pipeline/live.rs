//! The present, as readers see it: windows, alerts, feed and counts, whole turns at a time.
//!
//! While a reader holds the guard the position of the log does not move, so what it reads belongs to that position.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use super::annotations::Annotations;
use crate::{
    model::{
        Activity, AlertEvent, AlertState, DeliveryEvent, HostName, Maintenance, ProcessRow,
        Silence, SourceId,
    },
    rules::Book,
    windows::Windows,
};

/// Lines of the feed kept for pages; all of them are in the log or the store as well.
pub const FEED: usize = 100;
/// Messages to people that are at hand: the newest.
pub const DELIVERIES: usize = 200;

/// The present; a cheap handle.
#[derive(Debug, Clone)]
pub struct Live(Arc<RwLock<LiveState>>);

/// See the module.
#[derive(Debug)]
pub struct LiveState {
    /// The newest samples.
    pub windows: Windows,
    /// Every alert that is open or was resolved and not dismissed, as its newest event, by id (and so by age).
    alerts: BTreeMap<Uuid, Arc<AlertEvent>>,
    history: usize,
    /// The annotations that stand.
    pub annotations: Annotations,
    /// The rules.
    pub book: Arc<Book>,
    /// The silences that are active or will be, oldest first.
    pub silences: Arc<[Silence]>,
    /// When people are not told, week after week.
    pub maintenance: Arc<[Arc<Maintenance>]>,
    feed: VecDeque<Arc<Activity>>,
    /// How the newest messages to people stand, by id (and so by age).
    deliveries: BTreeMap<Uuid, Arc<DeliveryEvent>>,
    processes: HashMap<HostName, Arc<[ProcessRow]>>,
    totals: Counts,
    by_source: HashMap<SourceId, Counts>,
}

/// Samples since the start of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken.
    pub samples: u64,
    /// Of these, older than their series' newest: streamed, but not in windows and rules.
    pub late: u64,
    /// Of these, with the timestamp of the sample before, in whose place they came.
    pub replaced: u64,
    /// Not taken: too many series, or another source's.
    pub refused: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.samples += other.samples;
        self.late += other.late;
        self.replaced += other.replaced;
        self.refused += other.refused;
    }
}

impl Live {
    /// With these windows, alerts and annotations; at most `history` resolved alerts are kept, the newest.
    pub fn new(
        windows: Windows,
        alerts: impl IntoIterator<Item = AlertEvent>,
        history: usize,
        annotations: Annotations,
        book: Book,
    ) -> Self {
        let state = LiveState::new(windows, alerts, history, annotations, book);
        Self(Arc::new(RwLock::new(state)))
    }

    /// The present; the position does not move while this is held, so hold it for a short time and never over an await.
    pub fn read(&self) -> RwLockReadGuard<'_, LiveState> {
        self.0.read()
    }

    /// Has the maintenance windows that the server was started with.
    pub fn maintain(&self, windows: Vec<Arc<Maintenance>>) {
        self.write().maintenance = windows.into();
    }

    /// Has the lines of earlier lives in the feed, and what became of messages then; both oldest first.
    pub fn remember(
        &self,
        lines: impl IntoIterator<Item = Activity>,
        deliveries: impl IntoIterator<Item = DeliveryEvent>,
    ) {
        let mut state = self.write();
        for line in lines {
            state.add_activity(Arc::new(line));
        }
        for event in deliveries {
            state.add_delivery(Arc::new(event));
        }
    }

    /// `None` while somebody reads.
    pub(super) fn try_write(&self) -> Option<RwLockWriteGuard<'_, LiveState>> {
        self.0.try_write()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, LiveState> {
        self.0.write()
    }
}

impl LiveState {
    /// With these windows and alerts; at most `history` resolved alerts are kept, the newest.
    pub fn new(
        windows: Windows,
        alerts: impl IntoIterator<Item = AlertEvent>,
        history: usize,
        annotations: Annotations,
        book: Book,
    ) -> Self {
        let mut state = Self {
            windows,
            alerts: BTreeMap::new(),
            history,
            annotations,
            book: Arc::new(book),
            silences: Arc::default(),
            maintenance: Arc::default(),
            feed: VecDeque::new(),
            deliveries: BTreeMap::new(),
            processes: HashMap::new(),
            totals: Counts::default(),
            by_source: HashMap::new(),
        };
        for event in alerts {
            state.add_alert(Arc::new(event));
        }
        state
    }

    /// Alerts that are firing or silent, oldest first.
    pub fn open_alerts(&self) -> impl DoubleEndedIterator<Item = &Arc<AlertEvent>> {
        self.alerts.values().filter(|a| a.state.is_open())
    }

    /// Alerts that are over and not dismissed, oldest first.
    pub fn resolved_alerts(&self) -> impl DoubleEndedIterator<Item = &Arc<AlertEvent>> {
        self.alerts.values().filter(|a| !a.state.is_open())
    }

    /// The alert of this id, if it is open or was resolved and not dismissed.
    pub fn alert(&self, id: Uuid) -> Option<&Arc<AlertEvent>> {
        self.alerts.get(&id)
    }

    /// Whether there is an alert of this id.
    pub fn has_alert(&self, id: Uuid) -> bool {
        self.alerts.contains_key(&id)
    }

    /// Whether the alert of this id is open.
    pub fn is_open(&self, id: Uuid) -> bool {
        let alert = self.alerts.get(&id);
        alert.is_some_and(|alert| alert.state.is_open())
    }

    /// The newest lines of the feed, newest first.
    pub fn feed(&self) -> impl Iterator<Item = &Arc<Activity>> {
        self.feed.iter().rev()
    }

    /// How the newest messages to people stand, newest first.
    pub fn deliveries(&self) -> impl Iterator<Item = &Arc<DeliveryEvent>> {
        self.deliveries.values().rev()
    }

    /// What a host is busiest with; empty when it is not known.
    pub fn processes(&self, host: &HostName) -> Arc<[ProcessRow]> {
        self.processes.get(host).cloned().unwrap_or_default()
    }

    /// Samples since the start.
    pub fn totals(&self) -> Counts {
        self.totals
    }

    /// Samples of one source since the start.
    pub fn counts_of(&self, source: &SourceId) -> Counts {
        self.by_source.get(source).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, source: &SourceId, counts: Counts) {
        self.totals.add(counts);
        match self.by_source.get_mut(source) {
            Some(of_source) => of_source.add(counts),
            None => {
                self.by_source.insert(source.clone(), counts);
            }
        }
    }

    /// Puts a line into the feed.
    pub fn add_activity(&mut self, activity: Arc<Activity>) {
        if let (None, Some(id)) = (activity.annotation(), activity.id) {
            // Who looks at the feed now is not shown what does not stand any more.
            self.feed.retain(|line| line.id != Some(id));
        }
        self.annotations.take(&activity);
        if self.feed.len() >= FEED {
            self.feed.pop_front();
        }
        self.feed.push_back(activity);
    }

    /// Takes in what became of a message to people.
    pub fn add_delivery(&mut self, event: Arc<DeliveryEvent>) {
        self.deliveries.insert(event.id, event);
        if self.deliveries.len() > DELIVERIES {
            self.deliveries.pop_first();
        }
    }

    /// Takes in a transition of an alert.
    pub fn add_alert(&mut self, event: Arc<AlertEvent>) {
        let resolved = event.state == AlertState::Resolved;
        self.alerts.insert(event.id, event);
        if resolved {
            let over = self.resolved_alerts().count().saturating_sub(self.history);
            let oldest: Vec<Uuid> = self.resolved_alerts().take(over).map(|a| a.id).collect();
            self.dismiss(&oldest);
        }
    }

    pub(super) fn set_processes(&mut self, host: HostName, rows: Vec<ProcessRow>) {
        self.processes.insert(host, rows.into());
    }

    /// Takes resolved alerts out; returns how many there were.
    pub(super) fn dismiss(&mut self, ids: &[Uuid]) -> usize {
        let before = self.alerts.len();
        for id in ids {
            if self.alerts.get(id).is_some_and(|a| !a.state.is_open()) {
                self.alerts.remove(id);
            }
        }
        before - self.alerts.len()
    }
}
