//! What the server knows of the last minutes when it starts: windows of samples, for charts and for rules, out of the
//! store. A restart is not seen in them but as a gap.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use crate::{
    alerts::Engine,
    config::Config,
    entry::{
        Entry, What,
        past::{Fits, From, Wanted},
    },
    model::{Rule, Timestamp},
    pipeline::{Live, live::FEED},
    replay,
    series::{Series, Writer},
    store::{Store, feed},
    stream::Stream,
    windows::Windows,
};

/// Samples that are looked at, at most: then the windows begin later.
const MOST: usize = 20_000_000;

/// Fills windows and engine as if they had been there.
pub async fn refill(
    stream: &Stream,
    config: &Config,
    series: &mut Writer,
    windows: &mut Windows,
    engine: &mut Engine,
    now: Timestamp,
) {
    let Some(archive) = stream.archive() else {
        return;
    };
    let window_from = now.minus(config.windows.span);
    // Rules may look back further than the windows of charts.
    let long = |rule: &&Arc<Rule>| rule.enabled && rule.window > config.windows.span;
    let rules: Vec<Arc<Rule>> = config.rules.iter().filter(long).cloned().collect();
    let longest = rules.iter().map(|rule| rule.window).max();
    let from = now.minus(longest.unwrap_or(Duration::ZERO).max(config.windows.span));
    let fits = move |series: &Series| rules.iter().any(|rule| rule.matches(series.key()));
    let mut taken = 0;
    if from < window_from {
        let earlier = samples(From::Time(from), Arc::new(fits));
        let earlier = replay::walk(archive, earlier, |entry| {
            if entry.received > window_from || taken > MOST {
                return ControlFlow::Break(());
            }
            taken += take(&entry, series, None, engine, now);
            ControlFlow::Continue(())
        });
        if let Err(error) = earlier.await {
            tracing::warn!(%error, "rules that look back far begin anew");
        }
    }
    let newest = samples(From::Time(window_from), Arc::new(|_| true));
    let newest = replay::walk(archive, newest, |entry| {
        taken += take(&entry, series, Some(&mut *windows), engine, now);
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

/// Puts the lines of earlier lives into the feed.
pub async fn feed(store: &Store, live: &Live, now: Timestamp) {
    let lines = store
        .readers()
        .read(move |stored| feed::at(stored, now, FEED));
    let Ok(lines) = lines else {
        return;
    };
    match lines.await {
        Ok(Ok(lines)) => live.remember(lines),
        Ok(Err(error)) => tracing::warn!(%error, "the feed begins empty"),
        Err(error) => tracing::warn!(%error, "the feed begins empty"),
    }
}

/// All batches of some series after a place.
fn samples(from: From, fits: Arc<Fits>) -> Wanted {
    Wanted {
        from,
        series: Some(fits),
        alerts: false,
        activity: false,
    }
}

/// Takes a batch in; how many samples that were. What was received later than now was so by a clock that has been set back
/// since: nothing that comes now would be newer, and windows and rules would take none of it.
fn take(
    entry: &Entry,
    writer: &mut Writer,
    windows: Option<&mut Windows>,
    engine: &mut Engine,
    now: Timestamp,
) -> usize {
    let What::Samples {
        timestamp,
        layout,
        values,
        ..
    } = &entry.what
    else {
        return 0;
    };
    if entry.received > now {
        return 0;
    }
    let mut samples = Vec::with_capacity(values.len());
    for (series, value) in layout.iter().zip(values) {
        let known = writer.resolve(&series.owner, std::slice::from_ref(&series.spec));
        // What there is no room for now is not missed.
        samples.extend(known.into_iter().flatten().map(|series| (series, *value)));
    }
    if let Some(windows) = windows {
        for (series, value) in &samples {
            windows.update(series, *timestamp, entry.received, *value);
        }
    }
    let samples_of = samples.iter().map(|(series, value)| (series, *value));
    engine.refill(now, *timestamp, samples_of);
    samples.len()
}
