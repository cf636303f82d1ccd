//! One request that waits: a place in the worker's shard, and how far it has read the log.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::http::StatusCode;
use bytes::Bytes;

use super::{
    answer::Report,
    condition::{Condition, Sample},
    query::WaitQuery,
};
use crate::{
    entry::{Entry, What},
    model::{Seq, Timestamp},
    series::Series,
    stream::{
        counters::add,
        filter::{Filter, Topic, Topics},
        shard::{Due, Shard, Ticket},
    },
    web::{
        limits::Place,
        problem::Problem,
        state::State,
        wire::{outlet::Source, whole},
    },
};

/// Bytes of the log looked at in one go.
const STRETCH: usize = 64 << 10;

/// See the module. Its one piece of bytes is the answer.
pub struct Waiter {
    state: State,
    ticket: Ticket,
    filter: Filter,
    /// Whether a series passes the filter, by id.
    matches: Vec<Option<bool>>,
    condition: Condition,
    /// Everything up to here has been looked at.
    at: Seq,
    begun: Instant,
    deadline: Instant,
    answered: bool,
    _places: [Place; 2],
}

impl Waiter {
    /// Begins to wait: what is in the log so far does not count.
    pub fn new(state: &State, shard: &Shard, query: WaitQuery, places: [Place; 2]) -> Self {
        let begun = Instant::now();
        // The position does not move while this is held, so what comes after it is younger than `now`.
        let live = state.live().read();
        let mut condition = Condition::new(query.terms, state.now());
        let windows = live.windows.iter();
        for window in windows.filter(|w| query.filter.series(w.series.key())) {
            let stats = window.stats();
            let last = Sample {
                timestamp: stats.timestamp,
                received: window.received,
                value: stats.last,
            };
            condition.know(&window.series, last);
        }
        let at = state.stream().log().head();
        drop(live);
        Self {
            state: state.clone(),
            ticket: shard.join(),
            filter: query.filter,
            matches: Vec::new(),
            condition,
            at,
            begun,
            deadline: begun + query.timeout,
            answered: false,
            _places: places,
        }
    }

    /// The answer, if there is one now.
    fn answer(&mut self, now: Instant) -> Option<String> {
        let waited = now.saturating_duration_since(self.begun);
        let waited = Duration::from_millis(waited.as_millis() as u64);
        if let Some(time) = self.read_on() {
            let position = self.ticket.stream().log().at(self.at);
            let report = Report::held(&self.condition, position, time, waited);
            let body = serde_json::to_string(&report).unwrap_or_default();
            return Some(whole::answer(
                StatusCode::OK,
                "application/json",
                None,
                &body,
            ));
        }
        if self.ticket.is_draining() {
            let seconds = self.state.door().drain_millis().div_ceil(1000);
            let problem = Problem::busy("the server is going away, and nothing is known yet");
            return Some(problem.retry_after(seconds as u32).to_http());
        }
        if now < self.deadline {
            return None;
        }
        let position = self.ticket.stream().log().at(self.at);
        let report = Report::not_held(&self.condition, position, self.state.now(), waited);
        Some(Problem::not_held(report.why(), &report).to_http())
    }

    /// Looks at every sample that has come, up to the one with which the condition is true; when that was.
    fn read_on(&mut self) -> Option<Timestamp> {
        let stream = self.ticket.stream().clone();
        let samples = Topics::of(&[Topic::Metrics]);
        loop {
            let head = stream.log().head();
            if self.at >= head {
                return None;
            }
            let entries = stream.log().range(samples, self.at, head, STRETCH);
            // Asked after they were read: what is forgotten meanwhile costs a hold, and is not taken for well.
            if stream.log().floor(samples) > self.at {
                self.condition.break_holds();
            }
            for entry in &entries {
                self.at = entry.last;
                if self.look_at(entry) && self.condition.is_held(entry.received) {
                    return Some(entry.received);
                }
            }
            if entries.is_empty() {
                self.at = head;
            }
        }
    }

    /// Lets the samples of a batch in; whether any of them matters.
    fn look_at(&mut self, entry: &Entry) -> bool {
        let What::Samples {
            timestamp,
            layout,
            values,
            ..
        } = &entry.what
        else {
            return false;
        };
        let mut any = false;
        for (series, value) in layout.iter().zip(values) {
            if self.passes(series) {
                any = true;
                let sample = Sample {
                    timestamp: *timestamp,
                    received: entry.received,
                    value: *value,
                };
                self.condition.observe(series, sample);
            }
        }
        any
    }

    fn passes(&mut self, series: &Series) -> bool {
        let index = series.id.index();
        if self.matches.len() <= index {
            self.matches.resize(index + 1, None);
        }
        let filter = &self.filter;
        *self.matches[index].get_or_insert_with(|| filter.series(series.key()))
    }
}

impl Source for Waiter {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.answered {
            return Poll::Ready(None);
        }
        match self.answer(Instant::now()) {
            Some(answer) => {
                self.answered = true;
                Poll::Ready(Some(answer.into()))
            }
            None => {
                let due = Due::new(Some(self.deadline), self.deadline, Duration::ZERO);
                self.ticket.park(cx.waker(), due);
                Poll::Pending
            }
        }
    }

    fn last(&self) -> &'static [u8] {
        b""
    }

    fn patience(&self) -> Duration {
        self.state.door().stall_timeout()
    }

    fn stalled(&mut self) {
        add(&self.ticket.stream().counters().stalled, 1);
    }
}
