//! The machine that this runs on, and what may be used of it.

use std::{fs::read_to_string, process::Command};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::Serialize;

use super::measure;

/// What a reader of the numbers should know of the machine and of the programs.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cpus: usize,
    pub kernel: String,
    pub memory_mib: u64,
    /// Programs and libraries with their versions.
    pub versions: Vec<String>,
    /// Whether this is an optimised build.
    pub optimised: bool,
    /// Load average of the last minute before the first run.
    pub load: String,
}

impl Machine {
    /// Looks around; of these crates it tells the versions.
    pub fn look(crates: &[&str]) -> Self {
        let text = |file: &str| read_to_string(file).unwrap_or_default();
        let cpuinfo = text("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split(": ").nth(1));
        let load = text("/proc/loadavg");
        let commit = said("git", &["describe", "--always", "--dirty"]);
        let lock = include_str!("../../Cargo.lock");
        let mut versions = vec![format!("tickwire {} ({commit})", env!("CARGO_PKG_VERSION"))];
        versions.extend(crates.iter().map(|name| {
            let head = format!("name = \"{name}\"\nversion = \"");
            let version = lock
                .split(&head)
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            format!("{name} {}", version.unwrap_or("?"))
        }));
        versions.push(said("rustc", &["--version"]));
        Self {
            cpu: model.unwrap_or("unknown").to_owned(),
            cpus: measure::cpus(),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_mib: measure::memory_kib() / 1024,
            versions,
            optimised: !cfg!(debug_assertions),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// The first line that a command says.
fn said(program: &str, args: &[&str]) -> String {
    let folder = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// One CPU for the server and one for the load; `None` if there is but one.
pub fn two_cpus() -> Option<(usize, usize)> {
    let allowed = sched_getaffinity(None).ok()?;
    let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    Some((cpus.next()?, cpus.next()?))
}

/// Puts this thread, and what it starts from now on, on one CPU.
pub fn pin(cpu: usize) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Lets this process, and what it starts, open as many files as the system allows.
pub fn raise_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

/// How many files a process may open.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(1 << 20)
}
