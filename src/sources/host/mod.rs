//! The machine itself: one file a sensor.
//!
//! A sensor that fails does not stop the others, and what a machine does not have is no fault. On Linux the figures come
//! from /proc; elsewhere from sysinfo, which knows fewer of them.

// The parsers of /proc are compiled everywhere, for their declarations, and used on Linux only.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

use std::{sync::Arc, thread, time::Duration, time::Instant};

use super::{Fault, Reading, SampleError, Samples, Source, metric::MetricDoc, recorder::Recorder};
use crate::model::{HostName, Timestamp};
use filesystems::Filesystems;
use processes::Processes;
use temperature::Temperature;

pub mod clock;
pub mod cpu;
pub mod disk;
pub mod filesystems;
mod kernel_stat;
pub mod limits;
pub mod load;
pub mod memory;
mod mounts;
pub mod network;
pub mod paging;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
pub mod pressure;
pub mod processes;
mod rates;
pub mod scheduler;
pub mod tcp;
pub mod temperature;
mod text_file;
pub mod uptime;

/// What each sensor records, in reading order.
pub const SENSORS: &[(&str, &[MetricDoc])] = &[
    ("cpu", cpu::METRICS),
    ("scheduler", scheduler::METRICS),
    ("load", load::METRICS),
    ("memory", memory::METRICS),
    ("paging", paging::METRICS),
    ("pressure", pressure::METRICS),
    ("disk", disk::METRICS),
    ("filesystems", filesystems::METRICS),
    ("network", network::METRICS),
    ("tcp", tcp::METRICS),
    ("processes", processes::METRICS),
    ("limits", limits::METRICS),
    ("temperature", temperature::METRICS),
    ("uptime", uptime::METRICS),
    ("clock", clock::METRICS),
];

/// Between the two readings that the first rates are made of.
const BASELINE: Duration = Duration::from_millis(200);
/// Temperatures change slowly, and some of their sensors answer slowly.
const TEMPERATURES_INTERVAL: Duration = Duration::from_secs(5);

/// One thing that can be measured each time.
trait Sensor: Send {
    /// Its name in faults.
    fn name(&self) -> &'static str;

    /// Records what it measures. What it recorded before an error stands.
    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError>;
}

/// How to measure the machine.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The host that its series carry.
    pub name: HostName,
    /// Between two walks over all processes; 5 s is usual.
    pub processes_interval: Duration,
    /// Between two rounds over all file systems; 10 s is usual.
    pub filesystems_interval: Duration,
}

/// When something is due that is done less often than sampled.
#[derive(Debug)]
struct Cadence {
    interval: Duration,
    next: Option<Timestamp>,
}

impl Cadence {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: None,
        }
    }

    /// Whether it is due at `now`. A twentieth of the interval early is on time, so that a late call does not put all
    /// later ones off by a whole sample.
    fn due(&mut self, now: Timestamp) -> bool {
        let due = self
            .next
            .is_none_or(|next| now.plus(self.interval / 20) >= next);
        if due {
            let planned = self.next.unwrap_or(now).plus(self.interval);
            self.next = Some(planned.max(now.plus(self.interval / 2)));
        }
        due
    }
}

/// The machine that the program runs on.
pub struct HostSource {
    sensors: Vec<Box<dyn Sensor>>,
    steady: Recorder,
    temperature: (Cadence, Temperature, Recorder),
    processes: (Cadence, Processes, Recorder),
    filesystems: (Cadence, Filesystems, Recorder),
    has_baseline: bool,
    /// Sensors that could not be made.
    missing: Vec<Fault>,
}

impl HostSource {
    /// Nothing is measured yet. The first sample takes 200 ms, because a rate needs two readings.
    pub fn new(options: HostOptions) -> Self {
        let recorder = || Recorder::new(options.name.clone(), &[]);
        let mut missing = Vec::new();
        Self {
            sensors: sensors(&mut missing),
            steady: recorder(),
            temperature: (
                Cadence::new(TEMPERATURES_INTERVAL),
                Temperature::new(),
                recorder(),
            ),
            processes: (
                Cadence::new(options.processes_interval),
                Processes::new(),
                recorder(),
            ),
            filesystems: (
                Cadence::new(options.filesystems_interval),
                Filesystems::new(Arc::new(filesystems::ask)),
                recorder(),
            ),
            has_baseline: false,
            missing,
        }
    }

    /// Reads all counters once, so that the reading after has rates, and begins the first round over file systems.
    fn take_baseline(&mut self, now: Timestamp) {
        let mut nowhere = self.steady.clone();
        for sensor in &mut self.sensors {
            // What fails here fails again in a moment, when it is reported.
            let _ = sensor.sample(&mut nowhere);
        }
        if cfg!(target_os = "linux") {
            let _ = self.processes.1.sample(&mut nowhere);
        }
        let _ = self.begin_filesystems(now);
        self.has_baseline = true;
        thread::sleep(BASELINE);
    }

    fn begin_filesystems(&mut self, now: Timestamp) -> Result<(), SampleError> {
        let (cadence, filesystems, _) = &mut self.filesystems;
        if cadence.due(now) {
            filesystems.begin(mounts()?)?;
        }
        Ok(())
    }
}

impl Source for HostSource {
    fn sample(&mut self, now: Timestamp) -> Result<Reading, SampleError> {
        if !self.has_baseline {
            self.take_baseline(now);
        }
        let mut reading = Reading {
            faults: self.missing.clone(),
            ..Reading::default()
        };
        for sensor in &mut self.sensors {
            let result = sensor.sample(&mut self.steady);
            reading.note(sensor.name(), result);
        }
        reading.add(&mut self.steady, None);

        let (cadence, temperature, recorder) = &mut self.temperature;
        if cadence.due(now) {
            reading.note(temperature.name(), temperature.sample(recorder));
            reading.add(recorder, Some(cadence.interval));
        }

        let (cadence, processes, recorder) = &mut self.processes;
        if cfg!(target_os = "linux") && cadence.due(now) {
            reading.note(processes.name(), processes.sample(recorder));
            reading.add(recorder, Some(cadence.interval));
            reading.processes = processes.take_busiest();
        }

        let begun = self.begin_filesystems(now);
        reading.note("filesystems", begun);
        let (cadence, filesystems, recorder) = &mut self.filesystems;
        let collected = filesystems.collect(Instant::now(), recorder);
        reading.note("filesystems", collected);
        reading.add(recorder, Some(cadence.interval));

        match reading.faults.first() {
            Some(fault) if reading.batches.is_empty() => Err(SampleError::Nothing {
                part: fault.part,
                message: fault.message.clone(),
            }),
            _ => Ok(reading),
        }
    }
}

impl Reading {
    fn note(&mut self, part: &'static str, result: Result<(), SampleError>) {
        if let Err(error) = result {
            self.faults.push(Fault::new(part, &error));
        }
    }

    /// Adds what was recorded, if anything was.
    fn add(&mut self, recorder: &mut Recorder, interval: Option<Duration>) {
        if let Some(refused) = recorder.take_refused() {
            self.faults.push(Fault::new("labels", &refused));
        }
        if !recorder.is_empty() {
            let (layout, values) = recorder.finish();
            self.batches.push(Samples {
                layout,
                values,
                interval,
            });
        }
    }
}

#[cfg(target_os = "linux")]
fn sensors(_missing: &mut Vec<Fault>) -> Vec<Box<dyn Sensor>> {
    vec![
        Box::new(cpu::Cpu::new()),
        Box::new(load::Load::new()),
        Box::new(memory::Memory::new()),
        Box::new(paging::Paging::new()),
        Box::new(pressure::Pressure::new()),
        Box::new(disk::Disk::new()),
        Box::new(network::Network::new()),
        Box::new(tcp::Tcp::new()),
        Box::new(limits::Limits::new()),
        Box::new(uptime::Uptime),
        Box::new(clock::Clock::new()),
    ]
}

#[cfg(target_os = "linux")]
fn mounts() -> Result<Vec<mounts::Mount>, SampleError> {
    let mut file = text_file::TextFile::new("/proc/self/mountinfo");
    Ok(mounts::parse(file.read()?))
}

#[cfg(not(target_os = "linux"))]
fn sensors(missing: &mut Vec<Fault>) -> Vec<Box<dyn Sensor>> {
    portable_sensors(missing)
}

#[cfg(not(target_os = "linux"))]
use portable::mounts;

#[cfg(any(not(target_os = "linux"), test))]
fn portable_sensors(missing: &mut Vec<Fault>) -> Vec<Box<dyn Sensor>> {
    let mut sensors: Vec<Box<dyn Sensor>> =
        vec![Box::new(load::Load::new()), Box::new(uptime::Uptime)];
    let mut add = |part, made: Result<Box<dyn Sensor>, SampleError>| match made {
        Ok(sensor) => sensors.push(sensor),
        Err(error) => missing.push(Fault::new(part, &error)),
    };
    add("basics", portable::Basics::new().map(|s| Box::new(s) as _));
    add(
        "disk",
        portable::PortableDisks::new().map(|s| Box::new(s) as _),
    );
    add(
        "network",
        portable::PortableNetwork::new().map(|s| Box::new(s) as _),
    );
    sensors
}

#[cfg(test)]
mod tests;
