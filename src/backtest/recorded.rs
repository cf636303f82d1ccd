//! What a trial runs over: the samples that its rules look at, read once. Where there are too many, the newest.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc, time::Duration};

use super::{MOST_SAMPLES, MOST_SERIES, look::Look};
use crate::{
    entry::{
        Entry, What,
        past::{Archive, From, Wanted},
        pending::Busy,
    },
    model::Timestamp,
    replay::{self, Met, resolved::Resolved},
    series::{Registry, Series, Writer},
    store::{block::ReadError, readers::Stored},
};

/// What is to be read.
pub(super) struct Sought {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Of which series.
    pub fits: Arc<dyn Fn(&Series) -> bool + Send + Sync>,
}

impl Sought {
    pub fn wanted(&self, from: Timestamp) -> Wanted {
        Wanted {
            from: From::Time(from),
            series: Some(self.fits.clone()),
            alerts: false,
            activity: false,
            notifications: false,
        }
    }

    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }
}

/// Samples that came together. They begin where those of the batch before end.
#[derive(Debug)]
pub(super) struct Batch {
    pub received: Timestamp,
    pub timestamp: Timestamp,
    interval_ms: Option<std::num::NonZeroU32>,
    end: u32,
}

impl Batch {
    /// How often its source measures.
    pub fn interval(&self) -> Option<Duration> {
        let interval = self.interval_ms?;
        Some(Duration::from_millis(interval.get().into()))
    }
}

/// A time in which there was no server.
#[derive(Debug)]
struct Down {
    /// So many batches came before it.
    after: usize,
    from: Timestamp,
    to: Timestamp,
}

/// One thing of the past, as an engine takes it.
pub(super) enum Step<'a> {
    /// Samples, by series.
    Batch(&'a Batch, std::ops::Range<usize>),
    /// No server.
    Down(Timestamp, Timestamp),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Recorded {
    /// From when on it is whole.
    pub from: Timestamp,
    batches: Vec<Batch>,
    downs: Vec<Down>,
    numbers: Vec<u32>,
    values: Vec<f64>,
    /// By number.
    pub series: Vec<Arc<Series>>,
    writer: Writer,
    resolved: Resolved,
    known: HashMap<usize, u32>,
    paces: HashMap<usize, Pace>,
}

/// How often batches of one shape come.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    last: Option<Timestamp>,
    distances: [Option<Duration>; 2],
}

impl Pace {
    /// A batch has come; what distance to the next is to be expected. A gap is none.
    fn next(&mut self, received: Timestamp) -> Option<Duration> {
        if let Some(last) = self.last.replace(received) {
            self.distances = [Some(received.since(last)), self.distances[0]];
        }
        self.distances.into_iter().flatten().min()
    }
}

impl Recorded {
    fn new(from: Timestamp) -> Self {
        let (_, writer) = Registry::new(MOST_SERIES);
        Self {
            from,
            batches: Vec::new(),
            downs: Vec::new(),
            numbers: Vec::new(),
            values: Vec::new(),
            series: Vec::new(),
            writer,
            resolved: Resolved::default(),
            known: HashMap::new(),
            paces: HashMap::new(),
        }
    }

    /// Reads it. `progress` is told how far it is, from 0 to 1, and whether to go on is what it answers.
    pub async fn read(
        archive: &Archive,
        sought: &Sought,
        mut progress: impl FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Self, Busy> {
        let mut look = Look::new(sought);
        while let Some(wanted) = look.next() {
            replay::walk_all(archive, wanted, |met| look.meet(&met)).await?;
        }
        let (mut recorded, mut told) = (Self::new(look.found()), 0.0);
        let wanted = sought.wanted(recorded.from);
        replay::walk_all(archive, wanted, |met| {
            recorded.meet(sought, met, &mut told, &mut progress)
        })
        .await?;
        recorded.forget_the_oldest();
        Ok(recorded)
    }

    /// As [`read`](Self::read), on the thread that reads.
    pub fn read_stored(
        stored: &Stored<'_>,
        present: u32,
        sought: &Sought,
    ) -> Result<Self, ReadError> {
        let mut look = Look::new(sought);
        while let Some(wanted) = look.next() {
            replay::walk_stored(stored, present, wanted, |met| look.meet(&met))?;
        }
        let (mut recorded, mut told) = (Self::new(look.found()), 0.0);
        let wanted = sought.wanted(recorded.from);
        let mut on = |_| ControlFlow::Continue(());
        replay::walk_stored(stored, present, wanted, |met| {
            recorded.meet(sought, met, &mut told, &mut on)
        })?;
        recorded.forget_the_oldest();
        Ok(recorded)
    }

    fn meet(
        &mut self,
        sought: &Sought,
        met: Met,
        told: &mut f64,
        progress: &mut impl FnMut(f64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let at = match &met {
            Met::Entry(entry) => entry.received,
            Met::Down { to, .. } => *to,
        };
        if at > sought.to {
            return ControlFlow::Break(());
        }
        let whole = sought.to.since(self.from).as_secs_f64().max(1.0);
        let share = at.since(self.from).as_secs_f64() / whole;
        if share - *told >= 0.01 {
            *told = share;
            progress(share.min(1.0))?;
        }
        match met {
            Met::Entry(entry) => self.take(&entry),
            Met::Down { from, to } => self.downs.push(Down {
                after: self.batches.len(),
                from,
                to,
            }),
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, entry: &Entry) {
        let What::Samples {
            timestamp,
            layout,
            values,
            ..
        } = &entry.what
        else {
            return;
        };
        let pace = self.paces.entry(layout.as_ptr().addr()).or_default();
        let interval = pace.next(entry.received);
        let resolved = self.resolved.of(layout, &mut self.writer, |_| true);
        for (series, value) in resolved.iter().zip(values) {
            let Some(series) = series else { continue };
            let number = self.known.entry(series.id.index()).or_insert_with(|| {
                self.series.push(series.clone());
                self.series.len() as u32 - 1
            });
            self.numbers.push(*number);
            self.values.push(*value);
        }
        let interval_ms = interval.map(|interval| interval.as_millis().min(u32::MAX.into()) as u32);
        self.batches.push(Batch {
            received: entry.received,
            timestamp: *timestamp,
            interval_ms: interval_ms.and_then(std::num::NonZeroU32::new),
            end: self.values.len() as u32,
        });
        // Not one by one: what is kept is moved each time.
        if self.values.len() >= MOST_SAMPLES + MOST_SAMPLES / 4 {
            self.forget_the_oldest();
        }
    }

    /// Where there are too many samples, the newest are tried.
    fn forget_the_oldest(&mut self) {
        let over = self.values.len().saturating_sub(MOST_SAMPLES);
        if over == 0 {
            return;
        }
        // The last one of which something has to go.
        let gone = self
            .batches
            .partition_point(|batch| (batch.end as usize) < over);
        let gone = (gone + 1).min(self.batches.len());
        let samples = self.batches[gone - 1].end;
        self.batches.drain(..gone);
        self.numbers.drain(..samples as usize);
        self.values.drain(..samples as usize);
        for batch in &mut self.batches {
            batch.end -= samples;
        }
        self.downs.retain_mut(|down| {
            let stays = down.after >= gone;
            down.after = down.after.saturating_sub(gone);
            stays
        });
        if let Some(first) = self.batches.first() {
            self.from = self.from.max(first.received);
        }
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.values.len()
    }

    /// Samples of a batch: the series, and the value.
    pub fn of(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = (&Arc<Series>, f64)> + Clone {
        let numbers = self.numbers[range.clone()].iter();
        let series = numbers.map(|number| &self.series[*number as usize]);
        series.zip(self.values[range].iter().copied())
    }

    /// All of it, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let mut downs = self.downs.iter().peekable();
        let (mut at, mut begin) = (0, 0);
        std::iter::from_fn(move || {
            if let Some(down) = downs.next_if(|down| down.after <= at) {
                return Some(Step::Down(down.from, down.to));
            }
            let batch = self.batches.get(at)?;
            let end = batch.end as usize;
            let step = Step::Batch(batch, begin..end);
            (at, begin) = (at + 1, end);
            Some(step)
        })
    }
}
