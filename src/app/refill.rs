//! What the server knows of the last minutes when it starts: windows of samples, for charts and for rules, out of the
//! store. A restart is not seen in them but as a gap.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc, time::Duration};

use crate::{
    alerts::Engine,
    config,
    entry::{
        Entry, What,
        past::{Fits, From, Wanted},
    },
    model::{DeliveryEvent, Rule, Timestamp},
    notify::said,
    pipeline::{
        Live,
        live::{DELIVERIES, FEED},
    },
    replay::{self, resolved::Resolved},
    series::{Series, Writer},
    store::{Store, block::ReadError, feed, notifications},
    stream::Stream,
    windows::Windows,
};

/// Samples that are looked at, at most: then the windows begin later.
const MOST: usize = 20_000_000;

/// Fills windows and engine as if they had been there.
pub async fn refill(
    stream: &Stream,
    config: &config::Windows,
    rules: &[Arc<Rule>],
    series: &mut Writer,
    windows: &mut Windows,
    engine: &mut Engine,
    now: Timestamp,
) {
    let Some(archive) = stream.archive() else {
        return;
    };
    let window_from = now.minus(config.span);
    // Rules may look back further than the windows of charts.
    let long = |rule: &&Arc<Rule>| rule.enabled && rule.window > config.span;
    let rules: Vec<Arc<Rule>> = rules.iter().filter(long).cloned().collect();
    let longest = rules.iter().map(|rule| rule.window).max();
    let from = now.minus(longest.unwrap_or(Duration::ZERO).max(config.span));
    let fits = move |series: &Series| rules.iter().any(|rule| rule.matches(series.key()));
    let mut present = Present {
        series,
        resolved: Resolved::default(),
        windows,
        engine,
        now,
    };
    let mut taken = 0;
    if from < window_from {
        let earlier = samples(From::Time(from), Arc::new(fits));
        let earlier = replay::walk(archive, earlier, |entry| {
            if entry.received > window_from || taken > MOST {
                return ControlFlow::Break(());
            }
            taken += present.take(&entry, false);
            ControlFlow::Continue(())
        });
        if let Err(error) = earlier.await {
            tracing::warn!(%error, "rules that look back far begin anew");
        }
    }
    let newest = samples(From::Time(window_from), Arc::new(|_| true));
    let newest = replay::walk(archive, newest, |entry| {
        taken += present.take(&entry, true);
        if taken > MOST {
            tracing::warn!(
                "the windows begin without some of the samples before the start: there are too many"
            );
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = newest.await {
        tracing::warn!(%error, "the windows begin empty");
    }
}

/// Puts the lines of earlier lives into the feed, and how the newest messages stand; gives what the stream was not told of
/// them.
pub async fn feed(store: &Store, live: &Live, now: Timestamp) -> VecDeque<DeliveryEvent> {
    let read = store.readers().read(move |stored| {
        let newest = notifications::Wanted {
            to: Timestamp::from_millis(i64::MAX),
            most: DELIVERIES,
            ..notifications::Wanted::default()
        };
        let lines = feed::at(stored, now, FEED)?;
        let ledger = notifications::ledger(stored, &newest)?;
        // A few events make the story of one.
        Ok((lines, ledger, feed::deliveries(stored, DELIVERIES * 4)?))
    });
    let read = match read {
        Ok(read) => read.await,
        // What cannot be read is said where it is opened.
        Err(_) => return VecDeque::new(),
    };
    match read {
        Ok(Ok((lines, ledger, told))) => {
            let (stand, untold) = said::from_ledger(&ledger, &told);
            live.remember(lines, stand);
            return untold;
        }
        Ok(Err::<_, ReadError>(error)) => tracing::warn!(%error, "the feed begins empty"),
        Err(error) => tracing::warn!(%error, "the feed begins empty"),
    }
    VecDeque::new()
}

/// All batches of some series after a place.
fn samples(from: From, fits: Arc<Fits>) -> Wanted {
    Wanted {
        from,
        series: Some(fits),
        alerts: false,
        activity: false,
        notifications: false,
    }
}

/// What a batch is taken into.
struct Present<'a> {
    series: &'a mut Writer,
    resolved: Resolved,
    windows: &'a mut Windows,
    engine: &'a mut Engine,
    now: Timestamp,
}

impl Present<'_> {
    /// Takes a batch in, if `into_windows` also into the windows of charts; how many samples that were. What was received later than now was so
    /// by a clock that has been set back since: nothing that comes now would be newer, and windows and rules would take none of it.
    fn take(&mut self, entry: &Entry, into_windows: bool) -> usize {
        let What::Samples {
            timestamp,
            layout,
            values,
            ..
        } = &entry.what
        else {
            return 0;
        };
        if entry.received > self.now {
            return 0;
        }
        // What there is no room for now is not missed.
        let resolved = self.resolved.of(layout, self.series, |_| true).iter();
        let samples = resolved.zip(values);
        let samples = samples.filter_map(|(series, value)| Some((series.as_ref()?, *value)));
        if into_windows {
            for (series, value) in samples.clone() {
                self.windows
                    .update(series, *timestamp, entry.received, value);
            }
        }
        self.engine.refill(self.now, *timestamp, samples);
        values.len()
    }
}
