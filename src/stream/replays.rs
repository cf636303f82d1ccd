//! Turns for replays: so many clients at once get the past encoded for them, the others wait.
//!
//! To encode the past costs time that the present needs too. When thousands come back at once, each from a position of
//! its own, a tick would wait for all of them; so they take turns, first come, first served. Nothing is held for who
//! waits but a number: its cursor has not begun. Who has a turn and does not come for more within `LEASE` is waiting
//! for its client, not for us, and loses the turn to the next. So the turns bound how much is encoded between two looks
//! at everything else, and not how many clients may be slow.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{entry::Entry, model::Seq};

/// A turn that is not used for this long is over if somebody waits.
const LEASE: Duration = Duration::from_millis(10);

/// See the module; a cheap handle.
#[derive(Debug, Clone)]
pub struct Replays(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    turns: Mutex<Turns>,
    /// Somebody waits.
    queued: Notify,
}

#[derive(Debug, Default)]
struct Turns {
    /// The last number given out.
    numbered: u64,
    /// Who has a turn.
    taken: HashMap<u64, Taken>,
    /// Who waits, in order.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// How often somebody had to wait.
    waited: u64,
}

/// A turn that somebody has.
#[derive(Debug)]
struct Taken {
    /// When it was used last.
    used: Instant,
    /// Something is being read for it, which is not its client's fault.
    reads: bool,
    /// What was read for it; gone with the turn, so that what is held for slow clients is bounded too.
    segment: Option<Arc<Segment>>,
}

impl Taken {
    fn new(now: Instant) -> Self {
        Self {
            used: now,
            reads: false,
            segment: None,
        }
    }
}

/// Entries that were read from the store: all that is wanted of the numbers `after + 1` to `upto` of a life.
#[derive(Debug)]
pub struct Segment {
    /// The life.
    pub boot: u32,
    /// It begins behind this number.
    pub after: Seq,
    /// It ends with this one.
    pub upto: Seq,
    /// In order.
    pub entries: Vec<Arc<Entry>>,
}

/// How many replays there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// With a turn.
    pub encoding: usize,
    /// Waiting for one.
    pub waiting: usize,
    /// How often one had to wait.
    pub waited: u64,
}

/// A place in the queue, or a turn; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    replays: Replays,
    number: u64,
    /// Whether it has been told to wait.
    waits: bool,
}

impl Replays {
    /// At most `max` turns at once.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Inner {
            max,
            turns: Mutex::default(),
            queued: Notify::new(),
        }))
    }

    /// Whether the holder of `turn` may encode now; if not, it now has a place in the queue.
    pub fn take(&self, turn: &mut Option<Turn>) -> bool {
        let now = Instant::now();
        let mut turns = self.0.turns.lock();
        let turn = turn.get_or_insert_with(|| Turn {
            replays: self.clone(),
            number: 0,
            waits: false,
        });
        if let Some(taken) = turns.taken.get_mut(&turn.number) {
            taken.used = now;
            turn.waits = false;
            return true;
        }
        if !turns.waiting.contains_key(&turn.number) {
            turns.numbered += 1;
            turn.number = turns.numbered;
            turns.waiting.insert(turn.number, None);
        }
        turns.hand_out(self.0.max, now);
        let waits = !turns.taken.contains_key(&turn.number);
        if waits && !turn.waits {
            turns.waited += 1;
        }
        turn.waits = waits;
        if waits {
            self.0.queued.notify_one();
        }
        !waits
    }

    /// Ends turns that are not used while others wait, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let watch = async {
            loop {
                self.0.queued.notified().await;
                while self.move_up() {
                    tokio::time::sleep(LEASE).await;
                }
            }
        };
        tokio::select! {
            () = watch => {}
            () = stop.cancelled() => {}
        }
    }

    /// Whether somebody still waits.
    fn move_up(&self) -> bool {
        let now = Instant::now();
        let mut turns = self.0.turns.lock();
        turns
            .taken
            .retain(|_, taken| taken.reads || now.duration_since(taken.used) < LEASE);
        turns.hand_out(self.0.max, now);
        !turns.waiting.is_empty()
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        let turns = self.0.turns.lock();
        Counts {
            encoding: turns.taken.len(),
            waiting: turns.waiting.len(),
            waited: turns.waited,
        }
    }
}

impl Turns {
    fn hand_out(&mut self, max: usize, now: Instant) {
        while self.taken.len() < max
            && let Some((number, waker)) = self.waiting.pop_first()
        {
            self.taken.insert(number, Taken::new(now));
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Turn {
    /// Something is being read for it: until it is kept, the turn is not lost.
    pub fn reads(&self) {
        if let Some(taken) = self.replays.0.turns.lock().taken.get_mut(&self.number) {
            taken.reads = true;
        }
    }

    /// What was read; kept while the turn lasts.
    pub fn keep(&self, segment: Option<Arc<Segment>>) {
        if let Some(taken) = self.replays.0.turns.lock().taken.get_mut(&self.number) {
            taken.reads = false;
            taken.segment = segment;
        }
    }

    /// What was kept.
    pub fn segment(&self) -> Option<Arc<Segment>> {
        let turns = self.replays.0.turns.lock();
        turns.taken.get(&self.number)?.segment.clone()
    }

    /// Wakes its holder when its turn has come, if it waits for that.
    pub fn park(&self, waker: &Waker) {
        if !self.waits {
            return;
        }
        match self.replays.0.turns.lock().waiting.get_mut(&self.number) {
            Some(Some(known)) if known.will_wake(waker) => {}
            Some(place) => *place = Some(waker.clone()),
            // It has come meanwhile.
            None => waker.wake_by_ref(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.replays.0.turns.lock();
        turns.waiting.remove(&self.number);
        if turns.taken.remove(&self.number).is_some() {
            turns.hand_out(self.replays.0.max, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_given_out_in_order_and_given_back() {
        let replays = Replays::new(1);
        let (mut first, mut second, mut third) = (None, None, None);
        assert!(replays.take(&mut first));
        assert!(replays.take(&mut first));
        assert!(!replays.take(&mut second));
        assert!(!replays.take(&mut third));
        assert!(!replays.take(&mut second));
        let counts = Counts {
            encoding: 1,
            waiting: 2,
            waited: 2,
        };
        assert_eq!(replays.counts(), counts);
        drop(first);
        assert!(!replays.take(&mut third));
        assert!(replays.take(&mut second));
        // Who leaves the queue leaves no hole in it.
        drop(third);
        drop(second);
        let counts = Counts {
            encoding: 0,
            waiting: 0,
            waited: 2,
        };
        assert_eq!(replays.counts(), counts);
    }
}
