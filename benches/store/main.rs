//! Stores of metrics compared in one run: bytes a sample, queries, ingest and memory, for tickwire,
//! VictoriaMetrics and Prometheus.
//!
//! `cargo bench --bench store -- [OPTIONS]`; `-- --help` lists the options. The same samples go into each
//! store, with the same values at the same milliseconds; some series are read back and compared. The peers come out of
//! Debian's packages, unpacked under target/ and never installed. Everything stays on the loopback interface and in
//! temporary folders.

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod data;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod stores;

#[cfg(target_os = "linux")]
use common::{debian, machine, measure, numbers};

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("store: skipped: it reads /proc, which only Linux has");
}
