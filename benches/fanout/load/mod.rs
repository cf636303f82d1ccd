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

use crate::{
    measure,
    plan::{Latency, Memory, Outcome, Part, Plan},
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

/// Reads a plan from standard input, carries it out, and writes the outcome to standard output.
pub fn main() -> ExitCode {
    let done = serde_json::from_reader(io::stdin().lock())
        .map_err(io::Error::from)
        .and_then(|plan| Load::new(plan)?.run())
        .and_then(|outcome| Ok(serde_json::to_writer(io::stdout(), &outcome)?));
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
        })
    }

    fn run(mut self) -> io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let (server, kernel) = self.memory();
        let begun = Instant::now();
        self.crowd.gather(Role::Reader, self.plan.clients)?;
        outcome.accept_seconds = begun.elapsed().as_secs_f64();
        self.idle(REST)?;
        let (idle, kernel_idle) = self.memory();

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
        let (busy, own) = (measure::busy_seconds(), self.used_seconds());
        let measured = Instant::now();
        let before = self.crowd.counts.bytes;
        outcome.paced = self.paced()?;
        if outcome.paced.events == 0 {
            return Err(io::Error::other("nothing arrived after the warm-up"));
        }
        let bytes = self.crowd.counts.bytes - before;
        outcome.bytes_per_event = bytes as f64 / outcome.paced.events as f64;
        outcome.late_ticks = self.late;
        outcome.latency = latency(std::mem::take(&mut self.crowd.delays));
        outcome.saturated = self.saturated()?;
        let foreign = measure::busy_seconds() - busy - (self.used_seconds() - own);
        outcome.foreign_share =
            (foreign / measured.elapsed().as_secs_f64() / measure::cpus() as f64).max(0.0);

        self.next_join = None;
        self.idle(REST)?;
        let (used, _) = self.memory();
        let each = |after: u64, before: u64| {
            (after as f64 - before as f64) / self.plan.clients.max(1) as f64
        };
        outcome.memory = Memory {
            idle: each(idle, server),
            used: each(used, server),
            kernel: each(kernel_idle, kernel),
        };
        (outcome.lost, outcome.doubled) = self.crowd.faults(self.feed.next());
        let counts = &self.crowd.counts;
        outcome.broken = counts.broken;
        (outcome.joined, outcome.left) = (counts.joined, counts.left);
        outcome.refused = self.feed.refused + u64::from(!self.feed.is_answered());
        Ok(outcome)
    }

    /// Resident memory of the server and what the kernel holds, in KiB.
    fn memory(&self) -> (u64, u64) {
        (
            measure::resident_kib(&self.plan.pids),
            measure::kernel_kib(),
        )
    }

    /// CPU time of server and load, in seconds.
    fn used_seconds(&self) -> f64 {
        let own = measure::cpu_nanos(&[std::process::id()]);
        (measure::cpu_nanos(&self.plan.pids) + own) as f64 / 1e9
    }

    /// Ticks at the plan's rate.
    fn paced(&mut self) -> io::Result<Part> {
        let period = Duration::from_secs_f64(1.0 / self.plan.rate);
        let begun = Instant::now();
        let longest = Duration::from_secs_f64(self.plan.paced_seconds);
        let mut due = begun;
        self.part(|load, ticks| {
            let over = ticks >= 3 && begun.elapsed() > longest;
            if ticks >= load.plan.ticks || over {
                return Ok(false);
            }
            due += period;
            let now = Instant::now();
            if now > due + period / 10 {
                load.late += 1;
                due = now;
            }
            load.tick(due)?;
            Ok(true)
        })
    }

    /// Ticks one right after the other.
    fn saturated(&mut self) -> io::Result<Part> {
        let longest = Duration::from_secs_f64(self.plan.saturated_seconds);
        if longest.is_zero() {
            return Ok(Part::default());
        }
        let begun = Instant::now();
        self.part(|load, ticks| {
            if ticks >= 3 && begun.elapsed() > longest {
                return Ok(false);
            }
            load.tick(Instant::now())?;
            Ok(true)
        })
    }

    /// Measures ticks for as long as `next` makes one.
    fn part(
        &mut self,
        mut next: impl FnMut(&mut Self, u32) -> io::Result<bool>,
    ) -> io::Result<Part> {
        let (events, begun) = (self.crowd.counts.events, Instant::now());
        let cpu = measure::cpu_nanos(&self.plan.pids);
        let mut ticks = 0;
        while !self.failed && next(self, ticks)? {
            ticks += 1;
        }
        let cpu_us = (measure::cpu_nanos(&self.plan.pids) - cpu) as f64 / 1e3;
        let seconds = begun.elapsed().as_secs_f64();
        let events = self.crowd.counts.events - events;
        Ok(Part {
            ticks,
            events,
            seconds,
            cpu_us_per_event: cpu_us / events.max(1) as f64,
            events_per_second: events as f64 / seconds,
        })
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
