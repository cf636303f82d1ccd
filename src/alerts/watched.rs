//! A series that at least one rule watches.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{context::Context, watch::Watch};
use crate::model::{AlertEvent, Rule, SeriesKey, SourceId, Timestamp};

/// Whose samples they are.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) key: SeriesKey,
    pub(super) unit: String,
    pub(super) source: SourceId,
    /// How often its source measures, where it has a rhythm.
    pub(super) interval: Option<Duration>,
}

/// A series with the state of each rule that watches it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) subject: Subject,
    pub(super) watches: Vec<Watch>,
    /// The user stopped its source: silence is what was asked for.
    pub(super) stopped: bool,
    /// Its newest sample's own time.
    newest: Option<Timestamp>,
    /// Engine time of its newest sample, or of when watching began.
    last_seen: Timestamp,
}

impl Watched {
    pub(super) fn new(subject: Subject, stopped: bool, now: Timestamp) -> Self {
        Self {
            subject,
            watches: Vec::new(),
            stopped,
            newest: None,
            last_seen: now,
        }
    }

    /// Has one watch for each of `rules` that matches, in their order; those it has already stay as they are.
    pub(super) fn complete(&mut self, rules: &[Arc<Rule>]) {
        let mut known = std::mem::take(&mut self.watches);
        let matching = rules.iter().filter(|rule| rule.matches(&self.subject.key));
        self.watches = matching
            .map(|rule| {
                known
                    .iter()
                    .position(|watch| watch.rule.name == rule.name)
                    .map(|at| known.swap_remove(at))
                    .unwrap_or_else(|| Watch::new(rule.clone(), &self.subject.key))
            })
            .collect();
    }

    /// A sample; one older than the newest changes nothing.
    pub(super) fn sample(
        &mut self,
        timestamp: Timestamp,
        interval: Option<Duration>,
        value: f64,
        cx: &mut Context,
        events: &mut Vec<AlertEvent>,
    ) {
        if !self.is_news(timestamp) {
            return;
        }
        self.subject.interval = interval;
        self.last_seen = cx.time.now();
        for watch in &mut self.watches {
            events.extend(watch.sample(&self.subject, timestamp, value, cx));
        }
    }

    /// A sample from before, for the windows alone.
    pub(super) fn refill(&mut self, timestamp: Timestamp, value: f64) {
        if self.is_news(timestamp) {
            for watch in &mut self.watches {
                watch.refill(timestamp, value);
            }
        }
    }

    fn is_news(&mut self, timestamp: Timestamp) -> bool {
        let news = self.newest.is_none_or(|newest| newest <= timestamp);
        if news {
            self.newest = Some(timestamp);
        }
        news
    }

    /// Finds what has become silent.
    pub(super) fn look_for_silence(&mut self, cx: &mut Context, events: &mut Vec<AlertEvent>) {
        if self.stopped {
            return;
        }
        for watch in &mut self.watches {
            events.extend(watch.look_for_silence(&self.subject, self.last_seen, cx));
        }
    }

    /// Whether it has said nothing for so long.
    pub(super) fn is_idle(&self, idle: Duration, now: Timestamp) -> bool {
        now.since(self.last_seen) >= idle
    }

    /// The watch whose open alert has this id.
    pub(super) fn find_open(&mut self, id: Uuid) -> Option<&mut Watch> {
        self.watches
            .iter_mut()
            .find(|watch| watch.open.as_ref().is_some_and(|alert| alert.id == id))
    }

    /// The user stops the source: what happens from here on is not watched, so no hold counts across it.
    pub(super) fn stop(&mut self, cx: &mut Context) {
        self.stopped = true;
        for watch in &mut self.watches {
            watch.break_holds(cx);
        }
    }

    /// The user starts the source: silence counts from now.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.stopped = false;
        self.last_seen = now;
    }
}
