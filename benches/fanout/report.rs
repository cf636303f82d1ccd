//! What was measured, as tables for people and as JSON for programs.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    cases::{Record, Setup},
    goals,
    machine::Machine,
    numbers::thousands,
    options::Case,
    plan::{Kind, Outcome},
    stats::{Spread, ratio_interval, spread},
};

/// Between these marks a Markdown file gets the tables.
const BEGIN: &str = "<!-- fanout: made by `cargo bench --bench fanout -- --markdown docs/performance.md`; do not edit -->\n";
const END: &str = "<!-- /fanout -->";

/// Foreign work above this share of the machine makes a run doubtful.
const QUIET: f64 = 0.05;

/// Everything that was measured.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub rounds: u32,
    /// Ticks a second.
    pub rate: f64,
    pub minutes: f64,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
    /// Runs that broke off.
    pub failed: Vec<String>,
    pub records: Vec<Record>,
}

impl Report {
    /// A figure of all turns of a setup.
    pub fn figure(&self, setup: Setup, figure: fn(&Outcome) -> f64) -> Option<Spread> {
        spread(self.turns_of(setup).map(|r| figure(&r.outcome)))
    }

    /// The same, divided by that of another setup in the same turn.
    pub fn ratio(&self, setup: Setup, to: Setup, figure: fn(&Outcome) -> f64) -> Option<Spread> {
        spread(self.ratios(setup, to, figure))
    }

    /// The geometric mean and the 95 % interval of those ratios.
    pub fn interval(&self, setup: Setup, to: Setup, figure: fn(&Outcome) -> f64) -> Option<Spread> {
        ratio_interval(&self.ratios(setup, to, figure))
    }

    fn ratios(&self, setup: Setup, to: Setup, figure: fn(&Outcome) -> f64) -> Vec<f64> {
        let ratio = |record: &Record| {
            let mut others = self.turns_of(to);
            let other = others.find(|other| other.turn == record.turn)?;
            Some(figure(&record.outcome) / figure(&other.outcome))
        };
        self.turns_of(setup).filter_map(ratio).collect()
    }

    fn turns_of(&self, setup: Setup) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |r| r.setup == setup)
    }

    /// The setups of a case, in the order of the tables.
    pub fn setups(&self, case: Case) -> Vec<Setup> {
        let of_case = self.records.iter().filter(|r| r.setup.case == case);
        let setups: BTreeMap<Setup, ()> = of_case.map(|r| (r.setup, ())).collect();
        setups.into_keys().collect()
    }

    /// The report for people.
    pub fn markdown(&self) -> String {
        let mut out = self.about();
        for (case, title) in [
            (Case::Fan, "Everybody reads everything"),
            (Case::Together, "Few clients, all servers at once"),
            (Case::Views, "Different filters"),
            (Case::Churn, "200 come and 200 go in a second"),
            (Case::Stalled, "One in a hundred does not read"),
        ] {
            let setups = self.setups(case);
            if setups.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n### {title}\n");
            self.costs(&mut out, &setups);
            if case == Case::Fan {
                out += "\n### Memory and arrival\n\n";
                self.memory(&mut out, &setups);
            }
        }
        out += "\n### Goals\n\n";
        out += &goals::table(self);
        out
    }

    fn about(&self) -> String {
        let machine = &self.machine;
        let mut out = format!(
            "{} CPUs ({}), {} MiB of memory, Linux {}; {}. rounds: {}, {:.0} minutes, {} ticks a second; load average before: {}.\n",
            machine.cpus,
            machine.cpu,
            machine.memory_mib,
            machine.kernel,
            machine.versions.join(", "),
            self.rounds,
            self.minutes,
            self.rate,
            machine.load,
        );
        if !machine.optimised {
            out += "\n**A build without optimisation: the numbers mean nothing.**\n";
        }
        let foreign = self
            .records
            .iter()
            .filter(|r| r.outcome.foreign_share > QUIET);
        let foreign = foreign.count();
        if foreign > 0 {
            let _ = writeln!(
                out,
                "\n**The machine was not quiet: in {foreign} of {} runs others used more than {:.0} % of it.**",
                self.records.len(),
                QUIET * 100.0
            );
        }
        for why in &self.skipped {
            let _ = writeln!(out, "\nSkipped: {why}.");
        }
        for why in &self.failed {
            let _ = writeln!(out, "\nFailed: {why}.");
        }
        out
    }

    fn costs(&self, out: &mut String, setups: &[Setup]) {
        out.push_str("| clients | samples a tick | server | CPU µs an event | × floor | p50 ms | p99 ms | × floor | p99.9 ms | max ms | events/s at most | late ticks | lost, doubled, broken |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for setup in setups {
            let of = |figure| self.figure(*setup, figure);
            let to_floor = |figure| match setup.server {
                Kind::Floor => None,
                _ => self.ratio(*setup, floor_of(*setup), figure),
            };
            let cells = [
                thousands(setup.clients as f64),
                setup.samples.to_string(),
                name(setup),
                number(of(cpu)),
                number(to_floor(cpu)),
                number(of(|o| o.latency.p50 / 1e3)),
                number(of(p99_ms)),
                number(to_floor(p99_ms)),
                number(of(|o| o.latency.p999 / 1e3)),
                number(of(|o| o.latency.max / 1e3)),
                of(|o| o.saturated.events_per_second)
                    .filter(|s| s.median > 0.0)
                    .map_or(String::new(), |s| thousands(s.median)),
                self.share_late(*setup),
                self.faults(*setup),
            ];
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }

    fn memory(&self, out: &mut String, setups: &[Setup]) {
        out.push_str("| clients | samples a tick | server | KiB a connection, idle | after traffic | kernel, both ends | all connected after s | bytes read an event |\n|---:|---:|---|---:|---:|---:|---:|---:|\n");
        for setup in setups {
            let of = |figure| number(self.figure(*setup, figure));
            let cells = [
                thousands(setup.clients as f64),
                setup.samples.to_string(),
                name(setup),
                of(|o| o.memory.idle),
                of(|o| o.memory.used),
                of(|o| o.memory.kernel),
                of(|o| o.accept_seconds),
                of(|o| o.bytes_per_event),
            ];
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }

    fn share_late(&self, setup: Setup) -> String {
        let sum = |what: fn(&Outcome) -> u32| -> u32 {
            self.turns_of(setup).map(|r| what(&r.outcome)).sum()
        };
        format!("{} of {}", sum(|o| o.late_ticks), sum(|o| o.paced.ticks))
    }

    fn faults(&self, setup: Setup) -> String {
        let sum = |what: fn(&Outcome) -> u64| -> u64 {
            self.turns_of(setup).map(|r| what(&r.outcome)).sum()
        };
        let (lost, doubled) = (sum(|o| o.lost), sum(|o| o.doubled));
        let broken = sum(|o| o.broken + o.refused);
        format!("{lost}, {doubled}, {broken}")
    }

    /// Writes the files that were asked for.
    pub fn write(&self, json: Option<&Path>, markdown: Option<&Path>) -> anyhow::Result<()> {
        if let Some(file) = json {
            let text = serde_json::to_string_pretty(self)? + "\n";
            std::fs::write(file, text).with_context(|| file.display().to_string())?;
        }
        if let Some(file) = markdown {
            let name = file.display();
            let page = std::fs::read_to_string(file).with_context(|| name.to_string())?;
            let (before, rest) = page
                .split_once(BEGIN)
                .with_context(|| format!("{name} has no {BEGIN}"))?;
            let (_, after) = rest
                .split_once(END)
                .with_context(|| format!("{name} has no {END}"))?;
            let page = format!("{before}{BEGIN}\n{}\n{END}{after}", self.markdown());
            std::fs::write(file, page).with_context(|| name.to_string())?;
        }
        Ok(())
    }
}

/// CPU time of the server for an event, in microseconds.
pub fn cpu(outcome: &Outcome) -> f64 {
    outcome.paced.cpu_us_per_event
}

/// The 99th percentile of the delays, in milliseconds.
pub fn p99_ms(outcome: &Outcome) -> f64 {
    outcome.latency.p99 / 1e3
}

/// The floor under the same load.
pub fn floor_of(setup: Setup) -> Setup {
    Setup {
        server: Kind::Floor,
        views: 1,
        ..setup
    }
}

fn name(setup: &Setup) -> String {
    let name = setup.server.name();
    match (setup.case, setup.views, setup.stalled) {
        (Case::Views, 1, _) => format!("{name}, one view"),
        (Case::Views, views, _) => format!("{name}, {} views", thousands(views as f64)),
        (Case::Stalled, _, 0) => format!("{name}, none stalled"),
        (Case::Stalled, _, stalled) => format!("{name}, {stalled} stalled"),
        _ => name.to_owned(),
    }
}

/// "1.23 (1.20–1.31)"; nothing if there is nothing.
pub fn number(spread: Option<Spread>) -> String {
    let Some(Spread { median, min, max }) = spread else {
        return String::new();
    };
    if min == max {
        return digits(median);
    }
    format!("{} ({}–{})", digits(median), digits(min), digits(max))
}

/// Three digits that count.
fn digits(number: f64) -> String {
    match number.abs() {
        n if n < 0.1 => format!("{number:.3}"),
        n if n < 10.0 => format!("{number:.2}"),
        n if n < 100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}
