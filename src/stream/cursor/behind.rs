//! A cursor in what the log does not reach back to: it reads the store, a segment at a time, until the log has what is next.
//!
//! Whatever was streamed comes again, with the same numbers; where something was not recorded, or a life of the server ended,
//! the client is told ([`Step::Gap`], [`Step::Reset`]). With a pace it gets each entry as long after the one before as it was
//! received, divided by the speed; stretches without a server are passed over.

use std::{sync::Arc, task::Waker, time::Duration};

use super::{Cursor, EndReason, Step, Until};
use crate::{
    entry::{
        past::{Found, From, Place, Wanted},
        pending::Pending,
    },
    model::{Epoch, Position, Seq, Timestamp},
    series::Series,
    stream::{
        Stream, encode,
        filter::Topic,
        log::{ResetReason, Start},
        replays::Segment,
        view::View,
    },
};

/// When the log has lost something that the store has not got either after this long, it is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of entries taken out of the log at once, for a paced client.
const LOG_WEIGHT: usize = 256 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Behind {
    from: From,
    pending: Option<Pending<(Place, Found)>>,
    /// To be told before it goes on.
    gap: Option<(Timestamp, Timestamp)>,
    /// Since when neither log nor store have what is next.
    waits_since: Option<Timestamp>,
}

impl Behind {
    pub fn new(from: From) -> Self {
        Self {
            from,
            pending: None,
            gap: None,
            waits_since: None,
        }
    }

    /// Wakes its client when something was read.
    pub fn park(&self, waker: &Waker) {
        if let Some(pending) = &self.pending {
            pending.park(waker);
        }
    }

    /// Where it is; none while only a time is known.
    pub fn place(&self) -> Option<Place> {
        match self.from {
            From::Place(place) => Some(place),
            From::Time(_) | From::Oldest => None,
        }
    }
}

/// What came of one look at the past.
pub(super) enum Look {
    /// A step for the client.
    Step(Step),
    /// Look again.
    Again,
    /// The log has what is next: go on there.
    Live,
}

impl Cursor {
    /// Goes on in the past. For a cursor that is behind.
    pub(super) fn look(&mut self, stream: &Stream, now: Timestamp) -> Look {
        let Some(behind) = &mut self.behind else {
            return Look::Live;
        };
        if let Some((from, to)) = behind.gap.take() {
            if let Some(pace) = &mut self.pace {
                pace.begin_anew();
            }
            return Look::Step(Step::Gap { from, to });
        }
        let place = behind.place();
        if let Some(place) = place {
            if is_over(self.until, stream, place) {
                return Look::Step(Step::End(EndReason::Until));
            }
            let log = stream.log();
            let topics = self.view.spec.topics;
            if place.boot == log.epoch().boot && place.after >= log.floor(topics) {
                if self.pace.is_none() || place.after >= log.head() {
                    self.join(stream, place.after);
                    return Look::Live;
                }
                let entries = log.range(topics, place.after, log.head(), LOG_WEIGHT);
                let upto = entries.last().map_or(log.head(), |entry| entry.last);
                let segment = Segment {
                    boot: place.boot,
                    after: place.after,
                    upto,
                    entries,
                };
                return self.send_of(stream, now, place, &segment, true);
            }
        }
        if !stream.replays().take(&mut self.turn) {
            return Look::Step(Step::Wait { due: None });
        }
        let Some(turn) = &self.turn else {
            return Look::Again;
        };
        if let (Some(place), Some(segment)) = (place, turn.segment())
            && segment.boot == place.boot
            && (segment.after..segment.upto).contains(&place.after)
        {
            return self.send_of(stream, now, place, &segment, false);
        }
        match &behind.pending {
            None => {
                let wanted = wanted(&self.view, behind.from);
                match stream.archive().map(|archive| archive(wanted)) {
                    Some(Ok(pending)) => {
                        turn.reads();
                        behind.pending = Some(pending);
                        Look::Step(Step::Wait { due: None })
                    }
                    // It is looked again with the next tick.
                    Some(Err(_)) => Look::Step(Step::Wait { due: None }),
                    None => self.give_up(stream, ResetReason::Evicted),
                }
            }
            Some(pending) => match pending.take() {
                None => Look::Step(Step::Wait { due: None }),
                Some(answer) => {
                    behind.pending = None;
                    turn.keep(None);
                    match answer {
                        Ok((place, found)) => self.found(stream, now, place, found),
                        Err(_) => Look::Step(Step::Wait {
                            due: Some(PATIENCE),
                        }),
                    }
                }
            },
        }
    }

    fn found(&mut self, stream: &Stream, now: Timestamp, place: Place, found: Found) -> Look {
        let Some(behind) = &mut self.behind else {
            return Look::Live;
        };
        behind.from = From::Place(place);
        if let (Some(Until::Time(time)), Found::Hole { to, .. } | Found::Over { to, .. }) =
            (self.until, &found)
            && *to > time
        {
            return Look::Step(Step::End(EndReason::Until));
        }
        if !matches!(found, Found::NotYet) {
            behind.waits_since = None;
        }
        match found {
            Found::Entries { entries, upto } => {
                if let Some(turn) = &self.turn {
                    turn.keep(Some(Arc::new(Segment {
                        boot: place.boot,
                        after: place.after,
                        upto,
                        entries,
                    })));
                }
                Look::Again
            }
            Found::Hole { upto, from, to } => {
                behind.from = From::Place(Place {
                    after: upto,
                    ..place
                });
                behind.gap = Some((from, to));
                Look::Again
            }
            Found::Gone(place) => {
                behind.from = From::Place(place);
                Look::Step(Step::Reset(ResetReason::Evicted))
            }
            Found::Over {
                next,
                whole,
                from,
                to,
            } => {
                behind.from = From::Place(next);
                behind.gap = Some((from, to));
                match whole {
                    true => Look::Again,
                    false => Look::Step(Step::Reset(ResetReason::Lost)),
                }
            }
            Found::NotYet => {
                let since = *behind.waits_since.get_or_insert(now);
                if place.after >= stream.log().floor(self.view.spec.topics) {
                    return Look::Again;
                }
                match now.since(since) > PATIENCE {
                    true => self.give_up(stream, ResetReason::Evicted),
                    false => Look::Step(Step::Wait {
                        due: Some(Duration::from_millis(250)),
                    }),
                }
            }
            Found::Unknown => self.give_up(stream, ResetReason::Unknown),
            // The rest of that life is passed over.
            Found::Unreadable if place.boot < stream.log().epoch().boot => {
                behind.from = From::Place(Place {
                    boot: place.boot + 1,
                    after: 0,
                });
                Look::Step(Step::Reset(ResetReason::Evicted))
            }
            Found::Unreadable => self.give_up(stream, ResetReason::Evicted),
        }
    }

    /// Sends the next of a segment.
    fn send_of(
        &mut self,
        stream: &Stream,
        now: Timestamp,
        place: Place,
        segment: &Segment,
        of_log: bool,
    ) -> Look {
        let at = segment.entries.partition_point(|e| e.last <= place.after);
        let mut entries = &segment.entries[at..];
        let mut upto = segment.upto;
        if let Some(Until::Time(time)) = self.until
            && let Some(end) = entries.iter().position(|entry| entry.received > time)
        {
            if end == 0 {
                return Look::Step(Step::End(EndReason::Until));
            }
            upto = entries[end].first - 1;
            entries = &entries[..end];
        }
        if let Some(pace) = &mut self.pace {
            if let Some(rest) = pace.rest(now) {
                return Look::Step(Step::Wait { due: Some(rest) });
            }
            let early = entries
                .iter()
                .position(|entry| !pace.until(entry.received, now).is_zero());
            if let Some(early) = early {
                if early == 0 {
                    let due = pace.until(entries[0].received, now);
                    return Look::Step(Step::Wait { due: Some(due) });
                }
                upto = entries[early].first - 1;
                entries = &entries[..early];
            }
        }
        if let Some(Until::Position(position)) = self.until
            && position.epoch.boot == place.boot
        {
            upto = upto.min(position.seq);
        }
        let Some(epoch) = stream.log().epoch_of(place.boot) else {
            return self.give_up(stream, ResetReason::Unknown);
        };
        let stretch = (place.after, upto);
        let limit = self.remaining.unwrap_or(u64::MAX);
        let (view, epoch) = (&self.view, epoch.to_string());
        let picked = view.renderer.is_none();
        let chunk = match of_log {
            true => {
                let mut matches = view.matcher();
                let fits = |series: &Series| matches(series.id, series.key());
                encode::past(&epoch, view, entries, stretch, limit, fits)
            }
            // What was read from the store was picked there, but for who draws a page of it.
            false => {
                let fits = |series: &Series| picked || view.spec.series(series.key());
                encode::past(&epoch, view, entries, stretch, limit, fits)
            }
        };
        if let Some(pace) = &mut self.pace
            && chunk.upto >= upto
        {
            pace.rest_for(view.spec.rest(), now);
        }
        if let Some(behind) = &mut self.behind {
            behind.from = From::Place(Place {
                after: chunk.upto.max(place.after),
                ..place
            });
        }
        self.count(&chunk);
        match chunk.bytes.is_empty() {
            true => Look::Again,
            false => Look::Step(Step::Send(chunk.bytes)),
        }
    }

    /// Goes on in the log, with what that has.
    fn give_up(&mut self, stream: &Stream, reason: ResetReason) -> Look {
        let log = stream.log();
        let after = match self.behind.as_ref().and_then(Behind::place) {
            Some(place) if place.boot == log.epoch().boot => place.after,
            _ => 0,
        };
        let left = log.left_after(self.view.spec.topics, after);
        self.join(stream, left);
        Look::Step(Step::Reset(reason))
    }

    /// Goes on in the log, which has everything after this number.
    fn join(&mut self, stream: &Stream, after: Seq) {
        self.behind = None;
        self.pace = None;
        self.turn = None;
        self.at = after;
        self.replay = after < stream.log().head();
    }

    /// Where it is.
    pub fn position(&self, stream: &Stream) -> Position {
        let log = stream.log();
        match &self.behind {
            None => log.at(self.at),
            Some(behind) => match behind.place() {
                Some(place) => Position {
                    epoch: log.epoch_of(place.boot).unwrap_or(Epoch {
                        boot: place.boot,
                        suffix: 0,
                    }),
                    seq: place.after,
                },
                // Not known before the store has answered; nothing was sent before it.
                None => log.at(0),
            },
        }
    }
}

/// Whether what was asked for ends here.
fn is_over(until: Option<Until>, stream: &Stream, place: Place) -> bool {
    let Some(Until::Position(position)) = until else {
        return false;
    };
    let end = (position.epoch.boot, position.seq);
    let known = stream.log().epoch_of(position.epoch.boot);
    known == Some(position.epoch) && end <= (place.boot, place.after)
}

/// What a view wants of the past.
fn wanted(view: &Arc<View>, from: From) -> Wanted {
    let topics = view.spec.topics;
    Wanted {
        from,
        series: topics.contains(Topic::Metrics).then(|| view.reads()),
        alerts: topics.contains(Topic::Alerts),
        activity: topics.contains(Topic::Activity),
        notifications: topics.contains(Topic::Notifications),
    }
}

/// What a reader of a view asks the store for, from a start in the past on.
pub fn question(view: &Arc<View>, start: &Start) -> Option<Wanted> {
    start.past.map(|from| wanted(view, from))
}
