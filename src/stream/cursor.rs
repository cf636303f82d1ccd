//! A cursor: all that the server holds for one client of one view.
//!
//! It is in *replay* (complete, never conflated) until it reaches the head, then *live*; for what lies further back than
//! the newest tick it needs a turn ([`Replays`](super::replays::Replays)). It has no queue: the bytes are
//! chosen when its socket can take them. A live cursor that has fallen more than `slow_after` behind gets the newest
//! sample of each series and is told how many it did not get. Alerts it always gets: when the log has forgotten one
//! that it should have had, it is ended ([`Step::TooSlow`]) and may resume. When the log has forgotten samples or
//! activity, nobody knows any more what was in them, so it is told that ([`Step::Reset`]) and gets all that is left.
//!
//! What the log does not reach back to is read from the store (`behind`): a replay that is slower than what comes loses
//! nothing for it.

mod behind;
mod pace;
mod step;
#[cfg(test)]
mod tests;

use std::{sync::Arc, task::Waker, time::Duration};

pub use self::{
    behind::question,
    step::{EndReason, Missed, Step, Until},
};
use self::{
    behind::{Behind, Look},
    pace::Pace,
};
use super::{
    Stream,
    encode::{self, Chunk},
    filter::Topic,
    log::{ALERTS, Floors, ResetReason, Start},
    replays::Turn,
    view::{Encoding, Samples, Stretch, View},
};
use crate::{
    entry::past::{From, Place},
    model::{Seq, Timestamp},
};

/// What was received up to a moment is in the log this much later at the latest.
const SETTLED: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Cursor {
    view: Arc<View>,
    at: Seq,
    /// In replay until here at least; `None` when live.
    replay: bool,
    /// Where it is while the log does not reach back to there.
    behind: Option<Behind>,
    pace: Option<Pace>,
    /// Its turn to have the past encoded, or its place among those who wait for theirs.
    turn: Option<Turn>,
    /// Up to here without samples: what [`Missed::Alerts`] leaves out.
    skip_samples_to: Seq,
    remaining: Option<u64>,
    events: u64,
    until: Option<Until>,
    paused: bool,
    reset: Option<ResetReason>,
    /// Up to here in each lane, the client knows that something may be missing.
    told: Floors,
    /// Chosen, but to be sent after a [`Step::Lagged`].
    chosen: Option<Arc<Chunk>>,
}

impl Cursor {
    /// A cursor that begins at `start`, and ends after `limit` events or at `until`. One that begins at the head is live
    /// from the start, whatever happens before its client's socket takes the first bytes.
    pub fn new(
        stream: &Stream,
        view: Arc<View>,
        start: Start,
        limit: Option<u64>,
        until: Option<Until>,
    ) -> Self {
        Self {
            view,
            at: start.after,
            replay: start.past.is_some() || start.after < stream.log().head(),
            behind: start.past.map(Behind::new),
            pace: None,
            turn: None,
            skip_samples_to: 0,
            remaining: limit,
            events: 0,
            until,
            paused: false,
            reset: start.reset,
            told: Floors::default(),
            chosen: None,
        }
    }

    /// Goes by at a pace until it has reached the present.
    pub fn paced(mut self, stream: &Stream, speed: Option<f64>) -> Self {
        self.pace = speed.map(Pace::new);
        if self.pace.is_some() && self.behind.is_none() && self.replay {
            self.fall_behind(stream);
        }
        self
    }

    /// How many events it has chosen since this was asked last.
    pub fn take_events(&mut self) -> u64 {
        std::mem::take(&mut self.events)
    }

    /// Whether it has reached the head and goes with it.
    pub fn is_live(&self) -> bool {
        !self.replay
    }

    /// Its view.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Whether it is frozen.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Freezes it.
    pub fn pause(&mut self) {
        self.paused = true;
        self.turn = None;
    }

    /// Wakes its client when its turn has come, if it waits for that.
    pub fn park(&self, waker: &Waker) {
        if let Some(turn) = &self.turn {
            turn.park(waker);
        }
        if let Some(behind) = &self.behind {
            behind.park(waker);
        }
    }

    /// Lets it go on; returns how many samples it will not get.
    pub fn resume(&mut self, stream: &Stream, missed: Missed) -> u64 {
        if !std::mem::take(&mut self.paused) {
            return 0;
        }
        let head = stream.log().head();
        if missed != Missed::Replay
            && let Some(behind) = self.behind.take()
        {
            // What the log has of it is all that is looked at.
            let present = stream.log().epoch().boot;
            let place = behind.place().filter(|place| place.boot == present);
            self.at = place.map_or(0, |place| place.after);
            self.pace = None;
        }
        let skipped = match missed {
            Missed::Replay => 0,
            _ => encode::count(stream, &self.view, self.at, head),
        };
        match missed {
            Missed::Alerts => self.skip_samples_to = head,
            Missed::Replay => self.replay = true,
            Missed::Latest => self.at = head,
        }
        skipped
    }

    /// The next thing to do.
    pub fn step(&mut self, stream: &Stream, now: Timestamp) -> Step {
        if let Some(reason) = self.reset.take() {
            self.told = stream.log().floors(self.view.spec.topics);
            return Step::Reset(reason);
        }
        if let Some(chunk) = self.chosen.take() {
            return self.send(&chunk);
        }
        if self.remaining == Some(0) {
            return Step::End(EndReason::Limit);
        }
        if self.paused {
            return Step::Wait { due: None };
        }
        loop {
            if self.remaining == Some(0) {
                return Step::End(EndReason::Limit);
            }
            if self.behind.is_some() {
                match self.look(stream, now) {
                    Look::Step(step) => return step,
                    Look::Again => continue,
                    Look::Live => {}
                }
            }
            let (bound, last) = self.bound(stream, now);
            let head = stream.log().head();
            if self.replay && self.at >= head {
                self.replay = false;
            }
            let target = if self.replay || last || self.at < self.skip_samples_to {
                head
            } else {
                self.view.target(stream, now)
            };
            let target = target.min(bound);
            if self.at >= target {
                self.turn = None;
                if last && self.at >= bound {
                    return Step::End(EndReason::Until);
                }
                return self.wait(stream, now);
            }
            // The newest tick is encoded for everybody, the past for those who ask.
            if !self.replay || self.at >= stream.previous_head() {
                self.turn = None;
            } else if !stream.replays().take(&mut self.turn) {
                return Step::Wait { due: None };
            }
            let (chunk, conflated) = match self.choose(stream, target, now) {
                Ok(chosen) => chosen,
                Err(Some(step)) => return step,
                Err(None) => continue,
            };
            let skipped = if conflated { chunk.skipped } else { 0 };
            if skipped > 0 {
                self.chosen = Some(chunk);
                return Step::Lagged(skipped);
            }
            let moved = chunk.upto > self.at;
            let empty = chunk.bytes.is_empty();
            let step = self.send(&chunk);
            if !empty {
                return step;
            }
            debug_assert!(moved, "a chunk without bytes must move on");
            if !moved {
                return self.wait(stream, now);
            }
        }
    }

    fn send(&mut self, chunk: &Chunk) -> Step {
        self.at = chunk.upto.max(self.at);
        self.count(chunk);
        Step::Send(chunk.bytes.clone())
    }

    fn count(&mut self, chunk: &Chunk) {
        self.events += chunk.events;
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(chunk.events);
        }
    }

    /// The log has forgotten what comes next, or what comes next has its time: it is read from the store.
    fn fall_behind(&mut self, stream: &Stream) {
        self.behind = Some(Behind::new(From::Place(Place {
            boot: stream.log().epoch().boot,
            after: self.at,
        })));
    }

    /// How far `until` lets it go, and whether that is final.
    fn bound(&self, stream: &Stream, now: Timestamp) -> (Seq, bool) {
        match self.until {
            None => (Seq::MAX, false),
            Some(Until::Position(position)) if position.epoch == stream.log().epoch() => {
                (position.seq, true)
            }
            // It is of an earlier life, and that is over.
            Some(Until::Position(_)) => (0, true),
            Some(Until::Time(time)) if now.since(time) > SETTLED => {
                (stream.log().received_by(time), true)
            }
            Some(Until::Time(_)) => (Seq::MAX, false),
        }
    }

    fn wait(&self, stream: &Stream, now: Timestamp) -> Step {
        let behind = stream.log().head() > self.at;
        let flush = behind.then(|| self.view.next_flush(now)).flatten();
        let until = match self.until {
            Some(Until::Time(time)) => {
                let settled = time.plus(SETTLED + Duration::from_millis(1));
                Some(settled.since(now)).filter(|wait| !wait.is_zero())
            }
            _ => None,
        };
        Step::Wait {
            due: flush.into_iter().chain(until).min(),
        }
    }

    /// The bytes up to `target`, and whether samples were conflated for them; a step before them, or none when it has to
    /// be looked again.
    fn choose(
        &mut self,
        stream: &Stream,
        target: Seq,
        now: Timestamp,
    ) -> Result<(Arc<Chunk>, bool), Option<Step>> {
        let topics = self.view.spec.topics;
        let mut stretch = Stretch {
            after: self.at,
            upto: target,
            samples: Samples::All,
        };
        if let Some(forgotten) = self.forgotten(stream) {
            return Err(forgotten.step());
        }
        let mut conflated = false;
        if self.at < self.skip_samples_to {
            stretch.samples = Samples::None;
            stretch.upto = target.min(self.skip_samples_to);
        } else if !self.replay && !self.view.spec.period.is_zero() {
            stretch.samples = Samples::Newest;
        } else if !self.replay && self.at < stream.previous_head() {
            let oldest = stream.log().received_after(topics, self.at);
            conflated = oldest.is_some_and(|t| now.since(t) > stream.slow_after());
            if conflated {
                stretch.samples = Samples::Newest;
            }
        }
        let chunk = match self.remaining {
            Some(remaining) => Arc::new(encode::chunk(stream, &self.view, stretch, remaining)),
            None => self.view.chunk(stream, stretch),
        };
        // Some of it may have been forgotten while it was read.
        match self.forgotten(stream) {
            Some(forgotten) => Err(forgotten.step()),
            None => Ok((chunk, conflated)),
        }
    }

    /// What the client must be told because the log has forgotten something that it should have had. What is left
    /// still comes, alerts above all: the log forgets samples long before them.
    fn forgotten(&mut self, stream: &Stream) -> Option<Forgotten> {
        let log = stream.log();
        if self.at >= log.highest_floor() {
            return None;
        }
        let passes_samples = self.at < self.skip_samples_to;
        let topics = match passes_samples {
            true => self.view.spec.topics.without(Topic::Metrics),
            false => self.view.spec.topics,
        };
        let floors = log.floors(topics);
        let missing = |lane: usize| floors[lane] > self.at.max(self.told[lane]);
        if !(0..floors.len()).any(missing) {
            return None;
        }
        let is_page = matches!(self.view.spec.encoding, Encoding::Page(_));
        if self.replay && !passes_samples && !is_page && stream.archive().is_some() {
            self.fall_behind(stream);
            return Some(Forgotten::IsStored);
        }
        if missing(ALERTS) && !self.replay && !passes_samples {
            return Some(Forgotten::Tell(Step::TooSlow));
        }
        self.told = floors;
        let left = log.left_after(topics, self.at);
        self.at = match passes_samples {
            true => left.min(self.skip_samples_to),
            false => left,
        };
        Some(Forgotten::Tell(Step::Reset(ResetReason::Evicted)))
    }
}

/// What it means that the log has forgotten something.
enum Forgotten {
    /// The client must be told.
    Tell(Step),
    /// It is read from the store instead.
    IsStored,
}

impl Forgotten {
    fn step(self) -> Option<Step> {
        match self {
            Self::Tell(step) => Some(step),
            Self::IsStored => None,
        }
    }
}
