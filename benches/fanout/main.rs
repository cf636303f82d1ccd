//! Fan-out: what it costs to put an event in front of many viewers, for tickwire and for others, in the same run.
//!
//! `cargo bench --bench fanout [-- OPTIONS]`; `-- --help` lists the options, docs/performance.md says what is measured.
//! The server under test runs on CPU 0, the load on CPU 1, each in a process of its own: this program starts itself again
//! for the load and for those servers that it contains.

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod stats;

#[cfg(target_os = "linux")]
use common::{debian, machine, measure, numbers};

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let mut args = std::env::args().skip(1);
    let words = (args.next(), args.next());
    if matches!(words.0.as_deref(), Some(servers::PEER | servers::LOAD)) {
        // Not to stay behind when the program is killed.
        let kill = Some(rustix::process::Signal::KILL);
        let _ = rustix::process::set_parent_process_death_signal(kill);
    }
    match (words.0.as_deref(), words.1.as_deref()) {
        (Some(servers::PEER), Some("floor")) => peers::floor::serve(),
        (Some(servers::PEER), Some("axum")) => peers::axum::serve(),
        (Some(servers::PEER), Some("lab")) => peers::lab::serve(),
        (Some(servers::LOAD), _) => load::main(),
        _ => run::main(),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("fanout: skipped: it reads /proc and uses epoll, which only Linux has");
}
