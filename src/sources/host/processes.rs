//! Processes: how many there are, and the busiest of them.
//!
//! The busiest are rows for people and no series: their names change all the time. Of each process only what a rate
//! needs is kept, 24 bytes.

use std::{collections::HashMap, fmt::Write, time::Instant};

use super::{Sensor, text_file::read_all};
use crate::model::ProcessRow;
use crate::sources::{
    SampleError,
    metric::MetricDoc,
    recorder::{Recorder, round},
};

const PROCESSES: MetricDoc = MetricDoc::gauge(
    "processes",
    "",
    &[],
    0,
    "Processes, those of the kernel included.",
);
const THREADS: MetricDoc = MetricDoc::gauge("threads", "", &[], 0, "Threads of all processes.");

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[PROCESSES, THREADS];

/// How many of the busiest are told.
const BUSIEST: usize = 5;

/// What /proc/<pid>/stat says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat<'a> {
    name: &'a str,
    /// Processor time in clock ticks.
    ticks: u64,
    threads: u64,
    /// When it started, in clock ticks since the start of the machine: tells a process from one that had its id before.
    started: u64,
    resident_pages: u64,
}

/// Parses /proc/<pid>/stat. The name is in parentheses and may contain any, so its end is the last one.
fn parse(text: &str) -> Option<Stat<'_>> {
    let (head, rest) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    // The first field after the name is the third in proc(5), the state.
    let mut fields = rest.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let threads = fields.nth(4)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    let resident_pages = fields.nth(1)?.parse().ok()?;
    Some(Stat {
        name,
        ticks: user.saturating_add(system),
        threads,
        started,
        resident_pages,
    })
}

#[derive(Debug, Clone, Copy)]
struct Known {
    started: u64,
    ticks: u64,
}

/// Walks /proc.
#[derive(Debug)]
pub(super) struct Processes {
    known: HashMap<u32, Known>,
    before: Option<Instant>,
    busiest: Option<Vec<ProcessRow>>,
    path: String,
    buffer: Vec<u8>,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
            before: None,
            busiest: None,
            path: String::new(),
            buffer: Vec::new(),
        }
    }

    /// The busiest processes between the last two walks, once for each walk.
    pub(super) fn take_busiest(&mut self) -> Option<Vec<ProcessRow>> {
        self.busiest.take()
    }
}

impl Sensor for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let directory = std::fs::read_dir("/proc").map_err(|cause| SampleError::Read {
            path: "/proc".to_owned(),
            cause,
        })?;
        let at = Instant::now();
        let seconds = self
            .before
            .replace(at)
            .map(|before| at.saturating_duration_since(before).as_secs_f64());
        let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
        let page_bytes = rustix::param::page_size() as u64;
        let mut known = HashMap::with_capacity(self.known.len() + self.known.len() / 8);
        let mut busiest: Vec<ProcessRow> = Vec::with_capacity(BUSIEST + 1);
        let mut threads = 0;
        for entry in directory.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            self.path.clear();
            if write!(self.path, "/proc/{pid}/stat").is_err() {
                continue;
            }
            // A process that ended since the directory was read is no fault.
            let Ok(bytes) = read_all(&self.path, &mut self.buffer) else {
                continue;
            };
            let text = String::from_utf8_lossy(bytes);
            let Some(stat) = parse(&text) else {
                continue;
            };
            threads += stat.threads;
            let before = self.known.get(&pid).filter(|k| k.started == stat.started);
            // One that started since the walk before has spent all its time since then.
            let spent = stat.ticks.saturating_sub(before.map_or(0, |k| k.ticks));
            if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
                let cpu_percent = 100.0 * spent as f64 / ticks_per_second / seconds;
                let memory_bytes = stat.resident_pages.saturating_mul(page_bytes);
                insert(&mut busiest, pid, stat.name, cpu_percent, memory_bytes);
            }
            let Stat { started, ticks, .. } = stat;
            known.insert(pid, Known { started, ticks });
        }
        PROCESSES.record(out, [], known.len() as f64);
        THREADS.record(out, [], threads as f64);
        self.known = known;
        self.busiest = seconds.map(|_| busiest);
        Ok(())
    }
}

/// Puts a process into its place among the busiest, if it has one; of equally busy ones the larger comes first.
fn insert(
    busiest: &mut Vec<ProcessRow>,
    pid: u32,
    name: &str,
    cpu_percent: f64,
    memory_bytes: u64,
) {
    let cpu_percent = round(cpu_percent, 1);
    let place = busiest
        .partition_point(|row| (row.cpu_percent, row.memory_bytes) >= (cpu_percent, memory_bytes));
    if place < BUSIEST {
        busiest.insert(
            place,
            ProcessRow {
                name: name.to_owned(),
                pid,
                cpu_percent,
                memory_bytes,
            },
        );
        busiest.truncate(BUSIEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_parentheses_and_blanks() {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194304 118 0 0 0 70 30 0 0 20 0 3 0 139936 3133440 393 18446744073709551615 1\n";
        let stat = parse(text).unwrap();
        assert_eq!(stat.name, "a) b (c");
        assert_eq!((stat.ticks, stat.threads), (100, 3));
        assert_eq!((stat.started, stat.resident_pages), (139_936, 393));
        assert_eq!(parse("42 (cut off) S 1 2"), None);
    }

    #[test]
    fn the_busiest_come_first_and_are_five() {
        let mut busiest = Vec::new();
        for (pid, cpu, memory) in [
            (1, 0.0, 900),
            (2, 50.0, 1),
            (3, 0.0, 100),
            (4, 99.5, 1),
            (5, 0.0, 500),
            (6, 0.0, 700),
            (7, 50.0, 2),
        ] {
            insert(&mut busiest, pid, "p", cpu, memory);
        }
        let pids: Vec<_> = busiest.iter().map(|row| row.pid).collect();
        assert_eq!(pids, [4, 7, 2, 1, 6]);
    }
}
