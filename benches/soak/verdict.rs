//! What is held against what.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    clients::{Kind, Seen},
    process::Process,
    trouble::Log,
};

/// The server at one moment: its `/metrics`, descriptors and threads.
pub struct Figures {
    page: BTreeMap<String, f64>,
    descriptors: usize,
    threads: usize,
}

impl Figures {
    pub async fn read(http: &reqwest::Client, server: &Process) -> Self {
        let url = format!("http://{}/metrics", server.address);
        let answer = http.get(url).send().await.expect("/metrics");
        let text = answer.text().await.expect("a page");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self {
            page: pairs.collect(),
            descriptors: server.descriptors(),
            threads: server.threads(),
        }
    }

    /// The value of a metric.
    pub fn of(&self, name: &str) -> f64 {
        *self.page.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn clients(&self) -> f64 {
        ["sse", "websocket"]
            .map(|kind| self.of(&format!("tickwire_clients{{kind=\"{kind}\"}}")))
            .iter()
            .sum()
    }
}

/// What was found wrong.
#[derive(Debug, Default)]
pub struct Verdict {
    faults: usize,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.faults == 0
    }

    /// Says what is wrong, unless it is right.
    pub fn check(&mut self, right: bool, wrong: impl FnOnce() -> String) {
        if !right {
            self.faults += 1;
            println!("WRONG: {}", wrong());
        }
    }

    /// What each client saw, held against the numbers and against what was pushed.
    pub fn clients(&mut self, seen: &[Seen], log: &Log) {
        let (pushed, alerts) = (
            log.pushed.load(Ordering::Relaxed),
            log.alerts.load(Ordering::Relaxed),
        );
        let mut first = BTreeMap::new();
        for client in seen {
            let (kind, tally) = (client.kind, &client.tally);
            self.check(tally.is_complete(), || {
                format!("a {kind:?} was lost: {tally:?}")
            });
            let between = tally.upto.saturating_sub(tally.from);
            let is_right = tally.faults == 0
                && tally.alerts == alerts
                && match kind {
                    Kind::Filtered => tally.samples == pushed + 1 && tally.activity == 0,
                    _ => tally.events() + tally.skipped == between,
                }
                && (kind == Kind::Slow || tally.skipped == 0);
            self.check(is_right, || {
                format!("a {kind:?} missed something: {tally:?}; pushed {pushed}, alerts {alerts}")
            });
            if kind != Kind::Slow {
                let first = *first.entry(kind).or_insert(tally);
                self.check(tally.sum == first.sum, || {
                    format!("{kind:?}s differ: {tally:?} and {first:?}")
                });
            }
        }
        for (kind, tally) in first {
            let count = seen.iter().filter(|client| client.kind == kind).count();
            println!(
                "{count} {kind:?}: {} samples, {} alerts, {} activity each, of {} numbers",
                tally.samples,
                tally.alerts,
                tally.activity,
                tally.upto - tally.from
            );
        }
        let slow = || seen.iter().filter(|client| client.kind == Kind::Slow);
        let mut ages: Vec<i64> = slow().flat_map(|client| client.ages.clone()).collect();
        ages.sort_unstable();
        let at = |part: f64| {
            ages.get((ages.len() as f64 * part) as usize)
                .or(ages.last())
        };
        println!(
            "{} Slow: {} samples, {} skipped in all; when read, a sample was {} ms old in the median, {} ms at 99 %, {} ms at most",
            slow().count(),
            slow().map(|client| client.tally.samples).sum::<u64>(),
            slow().map(|client| client.tally.skipped).sum::<u64>(),
            at(0.5).unwrap_or(&0),
            at(0.99).unwrap_or(&0),
            ages.last().unwrap_or(&0),
        );
    }

    /// What the server counted, held against what the clients saw.
    pub fn counters(&mut self, before: &Figures, after: &Figures, seen: &[Seen], log: &Log) {
        let grown = |name: &str| after.of(name) - before.of(name);
        let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>() as f64;
        let conflated = grown("tickwire_conflated_samples_total");
        let skipped = sum(|client| client.tally.skipped);
        self.check(conflated == skipped, || {
            format!("the server conflated {conflated}, the clients were told of {skipped}")
        });
        let resets = grown("tickwire_resets_total");
        self.check(resets == 0.0, || format!("{resets} resets"));
        let (sent, received) = (
            grown("tickwire_events_sent_total"),
            seen.iter().map(received).sum::<u64>() as f64,
        );
        self.check(sent >= received, || {
            format!("{received} events received, and {sent} sent")
        });
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let stalled = grown("tickwire_stalled_total");
        let (stalls, failed) = (of(&log.stalls), of(&log.failed));
        self.check(stalls > 0 && stalled >= stalls as f64, || {
            format!("{stalls} readers were cut off, and {stalled} counted")
        });
        self.check(failed == 0, || format!("{failed} things around failed"));
        println!(
            "around them: {} samples pushed, {} alerts raised or cleared, {} clients came and went, {stalls} that took nothing were cut off ({stalled} counted), {} times sources stopped or started",
            of(&log.pushed),
            of(&log.alerts),
            of(&log.joins),
            of(&log.restarts),
        );
    }

    /// Resident memory over time, in seconds and MiB, does not grow after the warm-up.
    pub fn memory(&mut self, sizes: &[(f64, f64)]) {
        let late = &sizes[sizes.len() * 2 / 5..];
        let count = late.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| late.iter().map(of).sum::<f64>() / count;
        let (time, size) = (mean(|s| s.0), mean(|s| s.1));
        let above: f64 = late.iter().map(|s| (s.0 - time) * (s.1 - size)).sum();
        let below: f64 = late.iter().map(|s| (s.0 - time).powi(2)).sum();
        let span = late.last().map_or(0.0, |s| s.0) - late.first().map_or(0.0, |s| s.0);
        let growth = above / below.max(1e-9) * span;
        println!(
            "memory: {size:.1} MiB in the mean, grown by {growth:.2} MiB over the last {span:.0} s"
        );
        let bound = 2.0 + size * 0.03;
        self.check(growth < bound, || {
            format!("memory grew by more than {bound:.1} MiB")
        });
    }

    /// When all have left, everything is as it was at the beginning.
    pub async fn leftovers(&mut self, begun: &Figures, http: &reqwest::Client, server: &Process) {
        let until = Instant::now() + Duration::from_secs(15);
        loop {
            let now = Figures::read(http, server).await;
            let is_clean = now.clients() == 0.0 && now.descriptors <= begun.descriptors + 2;
            if is_clean || Instant::now() > until {
                println!(
                    "left behind: {} clients, {} views, {} descriptors ({} at the beginning), {} threads ({})",
                    now.clients(),
                    now.of("tickwire_views"),
                    now.descriptors,
                    begun.descriptors,
                    now.threads,
                    begun.threads
                );
                self.check(is_clean && now.threads <= begun.threads + 4, || {
                    "something was left behind".to_owned()
                });
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Events in the server's sense, in which a batch of a socket is one.
fn received(client: &Seen) -> u64 {
    match client.kind {
        Kind::Socket => client.tally.alerts + client.tally.activity,
        _ => client.tally.events(),
    }
}
