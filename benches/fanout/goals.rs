//! What tickwire is meant to reach, against what was measured.

use std::fmt::Write as _;

use crate::{
    cases::{DELAY_CLIENTS, Setup},
    numbers::thousands,
    options::Case,
    plan::{Kind, Outcome},
    report::{Report, cpu, floor_of, number, p99_ms},
    stats::Spread,
};

/// An interval that reaches beyond this ratio does not tell that nothing became slower.
const TELLING: f64 = 1.5;

/// A goal that was measured.
struct Goal {
    what: String,
    measured: String,
    wanted: String,
    /// Whether it is reached, and whether the aim beyond it is; some have only one of them, and with neither nothing can
    /// be said.
    met: Option<bool>,
    aim: Option<bool>,
}

/// All goals as a table.
pub fn table(report: &Report) -> String {
    let fan = report.setups(Case::Fan);
    let ours = |kind, samples| {
        let of = move |s: &&Setup| s.server == kind && s.samples == samples;
        fan.iter().filter(of).copied().collect::<Vec<_>>()
    };
    let mut goals = Vec::new();
    let mut missing = Vec::new();
    let mut take = |name: &'static str, found: Vec<Goal>| {
        if found.is_empty() {
            missing.push(name);
        }
        goals.extend(found);
    };
    let sse = ours(Kind::TickwireSse, 1);
    let below = |s: &Setup| below_others(report, *s, "CPU an event", cpu);
    let together = report.setups(Case::Together).into_iter();
    let together = together.filter(|s| s.server == Kind::TickwireSse);
    let few: Vec<Setup> = together.collect();
    // Where servers were measured together they are compared there: it tells apart what differs by a few microseconds.
    let many = |s: &&Setup| !few.iter().any(|few| few.clients == s.clients);
    let compared = few.iter().chain(sse.iter().filter(many));
    take("CPU an event", compared.flat_map(below).collect());
    let many = ours(Kind::TickwireSse, 30);
    let many = many.into_iter().filter_map(|s| many_samples(report, s));
    take("CPU a sample, 30 in a tick", many.collect());
    let delay = |s: &&Setup| s.clients == DELAY_CLIENTS;
    let delays = sse.iter().filter(delay);
    let below = |s: &Setup| below_others(report, *s, "p99 delay", p99_ms);
    take(
        "p99 delay at 5,000 clients",
        delays.flat_map(below).collect(),
    );
    let memory = sse.last().and_then(|s| memory(report, *s));
    take("memory of an idle connection", memory.into_iter().collect());
    take("distinct views", distinct(report).into_iter().collect());
    let sockets = ours(Kind::TickwireWs, 1).into_iter();
    let sockets = sockets.filter_map(|s| {
        let to = Setup {
            server: Kind::TickwireSse,
            ..s
        };
        let ratio = report.ratio(s, to, cpu);
        at_most(
            format!(
                "WebSocket to SSE, CPU an event, {} clients",
                thousands(s.clients as f64)
            ),
            ratio,
            1.5,
            Some(1.2),
            "×",
        )
    });
    take("WebSocket to SSE", sockets.collect());
    take("stalled clients", stalled(report).into_iter().collect());

    let mut out = "| goal | measured | wanted | |\n|---|---:|---|---|\n".to_owned();
    for Goal {
        what,
        measured,
        wanted,
        met,
        aim,
    } in goals
    {
        let verdict = match (met, aim) {
            (Some(false), _) => "**missed**",
            (Some(true), Some(false)) => "met, the aim is not",
            (None, Some(false)) => "the aim is missed",
            (None, None) => "undecided: too much noise",
            _ => "met",
        };
        let _ = writeln!(out, "| {what} | {measured} | {wanted} | {verdict} |");
    }
    for name in missing {
        let _ = writeln!(out, "| {name} | not measured | | |");
    }
    out
}

/// Less than each of the others' in the same turn, and at best 1.3 times the floor's.
fn below_others(
    report: &Report,
    setup: Setup,
    what: &str,
    figure: fn(&Outcome) -> f64,
) -> Vec<Goal> {
    let clients = thousands(setup.clients as f64);
    let mut goals: Vec<Goal> = Vec::new();
    for server in Kind::OTHERS {
        let Some(ratio) = report.ratio(setup, Setup { server, ..setup }, figure) else {
            continue;
        };
        goals.push(Goal {
            what: format!("{what}, {clients} clients, to {}", server.name()),
            measured: format!("{} ×", number(Some(ratio))),
            wanted: "below 1 ×".to_owned(),
            met: Some(ratio.median < 1.0),
            aim: None,
        });
    }
    if let Some(ratio) = report.ratio(setup, floor_of(setup), figure) {
        goals.push(Goal {
            what: format!("{what}, {clients} clients, to the floor"),
            measured: format!("{} ×", number(Some(ratio))),
            wanted: "aim 1.3 ×".to_owned(),
            met: None,
            aim: Some(ratio.median <= 1.3),
        });
    }
    goals
}

/// A sample among 30 against the floor's write for one.
fn many_samples(report: &Report, setup: Setup) -> Option<Goal> {
    let to = Setup {
        samples: 1,
        ..floor_of(setup)
    };
    let what = format!(
        "CPU a sample, 30 in a tick, to the floor's write, {} clients",
        thousands(setup.clients as f64)
    );
    at_most(what, report.ratio(setup, to, cpu), 0.08, Some(0.05), "×")
}

fn memory(report: &Report, setup: Setup) -> Option<Goal> {
    let what = format!(
        "memory of an idle connection, {} clients",
        thousands(setup.clients as f64)
    );
    at_most(
        what,
        report.figure(setup, |o| o.memory.idle),
        10.0,
        Some(7.0),
        "KiB",
    )
}

/// A view of its own for each against one for all.
fn distinct(report: &Report) -> Option<Goal> {
    let setups = report.setups(Case::Views);
    let most = setups
        .iter()
        .filter(|s| s.views > 1)
        .max_by_key(|s| s.views)?;
    let to = Setup { views: 1, ..*most };
    let what = format!(
        "{} views to one, CPU an event, {} clients",
        thousands(most.views as f64),
        thousands(most.clients as f64)
    );
    at_most(what, report.ratio(*most, to, cpu), 3.0, Some(2.0), "×")
}

/// Not slower for the others, as far as the pairs can tell.
fn stalled(report: &Report) -> Option<Goal> {
    let setups = report.setups(Case::Stalled);
    let with = setups.iter().find(|s| s.stalled > 0)?;
    let without = Setup {
        stalled: 0,
        ..*with
    };
    let ratio = report.interval(*with, without, p99_ms)?;
    Some(Goal {
        what: format!(
            "p99 delay of the others with {} stalled to without, {} clients",
            with.stalled,
            thousands(with.clients as f64)
        ),
        measured: format!("{} × (mean and 95 % interval)", number(Some(ratio))),
        wanted: "1 within the interval, or above it".to_owned(),
        met: (ratio.min > 1.0 || ratio.max <= TELLING).then_some(ratio.min <= 1.0),
        aim: None,
    })
}

fn at_most(
    what: String,
    found: Option<Spread>,
    most: f64,
    aim: Option<f64>,
    unit: &str,
) -> Option<Goal> {
    let found = found?;
    let aimed = aim.map_or(String::new(), |aim| format!(", aim {aim}"));
    Some(Goal {
        what,
        measured: format!("{} {unit}", number(Some(found))),
        wanted: format!("at most {most}{aimed} {unit}"),
        met: Some(found.median <= most),
        aim: aim.map(|aim| found.median <= aim),
    })
}
