//! The load: publisher and clients in one process and one thread, so that a delay is a difference of one clock.
//!
//! While a tick is on its way the thread does not sleep: otherwise the server would be charged for waking it.

mod client;
mod crowd;
mod feed;
mod scan;

use std::{
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use client::Role;
use crowd::Crowd;
use feed::Feed;
use rand::seq::SliceRandom as _;

use crate::{
    measure,
    plan::{Latency, Outcome, Part, Plan},
    stats::percentile,
};

/// A tick that has not reached everyone after this long has lost somebody.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server may come to rest before its memory is read.
const REST: Duration = Duration::from_millis(300);
/// Before a tick is due the thread stops sleeping this early.
const AWAKE: Duration = Duration::from_millis(2);
/// How many passing clients there are, as a share of those that come in a second.
const STAY_SECONDS: f64 = 0.5;

/// Reads plans from standard input, carries them out, and writes the outcomes to standard output.
pub fn main() -> ExitCode {
    let done = serde_json::from_reader(io::stdin().lock())
        .map_err(io::Error::from)
        .and_then(|plans: Vec<Plan>| plans.into_iter().map(Load::new).collect())
        .and_then(carry_out)
        .and_then(|outcomes| Ok(serde_json::to_writer(io::stdout(), &outcomes)?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the load ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Load {
    plan: Plan,
    crowd: Crowd,
    feed: Feed,
    /// When the next passing client comes.
    next_join: Option<Instant>,
    /// A tick did not reach everyone; there will be no other.
    failed: bool,
    late: u32,
    /// Memory of the server before the first client, in KiB.
    empty_kib: u64,
}

/// Where a part begins.
struct Mark {
    events: u64,
    bytes: u64,
    cpu_nanos: u64,
    begun: Instant,
}

/// Carries plans out, several of them together: their servers get a tick in turn.
fn carry_out(mut loads: Vec<Load>) -> io::Result<Vec<Outcome>> {
    let outcomes = loads.iter_mut().map(Load::gather);
    let mut outcomes = outcomes.collect::<io::Result<Vec<_>>>()?;
    let (busy, own) = (measure::busy_seconds(), used_seconds(&loads));
    let begun = Instant::now();
    let marks: Vec<Mark> = loads.iter().map(Load::mark).collect();
    let ticks = paced(&mut loads)?;
    for ((load, mark), outcome) in loads.iter_mut().zip(&marks).zip(&mut outcomes) {
        load.tell_paced(mark, ticks, outcome)?;
    }
    for (load, outcome) in loads.iter_mut().zip(&mut outcomes) {
        outcome.saturated = load.saturated()?;
    }
    let foreign = measure::busy_seconds() - busy - (used_seconds(&loads) - own);
    let foreign = foreign / begun.elapsed().as_secs_f64() / measure::cpus() as f64;
    for (load, outcome) in loads.iter_mut().zip(&mut outcomes) {
        outcome.foreign_share = foreign.max(0.0);
        load.finish(outcome)?;
    }
    Ok(outcomes)
}

/// Ticks at the rate of the plans, for the servers in an order by chance; how many there were.
fn paced(loads: &mut [Load]) -> io::Result<u32> {
    let Plan {
        rate,
        ticks,
        paced_seconds,
        ..
    } = loads[0].plan;
    let period = Duration::from_secs_f64(1.0 / rate);
    let slot = period / loads.len() as u32;
    let longest = Duration::from_secs_f64(paced_seconds);
    let begun = Instant::now();
    let mut due = begun;
    let mut order: Vec<usize> = (0..loads.len()).collect();
    for tick in 0..ticks {
        if tick >= 3 && begun.elapsed() > longest {
            return Ok(tick);
        }
        // Who was before leaves the caches to who comes next.
        order.shuffle(&mut rand::rng());
        for at in &order {
            let load = &mut loads[*at];
            due += slot;
            let now = Instant::now();
            if now > due + period / 10 {
                load.late += 1;
                due = now;
            }
            load.tick(due)?;
            if load.failed {
                return Ok(tick);
            }
        }
    }
    Ok(ticks)
}

/// CPU time of all servers and of the load, in seconds.
fn used_seconds(loads: &[Load]) -> f64 {
    let servers = loads.iter().map(|load| measure::cpu_nanos(&load.plan.pids));
    let own = measure::cpu_nanos(&[std::process::id()]);
    (servers.sum::<u64>() + own) as f64 / 1e9
}

impl Load {
    fn new(plan: Plan) -> io::Result<Self> {
        let feed = Feed::new(&plan)?;
        Ok(Self {
            crowd: Crowd::new(plan.clone(), &feed)?,
            feed,
            plan,
            next_join: None,
            failed: false,
            late: 0,
            empty_kib: 0,
        })
    }

    /// Connects everybody, and warms the server up.
    fn gather(&mut self) -> io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let (server, kernel) = self.memory();
        let begun = Instant::now();
        self.crowd.gather(Role::Reader, self.plan.clients)?;
        outcome.accept_seconds = begun.elapsed().as_secs_f64();
        self.idle(REST)?;
        let (idle, kernel_idle) = self.memory();
        self.empty_kib = server;
        outcome.memory.idle = self.each(idle, server);
        outcome.memory.kernel = self.each(kernel_idle, kernel);

        self.crowd.gather(Role::Stalled, self.plan.stalled)?;
        for _ in 0..self.plan.warmup {
            self.tick(Instant::now())?;
        }
        if self.plan.churn > 0 {
            let passing = (f64::from(self.plan.churn) * STAY_SECONDS) as usize;
            self.crowd.gather(Role::Passing, passing)?;
            self.next_join = Some(Instant::now());
        }
        self.crowd.delays.clear();
        Ok(outcome)
    }

    /// What the paced part has come to.
    fn tell_paced(&mut self, mark: &Mark, ticks: u32, outcome: &mut Outcome) -> io::Result<()> {
        outcome.paced = self.since(mark, ticks);
        if outcome.paced.events == 0 {
            return Err(io::Error::other("nothing arrived after the warm-up"));
        }
        let bytes = self.crowd.counts.bytes - mark.bytes;
        outcome.bytes_per_event = bytes as f64 / outcome.paced.events as f64;
        outcome.late_ticks = self.late;
        outcome.latency = latency(std::mem::take(&mut self.crowd.delays));
        Ok(())
    }

    /// What can be told at the end.
    fn finish(&mut self, outcome: &mut Outcome) -> io::Result<()> {
        self.next_join = None;
        self.idle(REST)?;
        let (used, _) = self.memory();
        outcome.memory.used = self.each(used, self.empty_kib);
        (outcome.lost, outcome.doubled) = self.crowd.faults(self.feed.next());
        let counts = &self.crowd.counts;
        outcome.broken = counts.broken;
        (outcome.joined, outcome.left) = (counts.joined, counts.left);
        outcome.refused = self.feed.refused + u64::from(!self.feed.is_answered());
        Ok(())
    }

    /// For each client, how much more there is.
    fn each(&self, after: u64, before: u64) -> f64 {
        (after as f64 - before as f64) / self.plan.clients.max(1) as f64
    }

    /// Resident memory of the server and what the kernel holds, in KiB.
    fn memory(&self) -> (u64, u64) {
        (
            measure::resident_kib(&self.plan.pids),
            measure::kernel_kib(),
        )
    }

    /// Ticks one right after the other.
    fn saturated(&mut self) -> io::Result<Part> {
        let longest = Duration::from_secs_f64(self.plan.saturated_seconds);
        if longest.is_zero() {
            return Ok(Part::default());
        }
        let mark = self.mark();
        let mut ticks = 0;
        while !self.failed && (ticks < 3 || mark.begun.elapsed() <= longest) {
            self.tick(Instant::now())?;
            ticks += 1;
        }
        Ok(self.since(&mark, ticks))
    }

    /// Where a part begins.
    fn mark(&self) -> Mark {
        Mark {
            events: self.crowd.counts.events,
            bytes: self.crowd.counts.bytes,
            cpu_nanos: measure::cpu_nanos(&self.plan.pids),
            begun: Instant::now(),
        }
    }

    /// The part since then, which had so many ticks.
    fn since(&self, mark: &Mark, ticks: u32) -> Part {
        let cpu_us = (measure::cpu_nanos(&self.plan.pids) - mark.cpu_nanos) as f64 / 1e3;
        let seconds = mark.begun.elapsed().as_secs_f64();
        let events = self.crowd.counts.events - mark.events;
        Part {
            ticks,
            events,
            seconds,
            cpu_us_per_event: cpu_us / events.max(1) as f64,
            events_per_second: events as f64 / seconds,
        }
    }

    /// Publishes a tick when it is due, and reads until it has reached everyone.
    fn tick(&mut self, due: Instant) -> io::Result<()> {
        let bytes = self.feed.prepare();
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.turn(left.saturating_sub(AWAKE))?;
        }
        let sent = Instant::now();
        self.crowd.expect(self.feed.next(), sent);
        self.feed.publish(&bytes)?;
        while !self.crowd.is_done() || !self.feed.is_answered() {
            self.turn(Duration::ZERO)?;
            if sent.elapsed() > PATIENCE {
                eprintln!("a tick did not reach everyone");
                self.failed = true;
                break;
            }
        }
        Ok(())
    }

    /// Reads for so long.
    fn idle(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn(end.saturating_duration_since(Instant::now()))?;
        }
        Ok(())
    }

    /// One look at everything that may have something to do.
    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let mut wait = wait;
        while let Some(at) = self.next_join {
            let left = at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                wait = wait.min(left);
                break;
            }
            self.crowd.leave();
            self.crowd.join(Role::Passing)?;
            self.next_join = Some(at + Duration::from_secs(1) / self.plan.churn);
        }
        if self.crowd.poll(wait)? {
            self.feed.answers()?;
        }
        Ok(())
    }
}

fn latency(mut delays: Vec<u32>) -> Latency {
    delays.sort_unstable();
    Latency {
        p50: percentile(&delays, 0.5),
        p99: percentile(&delays, 0.99),
        p999: percentile(&delays, 0.999),
        max: percentile(&delays, 1.0),
    }
}
