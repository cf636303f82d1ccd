//! /proc/stat: what the processors did since the machine started, and what the scheduler counted.

/// Modes of a processor in the order of /proc/stat. Time of guests is within `user` and `nice`.
pub(super) const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
/// The place of `idle` in [`MODES`].
pub(super) const IDLE: usize = 3;
/// The place of `iowait` in [`MODES`].
pub(super) const IOWAIT: usize = 4;

/// Time by mode in clock ticks, in the order of [`MODES`].
pub(super) type Ticks = [u64; MODES.len()];

/// The content of /proc/stat.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct KernelStat {
    /// All processors together.
    pub(super) all: Ticks,
    /// Each processor that is on line, by number.
    pub(super) cores: Vec<(u32, Ticks)>,
    pub(super) context_switches: u64,
    pub(super) forks: u64,
    pub(super) running: u64,
    pub(super) blocked: u64,
}

/// Parses /proc/stat; `None` when it does not start with the line of all processors.
pub(super) fn parse(text: &str) -> Option<KernelStat> {
    let mut stat = KernelStat::default();
    let mut found = false;
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(' ') else {
            continue;
        };
        let number = || rest.trim().parse().unwrap_or_default();
        match key {
            "cpu" => {
                stat.all = ticks(rest)?;
                found = true;
            }
            "ctxt" => stat.context_switches = number(),
            "processes" => stat.forks = number(),
            "procs_running" => stat.running = number(),
            "procs_blocked" => stat.blocked = number(),
            _ => {
                if let Some(core) = key.strip_prefix("cpu").and_then(|n| n.parse().ok()) {
                    stat.cores.push((core, ticks(rest)?));
                }
            }
        }
    }
    found.then_some(stat)
}

fn ticks(text: &str) -> Option<Ticks> {
    let mut ticks = Ticks::default();
    let mut fields = text.split_ascii_whitespace();
    for tick in &mut ticks {
        *tick = fields.next()?.parse().ok()?;
    }
    Some(ticks)
}

/// What share of the time between two readings each mode had, in percent; they add up to 100. `None` when no time
/// passed or a counter fell, except for idle and iowait, which kernels are known to correct downwards a little.
pub(super) fn shares(now: &Ticks, before: &Ticks) -> Option<[f64; MODES.len()]> {
    let mut spent = Ticks::default();
    for mode in 0..MODES.len() {
        spent[mode] = match now[mode].checked_sub(before[mode]) {
            Some(ticks) => ticks,
            None if mode == IDLE || mode == IOWAIT => 0,
            None => return None,
        };
    }
    let total: u64 = spent.iter().sum();
    (total > 0).then(|| spent.map(|ticks| 100.0 * ticks as f64 / total as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cpu  100 1 50 800 40 2 3 4 0 0\n\
        cpu0 60 1 20 400 20 1 1 2 0 0\n\
        cpu3 40 0 30 400 20 1 2 2 0 0\n\
        intr 438285 0 0 1\n\
        ctxt 605363\n\
        btime 1795228983\n\
        processes 16058\n\
        procs_running 3\n\
        procs_blocked 2\n\
        softirq 253833 0 35862\n";

    #[test]
    fn processors_and_scheduler_counters_are_found() {
        let stat = parse(TEXT).unwrap();
        assert_eq!(stat.all, [100, 1, 50, 800, 40, 2, 3, 4]);
        assert_eq!(stat.cores.len(), 2);
        assert_eq!(stat.cores[1], (3, [40, 0, 30, 400, 20, 1, 2, 2]));
        assert_eq!((stat.context_switches, stat.forks), (605_363, 16_058));
        assert_eq!((stat.running, stat.blocked), (3, 2));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("cpu  1 2 3\n"), None);
        assert_eq!(parse("cpu  a b c d e f g h\n"), None);
    }

    #[test]
    fn shares_add_up_to_a_hundred() {
        let shares = shares(&[30, 0, 10, 50, 10, 0, 0, 0], &[0; 8]).unwrap();
        assert_eq!(shares, [30.0, 0.0, 10.0, 50.0, 10.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_small_step_back_of_iowait_is_forgiven_and_a_reset_is_not() {
        let before = [10, 0, 10, 10, 10, 0, 0, 0];
        let corrected = shares(&[20, 0, 10, 10, 9, 0, 0, 0], &before).unwrap();
        assert_eq!((corrected[0], corrected[IOWAIT]), (100.0, 0.0));
        assert_eq!(shares(&[1, 0, 0, 1, 0, 0, 0, 0], &before), None);
        assert_eq!(shares(&before, &before), None);
    }
}
