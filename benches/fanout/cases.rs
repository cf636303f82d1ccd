//! The runs that cases consist of, and their order: servers take turns, so that what changes on the machine meets all.

use serde::Serialize;

use crate::{
    options::{Case, Options},
    plan::{Kind, Outcome},
};

/// The clients of which one stalls.
const STALL_EVERY: usize = 100;
/// Clients that come, and as many that go, in a second.
const CHURN: u32 = 200;

/// The number of clients with which delays are compared, one sample a tick.
pub const DELAY_CLIENTS: usize = 5000;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Setup {
    pub case: Case,
    pub clients: usize,
    pub samples: u32,
    pub views: usize,
    pub stalled: usize,
    pub churn: u32,
    pub server: Kind,
}

/// A run and what it found.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    #[serde(flatten)]
    pub setup: Setup,
    pub turn: u32,
    pub outcome: Outcome,
}

/// Servers that run at the same time; one of them, but for the case together.
#[derive(Clone, Debug)]
pub struct Run {
    /// What has the same number can be compared.
    pub turn: u32,
    pub setups: Vec<Setup>,
}

/// The runs of all rounds, in order.
pub fn runs(options: &Options) -> Vec<Run> {
    let mut runs = Vec::new();
    for round in 0..options.rounds {
        let mut servers = options.servers.clone();
        let turn = round as usize % servers.len().max(1);
        servers.rotate_left(turn);
        for case in &options.cases {
            let of_round = match case {
                Case::Fan => fan(options, &servers),
                Case::Views => views(options, &servers),
                Case::Churn => churn(options, &servers),
                Case::Together => {
                    runs.extend(together(options, &servers, round));
                    continue;
                }
                Case::Stalled => continue,
            };
            runs.extend(of_round.into_iter().map(|setup| alone(round, setup)));
        }
    }
    if options.cases.contains(&Case::Stalled) && options.servers.contains(&Kind::TickwireSse) {
        runs.extend((0..options.pairs).flat_map(|pair| stalled(options, pair)));
    }
    runs
}

fn alone(turn: u32, setup: Setup) -> Run {
    let setups = vec![setup];
    Run { turn, setups }
}

fn setup(case: Case, clients: usize, server: Kind) -> Setup {
    Setup {
        case,
        clients,
        samples: 1,
        views: 1,
        stalled: 0,
        churn: 0,
        server,
    }
}

fn fan(options: &Options, servers: &[Kind]) -> Vec<Setup> {
    let mut runs = Vec::new();
    for clients in &options.clients {
        for samples in &options.samples {
            runs.extend(servers.iter().map(|server| Setup {
                samples: *samples,
                ..setup(Case::Fan, *clients, *server)
            }));
        }
    }
    runs
}

fn together(options: &Options, servers: &[Kind], round: u32) -> Vec<Run> {
    let run = |clients: &usize| {
        let one = |server: &Kind| setup(Case::Together, *clients, *server);
        Run {
            turn: round,
            setups: servers.iter().map(one).collect(),
        }
    };
    options.few.iter().map(run).collect()
}

/// Only tickwire has filters; the floor is there to compare with.
fn views(options: &Options, servers: &[Kind]) -> Vec<Setup> {
    let mut runs = Vec::new();
    for server in servers {
        let of_server: &[usize] = match server {
            Kind::Floor => &[1],
            Kind::TickwireSse => &[1, 10, options.crowd],
            _ => &[],
        };
        runs.extend(of_server.iter().map(|views| Setup {
            views: *views,
            ..setup(Case::Views, options.crowd, *server)
        }));
    }
    runs
}

fn churn(options: &Options, servers: &[Kind]) -> Vec<Setup> {
    let one = |server: &Kind| Setup {
        churn: CHURN,
        ..setup(Case::Churn, options.crowd, *server)
    };
    servers.iter().map(one).collect()
}

/// A pair: with and without, in an order that alternates.
fn stalled(options: &Options, pair: u32) -> [Run; 2] {
    let without = Setup {
        samples: 30,
        ..setup(Case::Stalled, options.crowd, Kind::TickwireSse)
    };
    let with = Setup {
        stalled: options.crowd.div_ceil(STALL_EVERY),
        ..without
    };
    let pair_of = |a, b| [alone(pair, a), alone(pair, b)];
    if pair.is_multiple_of(2) {
        pair_of(without, with)
    } else {
        pair_of(with, without)
    }
}
