//! What the kernel says about processes and about itself, read from /proc.

use std::fs::read_to_string;

/// The CPU time of processes in nanoseconds, user and system, summed over their threads.
pub fn cpu_nanos(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| threads_nanos(*pid)).sum()
}

fn threads_nanos(pid: u32) -> u64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let times = threads.flatten().filter_map(|thread| {
        let text = read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    times.sum()
}

/// The resident memory of processes in KiB.
pub fn resident_kib(pids: &[u32]) -> u64 {
    let one = |pid: &u32| field_kib(&format!("/proc/{pid}/status"), "VmRSS:");
    pids.iter().map(one).sum()
}

/// That part of it which is no file's, in KiB.
pub fn anonymous_kib(pids: &[u32]) -> u64 {
    let one = |pid: &u32| field_kib(&format!("/proc/{pid}/status"), "RssAnon:");
    pids.iter().map(one).sum()
}

/// What the kernel holds for connections, in KiB: pages of TCP buffers, and its slab (sockets, files, dentries and all else).
pub fn kernel_kib() -> u64 {
    let sockets = read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockets.lines().find(|line| line.starts_with("TCP:"));
    let pages = tcp.and_then(|line| line.split("mem ").nth(1)?.trim().parse::<u64>().ok());
    let page_kib = rustix::param::page_size() as u64 / 1024;
    pages.unwrap_or(0) * page_kib + field_kib("/proc/meminfo", "Slab:")
}

/// Memory of the machine in KiB.
pub fn memory_kib() -> u64 {
    field_kib("/proc/meminfo", "MemTotal:")
}

/// Memory that can be had without swapping, in KiB.
pub fn available_kib() -> u64 {
    field_kib("/proc/meminfo", "MemAvailable:")
}

fn field_kib(file: &str, name: &str) -> u64 {
    let text = read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// How long the CPUs of this machine were not idle, in seconds, summed over them; what a hypervisor took counts too.
pub fn busy_seconds() -> f64 {
    let text = read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(1).filter_map(|n| n.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let busy = [0, 1, 2, 5, 6, 7].map(|i| ticks.get(i).copied().unwrap_or(0.0));
    busy.iter().sum::<f64>() / rustix::param::clock_ticks_per_second() as f64
}

/// How many CPUs the machine has, whatever this process may use.
pub fn cpus() -> usize {
    let text = read_to_string("/proc/stat").unwrap_or_default();
    text.lines()
        .filter(|l| l.starts_with("cpu"))
        .count()
        .saturating_sub(1)
        .max(1)
}

/// Children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let file = format!("/proc/{pid}/task/{pid}/children");
    let text = read_to_string(file).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect()
}
