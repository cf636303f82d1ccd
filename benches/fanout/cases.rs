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
/// Fewer clients than this get events that are cheap to measure and hard to tell apart: a tick is a millisecond.
const FEW: usize = 1000;
/// So often in a round do servers take turns with few clients.
const TURNS: u32 = 4;

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

/// The runs of all rounds, in order, each with the number of its turn: what has the same number can be compared.
pub fn runs(options: &Options) -> Vec<(u32, Setup)> {
    let mut runs = Vec::new();
    for round in 0..options.rounds {
        let mut servers = options.servers.clone();
        let turn = round as usize % servers.len().max(1);
        servers.rotate_left(turn);
        let number = round * TURNS;
        for case in &options.cases {
            let of_round = match case {
                Case::Fan => {
                    runs.extend(fan(options, &servers, number));
                    continue;
                }
                Case::Views => views(options, &servers),
                Case::Churn => churn(options, &servers),
                Case::Stalled => continue,
            };
            runs.extend(of_round.into_iter().map(|setup| (number, setup)));
        }
    }
    if options.cases.contains(&Case::Stalled) && options.servers.contains(&Kind::TickwireSse) {
        runs.extend((0..options.pairs).flat_map(|pair| stalled(options, pair)));
    }
    runs
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

fn fan(options: &Options, servers: &[Kind], number: u32) -> Vec<(u32, Setup)> {
    let mut runs = Vec::new();
    for clients in &options.clients {
        let turns = if *clients < FEW && !options.quick {
            TURNS
        } else {
            1
        };
        for samples in &options.samples {
            for turn in 0..turns {
                let mut servers = servers.to_vec();
                let first = turn as usize % servers.len().max(1);
                servers.rotate_left(first);
                runs.extend(servers.into_iter().map(|server| {
                    let setup = Setup {
                        samples: *samples,
                        ..setup(Case::Fan, *clients, server)
                    };
                    (number + turn, setup)
                }));
            }
        }
    }
    runs
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
fn stalled(options: &Options, pair: u32) -> [(u32, Setup); 2] {
    let without = Setup {
        samples: 30,
        ..setup(Case::Stalled, options.crowd, Kind::TickwireSse)
    };
    let with = Setup {
        stalled: options.crowd.div_ceil(STALL_EVERY),
        ..without
    };
    let pair_of = |a, b| [(pair, a), (pair, b)];
    if pair.is_multiple_of(2) {
        pair_of(without, with)
    } else {
        pair_of(with, without)
    }
}
