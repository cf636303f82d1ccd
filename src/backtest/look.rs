//! From where on there are about as many samples as are tried.

use std::{ops::ControlFlow, time::Duration};

use super::{MOST_SAMPLES, recorded::Sought};
use crate::{
    entry::{What, past::Wanted},
    model::Timestamp,
    replay::Met,
};

/// The first stretch before the end in which samples are counted; each further one is [`WIDER`] times as long.
const FIRST_LOOK: Duration = Duration::from_secs(300);
const WIDER: u32 = 8;

/// Looks from where on there are about as many samples as are tried, so that what would be thrown away is not read: it counts
/// those of a few minutes before the end, then of more and more.
pub(super) struct Look<'a> {
    sought: &'a Sought,
    length: Duration,
    from: Timestamp,
    until: Timestamp,
    count: usize,
}

impl<'a> Look<'a> {
    pub(super) fn new(sought: &'a Sought) -> Self {
        Self {
            sought,
            length: FIRST_LOOK / WIDER,
            from: sought.to,
            until: sought.to,
            count: 0,
        }
    }

    /// What to count next; none once it is known, or reading everything is about as little.
    pub(super) fn next(&mut self) -> Option<Wanted> {
        if self.count >= MOST_SAMPLES / WIDER as usize {
            return None;
        }
        self.length *= WIDER;
        if self.length * WIDER >= self.sought.length() {
            return None;
        }
        self.from = self.sought.to.minus(self.length);
        self.until = self.sought.to;
        self.count = 0;
        Some(self.sought.wanted(self.from))
    }

    pub(super) fn meet(&mut self, met: &Met) -> ControlFlow<()> {
        if let Met::Entry(entry) = met
            && let What::Samples { values, .. } = &entry.what
        {
            if entry.received > self.sought.to {
                return ControlFlow::Break(());
            }
            self.count += values.len();
            if self.count >= MOST_SAMPLES {
                self.until = entry.received;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// From when to read.
    pub(super) fn found(&self) -> Timestamp {
        if self.count < MOST_SAMPLES / WIDER as usize {
            return self.sought.from;
        }
        // A quarter more, because there may have been fewer before.
        let looked_at = self.until.since(self.from).as_secs_f64().max(1.0);
        let seconds = looked_at * 1.25 * MOST_SAMPLES as f64 / self.count as f64;
        let longest = self.sought.length();
        let length = Duration::try_from_secs_f64(seconds).unwrap_or(longest);
        self.sought.to.minus(length.min(longest))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn sought(hours: u64) -> Sought {
        let to = Timestamp::from_millis(1_700_000_000_000);
        Sought {
            from: to.minus(Duration::from_secs(hours * 3600)),
            to,
            fits: Arc::new(|_| true),
        }
    }

    #[test]
    fn what_would_be_thrown_away_is_not_read() {
        let sought = sought(30 * 24);
        let mut look = Look::new(&sought);
        let mut lengths = Vec::new();
        // A thousand samples a second.
        while look.next().is_some() {
            look.count = look.length.as_secs() as usize * 1000;
            lengths.push(look.length.as_secs());
        }
        assert_eq!(lengths, [300, 2400]);
        let seconds = sought.to.since(look.found()).as_secs();
        assert_eq!(seconds, MOST_SAMPLES as u64 / 1000 * 5 / 4);
    }

    #[test]
    fn few_samples_are_all_read() {
        let sought = sought(24);
        let mut look = Look::new(&sought);
        while look.next().is_some() {
            look.count = look.length.as_secs() as usize;
        }
        assert_eq!(look.found(), sought.from);
    }
}
