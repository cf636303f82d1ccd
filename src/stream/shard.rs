//! A shard: the clients of one worker thread.
//!
//! A tick costs one wake for each shard, whatever the number of clients; the shard then wakes its own clients, on its
//! own thread. It keeps one timer for all of them, for heartbeats and for flushes that are due without a tick. A shard
//! never leaves its thread.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Stream, counters::Sent, cursor::Cursor};

/// How late a heartbeat may be, at most: those that are due within this are sent together.
const SLACK: Duration = Duration::from_secs(1);
/// Clients woken before the thread's other tasks get a turn.
const AT_ONCE: usize = 256;

/// See the module; a cheap handle for its own thread.
#[derive(Debug, Clone)]
pub struct Shard(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    stream: Stream,
    sent: Arc<Sent>,
    wake: Arc<Notify>,
    /// Something is to be looked at before anything else.
    rearm: Notify,
    /// The server is going away.
    draining: Cell<bool>,
    seats: RefCell<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: Vec<Option<Seat>>,
    free: Vec<usize>,
    /// When to look at what is due.
    look_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Seat {
    waker: Option<Waker>,
    due: Option<Due>,
}

/// When a client wants to be woken without a tick.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// At this moment at the latest.
    latest: Instant,
    /// From then on, if another client is looked at anyway.
    earliest: Instant,
}

impl Due {
    /// At the moment `exactly`, if there is one, and for what recurs in an `interval` about at `next`: a second, or an
    /// eighth of the interval, may pass, so that those of many clients are sent together.
    pub fn new(exactly: Option<Instant>, next: Instant, interval: Duration) -> Self {
        let latest = next + SLACK.min(interval / 8);
        Self {
            latest: exactly.map_or(latest, |at| at.min(latest)),
            earliest: exactly.map_or(next, |at| at.min(next)),
        }
    }
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
            sent: stream.counters().of_worker(),
            wake,
            rearm: Notify::new(),
            draining: Cell::new(false),
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
        let mut timer = pin!(tokio::time::sleep(SLACK));
        let mut leaves = pin!(draining.cancelled());
        let mut stopped = pin!(stop.cancelled());
        loop {
            let look_at = self.0.seats.borrow().look_at;
            if let Some(at) = look_at.map(tokio::time::Instant::from_std)
                && at != timer.deadline()
            {
                timer.as_mut().reset(at);
            }
            tokio::select! {
                () = self.0.wake.notified() => self.wake_all().await,
                () = timer.as_mut(), if look_at.is_some() => self.wake_due(),
                () = self.0.rearm.notified() => {}
                () = leaves.as_mut(), if !self.0.draining.get() => {
                    self.0.draining.set(true);
                    self.wake_all().await;
                }
                () = stopped.as_mut() => return,
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
        let mut next: Option<Instant> = None;
        for seat in seats.taken.iter_mut().flatten() {
            let Some(due) = seat.due else { continue };
            if due.earliest <= now {
                seat.due = None;
                seat.wake();
            } else {
                next = Some(next.map_or(due.latest, |next| next.min(due.latest)));
            }
        }
        seats.look_at = next;
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
    /// Wakes this client after the next tick, or when it is due.
    pub fn park(&self, waker: &Waker, due: Due) {
        let mut seats = self.shard.0.seats.borrow_mut();
        if let Some(Some(seat)) = seats.taken.get_mut(self.seat) {
            if !seat.waker.as_ref().is_some_and(|w| w.will_wake(waker)) {
                seat.waker = Some(waker.clone());
            }
            seat.due = Some(due);
        }
        if seats.look_at.is_none_or(|before| due.latest < before) {
            seats.look_at = Some(due.latest);
            self.shard.0.rearm.notify_one();
        }
    }

    /// Counts bytes that are handed over for a cursor of this client, now.
    pub fn sent(&self, cursor: &mut Cursor, bytes: usize) {
        let events = cursor.take_events();
        let live = cursor.is_live() && events > 0;
        let live =
            live.then(|| Instant::now().saturating_duration_since(self.stream().published()));
        self.shard.0.sent.add(events, bytes, live);
    }

    /// Whether the server is going away.
    pub fn is_draining(&self) -> bool {
        self.shard.0.draining.get()
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
