//! The whole of it: one run after the other, then the report.

use std::{
    collections::BTreeSet,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    cases::{self, DELAY_CLIENTS, Record, Run, Setup},
    machine::{self, Machine},
    measure,
    options::{Case, Options},
    peers::nchan::Nchan,
    plan::{Kind, Outcome, Plan},
    report::Report,
    servers::{Server, Starter},
};

/// Files that a process needs beside one for each client.
const OTHER_FILES: usize = 200;
/// Memory for a connection at both ends, in KiB: more than any of the servers takes.
const CONNECTION_KIB: usize = 100;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let options = Options::read();
    machine::raise_files();
    let Some(cpus) = machine::two_cpus() else {
        println!("fanout: skipped: it needs two CPUs, one for the server and one for the load");
        return ExitCode::SUCCESS;
    };
    let mut machine = Machine::look(&["axum", "actix-web", "actix-web-lab", "tokio"]);
    let mut skipped = BTreeSet::new();
    let nchan = if options.servers.contains(&Kind::Nchan) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fanout-nchan");
        Nchan::get(&folder)
            .inspect(|nchan| machine.versions.push(nchan.version.clone()))
            .inspect_err(|error| {
                skipped.insert(format!("nchan: {error:#}"));
            })
            .ok()
    } else {
        None
    };
    let starter = Starter { cpus, nchan };
    let begun = Instant::now();
    let (mut records, mut failed) = (Vec::new(), Vec::new());
    let runs = cases::runs(&options);
    let number = runs.len();
    for (i, Run { turn, mut setups }) in runs.into_iter().enumerate() {
        setups.retain(|setup| setup.server != Kind::Nchan || starter.nchan.is_some());
        if setups.is_empty() {
            continue;
        }
        if let Some(why) = out_of_reach(&setups) {
            skipped.insert(why);
            continue;
        }
        match one(&starter, &options, &setups) {
            Ok(outcomes) => {
                for (setup, outcome) in setups.into_iter().zip(outcomes) {
                    let record = Record {
                        setup,
                        turn,
                        outcome,
                    };
                    println!("{}", line(&record, i + 1, number, begun.elapsed()));
                    records.push(record);
                }
            }
            Err(error) => {
                let names: Vec<&str> = setups.iter().map(|setup| setup.server.name()).collect();
                let clients = setups[0].clients;
                let why = format!("{} with {clients} clients: {error:#}", names.join(", "));
                println!("failed: {why}");
                failed.push(why);
            }
        }
    }
    let report = Report {
        machine,
        rounds: options.rounds,
        rate: options.rate,
        records,
        skipped: skipped.into_iter().collect(),
        failed,
        minutes: begun.elapsed().as_secs_f64() / 60.0,
    };
    if options.quick {
        return quick(&report);
    }
    print!("\n{}", report.markdown());
    if let Err(error) = report.write(options.json.as_deref(), options.markdown.as_deref()) {
        eprintln!("the report could not be written: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Why a run cannot be had on this machine.
fn out_of_reach(setups: &[Setup]) -> Option<String> {
    let clients = |s: &Setup| s.clients + s.stalled + s.churn as usize;
    let clients: usize = setups.iter().map(clients).sum();
    let files = machine::most_files();
    if (clients + OTHER_FILES) as u64 > files {
        return Some(format!(
            "{clients} clients: a process may open {files} files"
        ));
    }
    let (needed, there) = (clients * CONNECTION_KIB, measure::available_kib());
    if needed as u64 > there {
        let (needed, there) = (needed / 1024, there / 1024);
        return Some(format!(
            "{clients} clients: {there} MiB of memory, {needed} are needed"
        ));
    }
    None
}

fn one(starter: &Starter, options: &Options, setups: &[Setup]) -> anyhow::Result<Vec<Outcome>> {
    let start = |setup: &Setup| Ok((starter.start(setup.server)?, *setup));
    let servers: anyhow::Result<Vec<(Server, Setup)>> = setups.iter().map(start).collect();
    let servers = servers?;
    let plan = |(server, setup): &(Server, Setup)| plan(options, server, setup);
    let plans: Vec<Plan> = servers.iter().map(plan).collect();
    starter.load(&plans)
}

fn plan(options: &Options, server: &Server, setup: &Setup) -> Plan {
    // Stalled clients have to be full before the others are measured, and to stay it for longer than the time
    // (`stream.slow_after`) after which tickwire begins to leave samples out. Servers that run together are compared by
    // the milliseconds of their ticks, of which there have to be many.
    let (warmup, seconds) = match (setup.case, options.quick) {
        (Case::Stalled, false) => (100, options.seconds * 2.0),
        (Case::Together, false) => (5, options.seconds * 5.0),
        // Where delays are compared, one slow tick must be less than a hundredth of all.
        (Case::Fan, false) if (setup.clients, setup.samples) == (DELAY_CLIENTS, 1) => {
            (5, options.seconds * 6.0)
        }
        _ => (5, options.seconds),
    };
    Plan {
        server: setup.server,
        address: server.address,
        pids: server.pids.clone(),
        clients: setup.clients,
        stalled: setup.stalled,
        churn: setup.churn,
        views: setup.views,
        samples: setup.samples,
        rate: options.rate,
        warmup,
        ticks: (seconds * options.rate) as u32,
        paced_seconds: seconds * 1.5,
        saturated_seconds: match setup.case {
            Case::Together => 0.0,
            _ => options.seconds * 0.375,
        },
    }
}

/// A run in a line, while others are still to come.
fn line(record: &Record, i: usize, number: usize, elapsed: Duration) -> String {
    let Setup {
        case,
        clients,
        samples,
        views,
        stalled,
        server,
        ..
    } = record.setup;
    let outcome = &record.outcome;
    let beside = match (views, stalled) {
        (1, 0) => String::new(),
        (1, stalled) => format!(", {stalled} stalled"),
        (views, _) => format!(", {views} views"),
    };
    let faults = if outcome.is_complete() {
        String::new()
    } else {
        format!(
            "; INCOMPLETE: lost {}, doubled {}, broken {}, refused {}",
            outcome.lost, outcome.doubled, outcome.broken, outcome.refused
        )
    };
    format!(
        "[{i}/{number} {:.0} s] {case:?} {clients} x {samples}{beside}, {}: {:.2} us/event, p99 {:.2} ms, {:.0} events/s{faults}",
        elapsed.as_secs_f64(),
        server.name(),
        outcome.paced.cpu_us_per_event,
        outcome.latency.p99 / 1e3,
        outcome.saturated.events_per_second,
    )
}

/// Whether every client got every event once.
fn quick(report: &Report) -> ExitCode {
    for why in &report.skipped {
        println!("skipped: {why}");
    }
    let bad = report
        .records
        .iter()
        .filter(|r| !r.outcome.is_complete())
        .count();
    let good = report.records.len() - bad;
    let bad = bad + report.failed.len();
    println!("{good} runs in which every client got every event once, {bad} others");
    if bad > 0 || good == 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
