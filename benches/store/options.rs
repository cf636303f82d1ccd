//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// Bytes a sample, settled.
    Disk,
    /// One series over a day, 50 over a week.
    Query,
    /// Samples a second, on one CPU.
    Ingest,
    /// Resident memory at a sample a second of each series.
    Memory,
}

/// Compares stores of metrics on the same samples.
#[derive(Parser, Debug)]
#[command(name = "store")]
pub struct Options {
    /// Only the stores whose names begin so: tickwire, VictoriaMetrics, Prometheus
    #[arg(long, value_delimiter = ',')]
    pub stores: Vec<String>,
    /// The cases
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Case::value_variants().to_vec())]
    pub cases: Vec<Case>,
    /// A recording of a host: lines of /api/events/metrics?shape=batch&format=ndjson, plain or .zst
    #[arg(long, value_name = "FILE")]
    pub recording: Option<PathBuf>,
    /// How long this machine is recorded if there is no file
    #[arg(long, default_value_t = 3.0)]
    pub minutes: f64,
    /// A recording that is shorter is measured as it is, and then repeated until it has so many hours; 0 leaves that out
    #[arg(long, default_value_t = 24, value_name = "HOURS")]
    pub stretch: u32,
    /// Series of the synthetic set
    #[arg(long, default_value_t = 10_000)]
    pub series: usize,
    /// How long the synthetic set is
    #[arg(long, default_value_t = 30.0)]
    pub synthetic_minutes: f64,
    /// How often each query is asked, in turn with the others
    #[arg(long, default_value_t = 31)]
    pub runs: usize,
    /// Days of the 50 series that are queried
    #[arg(long, default_value_t = 7.0)]
    pub days: f64,
    /// How often ingest is measured, each time on a fresh server
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Requests of the case ingest, each with one sample of every series
    #[arg(long, default_value_t = 500)]
    pub requests: usize,
    /// Seconds of samples that a server has before memory is measured: as many as tickwire keeps at hand
    #[arg(long, default_value_t = 600)]
    pub before: usize,
    /// Seconds of the case memory at a request a second, after those
    #[arg(long, default_value_t = 30)]
    pub seconds: usize,
    /// Seconds instead of minutes: whether every store gives back what it got
    #[arg(long)]
    pub quick: bool,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Whether a store is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            name.starts_with(&wanted) || wanted.starts_with(&name)
        };
        self.stores.is_empty() || self.stores.iter().any(is)
    }

    /// What was asked for.
    pub fn read() -> Self {
        let mut options = Self::parse();
        // `cargo test --all-targets` runs it without a word: nobody wants to wait for minutes there.
        if !options.bench && std::env::args().len() == 1 {
            options.quick = true;
        }
        if options.quick {
            options.minutes = 3.0 / 60.0;
            options.stretch = 0;
            options.series = 200;
            options.synthetic_minutes = 1.0;
            options.runs = 3;
            options.days = 0.02;
            options.rounds = 1;
            options.requests = 20;
            options.before = 20;
            options.seconds = 1;
        }
        options
    }
}
