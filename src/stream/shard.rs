//! A shard: the clients of one worker thread.
//!
//! A tick costs one wake for each shard, whatever the number of clients; the shard then wakes its own clients, on its
//! own thread. It keeps one timer for all of them, for heartbeats and for flushes that are due without a tick. A shard
//! never leaves its thread.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Stream;

/// How often heartbeats are looked at, and so how late one may be.
const SWEEP: Duration = Duration::from_secs(1);
/// Clients woken before the thread's other tasks get a turn.
const AT_ONCE: usize = 256;

/// See the module; a cheap handle for its own thread.
#[derive(Debug, Clone)]
pub struct Shard(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    stream: Stream,
    wake: Arc<Notify>,
    /// Something is due before the next sweep.
    rearm: Notify,
    seats: RefCell<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: Vec<Option<Seat>>,
    free: Vec<usize>,
    /// The nearest thing due before the next sweep.
    near: Option<Instant>,
}

#[derive(Debug, Default)]
struct Seat {
    waker: Option<Waker>,
    due: Option<Instant>,
}

/// A client's place in its shard; given back when dropped.
#[derive(Debug)]
pub struct Ticket {
    shard: Shard,
    seat: usize,
}

impl Shard {
    /// A shard of the calling thread, known to the stream from now on.
    pub fn new(stream: &Stream) -> Self {
        let wake = Arc::new(Notify::new());
        stream.add_shard(wake.clone());
        Self(Rc::new(Inner {
            stream: stream.clone(),
            wake,
            rearm: Notify::new(),
            seats: RefCell::default(),
        }))
    }

    /// The stream it is of.
    pub fn stream(&self) -> &Stream {
        &self.0.stream
    }

    /// Takes a place.
    pub fn join(&self) -> Ticket {
        let mut seats = self.0.seats.borrow_mut();
        let seat = seats.free.pop().unwrap_or_else(|| {
            seats.taken.push(None);
            seats.taken.len() - 1
        });
        seats.taken[seat] = Some(Seat::default());
        Ticket {
            shard: self.clone(),
            seat,
        }
    }

    /// Wakes its clients at each tick and when something of theirs is due, and once when `draining` begins, so that
    /// each can say goodbye; until `stop`.
    pub async fn run(self, draining: CancellationToken, stop: CancellationToken) {
        let mut told = false;
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let near = self.0.seats.borrow().near;
            let due = tokio::time::Instant::from_std(near.unwrap_or_else(Instant::now));
            tokio::select! {
                () = self.0.wake.notified() => self.wake_all().await,
                () = tokio::time::sleep_until(due), if near.is_some() => self.wake_due(),
                () = self.0.rearm.notified() => {}
                _ = sweep.tick() => self.wake_due(),
                () = draining.cancelled(), if !told => {
                    told = true;
                    self.wake_all().await;
                }
                () = stop.cancelled() => return,
            }
        }
    }

    /// Wakes everybody, a few at a time: what else this thread has to do, requests above all, gets its turn in between.
    async fn wake_all(&self) {
        let mut next = 0;
        loop {
            {
                let seats = self.0.seats.borrow();
                let few = seats.taken.iter().skip(next).take(AT_ONCE);
                few.flatten().for_each(Seat::wake);
                next += AT_ONCE;
                if next >= seats.taken.len() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn wake_due(&self) {
        let now = Instant::now();
        let mut seats = self.0.seats.borrow_mut();
        seats.near = None;
        let mut near = None;
        for seat in seats.taken.iter_mut().flatten() {
            let Some(due) = seat.due else { continue };
            if due <= now {
                seat.due = None;
                seat.wake();
            } else if due < now + SWEEP && near.is_none_or(|near| due < near) {
                near = Some(due);
            }
        }
        seats.near = near;
    }
}

impl Seat {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Ticket {
    /// Wakes this client after the next tick, or at `due`.
    pub fn park(&self, waker: &Waker, due: Option<Instant>) {
        let mut seats = self.shard.0.seats.borrow_mut();
        if let Some(Some(seat)) = seats.taken.get_mut(self.seat) {
            if !seat.waker.as_ref().is_some_and(|w| w.will_wake(waker)) {
                seat.waker = Some(waker.clone());
            }
            seat.due = due;
        }
        let soon = due.filter(|due| *due < Instant::now() + SWEEP);
        if let Some(due) = soon
            && seats.near.is_none_or(|near| due < near)
        {
            seats.near = Some(due);
            self.shard.0.rearm.notify_one();
        }
    }

    /// The stream.
    pub fn stream(&self) -> &Stream {
        self.shard.stream()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut seats = self.shard.0.seats.borrow_mut();
        seats.taken[self.seat] = None;
        seats.free.push(self.seat);
    }
}
