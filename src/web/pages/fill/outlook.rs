//! One reading of the present, or of a moment of the past: windows by host, open alerts by series. Everything on a page is drawn from one, so a
//! page never disagrees with itself.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    model::{HostName, SeriesKey, Timestamp},
    pipeline::LiveState,
    web::pages::view::State,
    windows::Window,
};

/// A host that gave no sample for this long is stale, whatever its rhythm.
const STALE_AT_LEAST: Duration = Duration::from_secs(5);
/// A host whose rhythm is not known is stale after this long.
const STALE_WITHOUT_RHYTHM: Duration = Duration::from_secs(60);

/// See the module.
pub struct Outlook<'a> {
    /// The present.
    pub live: &'a LiveState,
    /// Now.
    pub now: Timestamp,
    /// Whether it is a moment of the past, about which nothing can be done.
    pub is_past: bool,
    hosts: BTreeMap<&'a HostName, Vec<&'a Window>>,
    states: HashMap<&'a SeriesKey, State>,
}

impl<'a> Outlook<'a> {
    /// Reads the present.
    pub fn new(live: &'a LiveState, now: Timestamp) -> Self {
        let mut hosts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for window in live.windows.iter() {
            hosts
                .entry(&window.series.key().host)
                .or_default()
                .push(window);
        }
        let mut states: HashMap<_, State> = HashMap::new();
        for alert in live.open_alerts() {
            let state = State::of_alert(alert.state, alert.level);
            let known = states.entry(&alert.series).or_insert(state);
            *known = worse(*known, state);
        }
        Self {
            live,
            now,
            is_past: false,
            hosts,
            states,
        }
    }

    /// Reads a moment of the past.
    pub fn past(then: &'a LiveState, now: Timestamp) -> Self {
        Self {
            is_past: true,
            ..Self::new(then, now)
        }
    }

    /// The hosts, by name.
    pub fn hosts(&self) -> impl Iterator<Item = &'a HostName> {
        self.hosts.keys().copied()
    }

    /// The windows of a host.
    pub fn of(&self, host: &str) -> &[&'a Window] {
        let found = self.hosts.iter().find(|(name, _)| name.as_str() == host);
        found.map_or(&[], |(_, windows)| windows)
    }

    /// The windows of a metric on a host.
    pub fn all(&self, host: &str, name: &str) -> impl Iterator<Item = &'a Window> {
        let of_host = self.of(host).iter().copied();
        of_host.filter(move |w| w.series.key().name.as_str() == name)
    }

    /// The window of a metric on a host with this label; with an empty value, without it.
    pub fn labelled(&self, host: &str, name: &str, label: &str, value: &str) -> Option<&'a Window> {
        self.all(host, name)
            .find(|w| w.series.key().labels.get(label).unwrap_or_default() == value)
    }

    /// The newest value of a metric on a host that has one series of it.
    pub fn value(&self, host: &str, name: &str) -> Option<f64> {
        let window = self
            .all(host, name)
            .find(|w| super::catalogue::is_whole(w.series.key()))?;
        Some(window.stats().last)
    }

    /// The names of the metrics there are, sorted.
    pub fn metrics(&self) -> Vec<String> {
        let names = self.live.windows.iter();
        let names: BTreeSet<_> = names
            .map(|window| window.series.key().name.as_str())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The worst alert on a series.
    pub fn state(&self, key: &SeriesKey) -> State {
        self.states.get(key).copied().unwrap_or_default()
    }

    /// The worst alert on a host.
    pub fn host_state(&self, host: &str) -> State {
        let of_host = self
            .states
            .iter()
            .filter(|(key, _)| key.host.as_str() == host);
        of_host.fold(State::Ok, |worst, (_, state)| worse(worst, *state))
    }

    /// When a host last gave a sample, and whether that is too long ago.
    pub fn freshness(&self, host: &str) -> (Option<Timestamp>, bool) {
        let windows = self.of(host);
        let newest = windows.iter().map(|w| w.received).max();
        let rhythm = windows.iter().filter_map(|w| spacing(w)).min();
        let patience = match rhythm {
            Some(rhythm) => (rhythm * 3).max(STALE_AT_LEAST),
            None => STALE_WITHOUT_RHYTHM,
        };
        let stale = newest.is_some_and(|newest| self.now.since(newest) > patience);
        (newest, stale)
    }
}

/// The mean distance between the samples of a window; `None` with fewer than two.
pub fn spacing(window: &Window) -> Option<Duration> {
    let mut points = window.points();
    let (first, _) = points.next()?;
    let (last, _) = window.newest();
    let others = u32::try_from(points.count()).unwrap_or(u32::MAX);
    (others > 0).then(|| last.since(first) / others)
}

/// The worse of two states.
pub fn worse(a: State, b: State) -> State {
    let rank = |state| match state {
        State::Ok => 0,
        State::Stale => 3,
        State::Level(level) => match level {
            crate::model::Level::Info => 1,
            crate::model::Level::Warning => 2,
            crate::model::Level::Critical => 4,
        },
    };
    if rank(b) > rank(a) { b } else { a }
}
