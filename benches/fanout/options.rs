//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::plan::Kind;

/// What is asked of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// Everybody reads everything.
    Fan,
    /// The same with few clients, all servers at once and their ticks in turn.
    Together,
    /// Clients with different filters.
    Views,
    /// One client in a hundred does not read.
    Stalled,
    /// Clients come and go.
    Churn,
}

/// Measures what it costs to put an event in front of many viewers, for tickwire and for others.
#[derive(Parser, Debug)]
#[command(name = "fanout")]
pub struct Options {
    /// How often each is measured, in turn with the others
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// How many clients the case fan has, one after the other
    #[arg(long, value_delimiter = ',', default_value = "1000,5000")]
    pub clients: Vec<usize>,
    /// How many samples a tick has in the case fan, one after the other
    #[arg(long, value_delimiter = ',', default_value = "1,30")]
    pub samples: Vec<u32>,
    /// The servers
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::ALL)]
    pub servers: Vec<Kind>,
    /// The cases
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Case::value_variants().to_vec())]
    pub cases: Vec<Case>,
    /// Pairs of runs with and without stalled clients
    #[arg(long, default_value_t = 10)]
    pub pairs: u32,
    /// Ticks a second
    #[arg(long, default_value_t = 5.0)]
    pub rate: f64,
    /// How long ticks come at that rate in each run, in seconds
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// How many clients each server of the case together has, one after the other
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    pub few: Vec<usize>,
    /// Clients of the cases views, stalled and churn
    #[arg(long, default_value_t = 1000)]
    pub crowd: usize,
    /// 100, 1,000, 5,000 and 9,000 clients: as thorough as it gets in less than 45 minutes
    #[arg(long, conflicts_with = "clients")]
    pub full: bool,
    /// Seconds instead of minutes: whether every client of every server gets every event once, and nothing else
    #[arg(long)]
    pub quick: bool,
    /// Writes everything that was measured, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Puts the tables into a Markdown file, between its two marks
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// What was asked for.
    pub fn read() -> Self {
        let mut options = Self::parse();
        // `cargo test --all-targets` runs it without a word: nobody wants to wait for minutes there.
        if !options.bench && std::env::args().len() == 1 {
            options.quick = true;
        }
        if options.full {
            options.clients = vec![100, 1000, 5000, 9000];
        }
        if options.quick {
            options.rounds = 1;
            options.clients = vec![40];
            options.few = vec![40];
            options.samples = vec![1, 30];
            options.crowd = 40;
            options.pairs = 1;
            options.rate = 20.0;
            options.seconds = 0.5;
        }
        options.servers.sort();
        options.servers.dedup();
        options
    }
}
