//! What a wait waits for: every matching series stays on one side of a limit for long enough. Samples and time in,
//! verdict out; it reads no clock and knows no stream.
//!
//! A hold begins with the first sample, measured since the wait began, that is on the right side. It has ripened when
//! a sample that is `hold` younger still is. In between, every sample counts, and silence breaks it: missing data is
//! never success. So nothing but a sample can make the condition true.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    model::{Direction, SeriesKey, Timestamp},
    series::Series,
};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The side that values must be on; the limit itself is on neither.
    pub when: Direction,
    /// The limit, in the unit of the metric.
    pub limit: f64,
    /// How long they must be there, from a sample to a later one.
    pub hold: Duration,
    /// A series that says nothing for longer than this is silent.
    pub no_data: Duration,
}

/// A sample of some series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was measured.
    pub timestamp: Timestamp,
    /// When it was received.
    pub received: Timestamp,
    /// The reading.
    pub value: f64,
}

/// Where a series stands; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its newest sample is on the wrong side.
    Failing,
    /// It has said nothing for longer than `no_data`.
    Silent,
    /// Nothing that counts has come from it: measured since the wait began, and seen.
    Waiting,
    /// All is well, but not yet for long enough.
    Holding,
    /// Well for long enough.
    Held,
}

/// What is known of one series.
#[derive(Debug, Clone)]
pub struct Track {
    /// What it is.
    pub series: Arc<Series>,
    /// Its newest sample.
    pub last: Sample,
    /// When the first sample of the hold was measured; `None` when there is no hold.
    pub since: Option<Timestamp>,
}

impl Track {
    /// How long the hold is.
    pub fn held(&self) -> Duration {
        self.since
            .map_or(Duration::ZERO, |since| self.last.timestamp.since(since))
    }

    /// Takes the next sample in.
    fn step(&mut self, sample: Sample, terms: &Terms, begun: Timestamp) {
        let before = self.last;
        if sample.timestamp < before.timestamp {
            return;
        }
        self.last = sample;
        let quiet = sample.received.since(before.received);
        let quiet = quiet.max(sample.timestamp.since(before.timestamp));
        if !terms.when.beyond(sample.value, terms.limit) || sample.timestamp < begun {
            self.since = None;
        } else if self.since.is_none() || quiet > terms.no_data {
            self.since = Some(sample.timestamp);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Condition {
    terms: Terms,
    begun: Timestamp,
    /// By key: one that was forgotten and came back is the same, under another number.
    tracks: HashMap<SeriesKey, Track>,
}

impl Condition {
    /// Nothing is known yet; what was measured before `begun` will not count.
    pub fn new(terms: Terms, begun: Timestamp) -> Self {
        Self {
            terms,
            begun,
            tracks: HashMap::new(),
        }
    }

    /// What must hold.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// There is a series, whose newest sample came before the wait began: it must hold too, and this does not count.
    pub fn know(&mut self, series: &Arc<Series>, last: Sample) {
        let track = Track {
            series: series.clone(),
            last,
            since: None,
        };
        self.tracks.insert(series.key().clone(), track);
    }

    /// A sample has come. One that is older than its series' newest is left out, as windows and rules do.
    pub fn observe(&mut self, series: &Arc<Series>, sample: Sample) {
        if !self.tracks.contains_key(series.key()) {
            self.know(series, sample);
        }
        if let Some(track) = self.tracks.get_mut(series.key()) {
            track.step(sample, &self.terms, self.begun);
        }
    }

    /// Samples may have passed unseen: every hold begins anew.
    pub fn break_holds(&mut self) {
        for track in self.tracks.values_mut() {
            track.since = None;
        }
    }

    /// Whether it is true at `now`: there are series, and each has held. Ask after every sample, or what was true for
    /// a moment is missed.
    pub fn is_held(&self, now: Timestamp) -> bool {
        let mut tracks = self.tracks.values();
        !self.tracks.is_empty() && tracks.all(|track| self.state(track, now) == State::Held)
    }

    /// Where a series stands at `now`.
    pub fn state(&self, track: &Track, now: Timestamp) -> State {
        if now.since(track.last.received) > self.terms.no_data {
            return State::Silent;
        }
        match track.since {
            Some(_) if track.held() >= self.terms.hold => State::Held,
            Some(_) => State::Holding,
            None if track.last.timestamp < self.begun => State::Waiting,
            None if self.terms.when.beyond(track.last.value, self.terms.limit) => State::Waiting,
            None => State::Failing,
        }
    }

    /// Every series, in no order.
    pub fn tracks(&self) -> impl ExactSizeIterator<Item = &Track> {
        self.tracks.values()
    }
}

#[cfg(test)]
mod tests;
