//! An answer that comes from another thread.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// There is no answer: too much is asked already, or there is nobody to answer, as when the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the past cannot be read now: too much of it is being read already, or the store is not open; try again"
)]
pub struct Busy;

/// A question: who answers it, and who waits for that.
pub fn pending<T>() -> (Answer<T>, Pending<T>) {
    let slot = Arc::new(Mutex::new(Slot::Waits(None)));
    (Answer(slot.clone()), Pending(slot))
}

/// An answer that is known already.
pub fn answered<T>(answer: T) -> Pending<T> {
    Pending(Arc::new(Mutex::new(Slot::Ready(answer))))
}

enum Slot<T> {
    /// Not read yet, and who is to be told.
    Waits(Option<Waker>),
    Ready(T),
    /// It will not come.
    GivenUp,
}

/// Something that is being read. Await it, or look with [`take`](Self::take) and be woken by [`park`](Self::park).
pub struct Pending<T>(Arc<Mutex<Slot<T>>>);

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<T> Pending<T> {
    /// What was read, once it is there.
    pub fn take(&self) -> Option<Result<T, Busy>> {
        let mut slot = self.0.lock();
        match std::mem::replace(&mut *slot, Slot::GivenUp) {
            Slot::Ready(answer) => Some(Ok(answer)),
            Slot::GivenUp => Some(Err(Busy)),
            waits => {
                *slot = waits;
                None
            }
        }
    }

    /// Wakes when it is there.
    pub fn park(&self, waker: &Waker) {
        match &mut *self.0.lock() {
            Slot::Waits(Some(known)) if known.will_wake(waker) => {}
            Slot::Waits(known) => *known = Some(waker.clone()),
            _ => waker.wake_by_ref(),
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Busy>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                self.park(cx.waker());
                Poll::Pending
            }
        }
    }
}

/// What gives the answer; without one it is given up.
pub struct Answer<T>(Arc<Mutex<Slot<T>>>);

impl<T> Answer<T> {
    /// Gives it, and wakes who waits.
    pub fn give(self, answer: T) {
        self.put(Slot::Ready(answer));
    }

    fn put(&self, slot: Slot<T>) {
        let before = std::mem::replace(&mut *self.0.lock(), slot);
        if let Slot::Waits(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        let waits = matches!(&*self.0.lock(), Slot::Waits(_));
        if waits {
            self.put(Slot::GivenUp);
        }
    }
}
