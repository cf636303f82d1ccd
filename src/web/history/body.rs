//! An answer in pieces: read and written on a reading thread, the next when the one before was taken.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use crate::{
    entry::pending::{Busy, Pending},
    history::plan::{Joined, Plan, Text},
    model::Position,
    store::{block::ReadError, readers::Readers},
    web::problem::Problem,
};

/// Pieces that are read at once, for an answer.
const AT_ONCE: usize = 2;

/// A piece that is being read and written.
type Written = Pending<Result<Text, ReadError>>;

/// See the module.
pub struct Body {
    readers: Readers,
    plan: Plan,
    joined: Joined,
    /// What is being read, in order; so many at once as there are threads that read.
    pending: VecDeque<Written>,
    ready: Option<Bytes>,
    over: bool,
}

impl Body {
    /// With its first piece.
    pub async fn begun(readers: Readers, plan: Plan, position: Position) -> Result<Self, Problem> {
        let mut first = plan.head(position);
        let mut body = Self {
            readers,
            plan,
            joined: Joined::default(),
            pending: VecDeque::new(),
            ready: None,
            over: false,
        };
        body.ask().map_err(busy)?;
        if let Some(pending) = body.pending.pop_front() {
            let read = pending.await.map_err(busy)?;
            let text = read.map_err(|error| {
                tracing::error!(%error, "the history cannot be read");
                Problem::internal()
            })?;
            first.extend(body.joined.with(text));
        }
        body.ready = Some(first.into());
        Ok(body)
    }

    /// Has the next pieces read.
    fn ask(&mut self) -> Result<(), Busy> {
        while self.pending.len() < AT_ONCE
            && let Some(piece) = self.plan.next()
        {
            let pending = self.readers.read(move |stored| piece.read(stored))?;
            self.pending.push_back(pending);
        }
        Ok(())
    }
}

fn busy(busy: Busy) -> Problem {
    Problem::busy(busy.to_string())
}

impl MessageBody for Body {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            if let Some(ready) = self.ready.take().filter(|ready| !ready.is_empty()) {
                return Poll::Ready(Some(Ok(ready)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            if let Err(error) = self.ask() {
                return Poll::Ready(Some(Err(error.into())));
            }
            let Some(pending) = self.pending.front() else {
                self.over = true;
                self.ready = Some(self.plan.tail().into());
                continue;
            };
            let Some(answer) = pending.take() else {
                pending.park(cx.waker());
                return Poll::Pending;
            };
            self.pending.pop_front();
            match answer {
                Ok(Ok(text)) => self.ready = Some(self.joined.with(text).into()),
                // The answer breaks off: nothing that is whole is promised.
                Ok(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}
