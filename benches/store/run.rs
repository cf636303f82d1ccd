//! The whole of it: one case after the other, a table for each.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    cases::{disk, ingest, memory, query},
    data::{DataSet, recording, synthetic},
    machine::{self, Machine},
    measure,
    options::{Case, Options},
    stores::{self, Store},
};

/// Makes the synthetic sets.
const SEED: u64 = 4;
/// The series of the queries.
const QUERIED: usize = 50;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let options = Options::read();
    let Some(cpus) = machine::two_cpus() else {
        println!("store: skipped: it needs two CPUs, one for the server and one for the load");
        return ExitCode::SUCCESS;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-peers");
    let (stores, skipped) = stores::all(&folder, |name| options.wants(name));
    for why in skipped {
        println!("skipped: {why}");
    }
    if stores.is_empty() {
        return ExitCode::SUCCESS;
    }
    let machine = Machine::look(&[]);
    match measure_all(&options, &machine, &stores, cpus) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("\na store did not give back what it got: see above");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; whether all stores gave back what they got.
fn measure_all(
    options: &Options,
    machine: &Machine,
    stores: &[Box<dyn Store>],
    cpus: (usize, usize),
) -> anyhow::Result<bool> {
    let (begun, busy) = (Instant::now(), measure::busy_seconds());
    let mut good = true;
    let has = |case| options.cases.contains(&case);
    println!(
        "{} CPUs ({}), {} MiB of memory, Linux {}; {}; load average before: {}.",
        machine.cpus,
        machine.cpu,
        machine.memory_mib,
        machine.kernel,
        machine.versions.join(", "),
        machine.load
    );
    if has(Case::Disk) {
        let (table, equal) = disk::run(stores, &sets(options)?)?;
        print!("{table}");
        good &= equal;
    }
    if has(Case::Query) {
        let data = synthetic::make(QUERIED, (options.days * 86_400.0) as usize, SEED);
        print!("{}", query::run(stores, &data, options.runs)?);
    }
    if has(Case::Ingest) {
        let data = fresh(options.series, options.requests)?;
        let (table, equal) = ingest::run(stores, &data, options.rounds, cpus)?;
        print!("{table}");
        good &= equal;
    }
    if has(Case::Memory) {
        let data = fresh(options.series, options.before + options.seconds)?;
        print!("{}", memory::run(stores, &data, options.before)?);
    }
    let (seconds, busy) = (
        begun.elapsed().as_secs_f64(),
        measure::busy_seconds() - busy,
    );
    println!("\n{seconds:.0} s, in which the machine's CPUs worked {busy:.0} s.");
    Ok(good)
}

/// The sets of the case disk.
fn sets(options: &Options) -> anyhow::Result<Vec<DataSet>> {
    let recorded = match &options.recording {
        Some(file) => recording::read(file)?,
        None => recording::live(Duration::from_secs_f64(options.minutes * 60.0))?,
    };
    let (first, last) = recorded.span_ms();
    let short = last - first < i64::from(options.stretch) * 3_600_000;
    let stretched = short.then(|| recorded.stretched(options.stretch));
    let seconds = (options.synthetic_minutes * 60.0) as usize;
    let made = synthetic::make(options.series, seconds, SEED);
    Ok([Some(recorded), stretched, Some(made)]
        .into_iter()
        .flatten()
        .collect())
}

/// A synthetic set that ends now, as what is pushed does.
fn fresh(series: usize, batches: usize) -> anyhow::Result<DataSet> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(synthetic::make(series, batches, SEED).ending(now.as_millis() as i64))
}
