//! Network interfaces, from /proc/net/dev: bytes, packets, errors and drops of each, and bytes of the machine.
//!
//! Left out are the loopback, the host's ends of containers (veth: their names are random and would never end), and
//! interfaces that never carried anything. The bytes of the machine are those of its physical interfaces, so that what
//! passes through a bridge or a tunnel is not counted twice; where none is physical, as in a container, of all.

use std::{path::Path, time::Instant};

use super::{Sensor, rates::Rates, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

pub(super) const ALL_RX: MetricDoc = MetricDoc::rate(
    "net_rx",
    "B/s",
    &[],
    0,
    "Bytes received through all physical interfaces.",
);
pub(super) const ALL_TX: MetricDoc = MetricDoc::rate(
    "net_tx",
    "B/s",
    &[],
    0,
    "Bytes sent through all physical interfaces.",
);

const fn of_interface(
    name: &'static str,
    unit: &'static str,
    decimals: i32,
    description: &'static str,
) -> MetricDoc {
    MetricDoc::rate(name, unit, &["interface"], decimals, description)
}

/// Of each interface, in the order of [`Counters`].
#[rustfmt::skip]
pub(super) const OF_INTERFACE: [MetricDoc; 8] = [
    of_interface("net_interface_rx", "B/s", 0, "Bytes received."),
    of_interface("net_interface_rx_packets", "/s", 0, "Packets received."),
    of_interface("net_interface_rx_errors", "/s", 1, "Packets received damaged."),
    of_interface("net_interface_rx_drops", "/s", 1, "Packets received and dropped."),
    of_interface("net_interface_tx", "B/s", 0, "Bytes sent."),
    of_interface("net_interface_tx_packets", "/s", 0, "Packets sent."),
    of_interface("net_interface_tx_errors", "/s", 1, "Packets that could not be sent."),
    of_interface("net_interface_tx_drops", "/s", 1, "Packets dropped before they were sent."),
];

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &{
    let [a, b, c, d, e, f, g, h] = OF_INTERFACE;
    [ALL_RX, ALL_TX, a, b, c, d, e, f, g, h]
};

/// Received, then sent: bytes, packets, errors, drops.
pub(super) type Counters = [u64; 8];
const RX: usize = 0;
const TX: usize = 4;

/// Parses a line of /proc/net/dev; the two lines of its heading are none.
fn parse_line(line: &str) -> Option<(&str, Counters)> {
    let (name, rest) = line.rsplit_once(':')?;
    let mut counters = Counters::default();
    for (column, number) in rest.split_ascii_whitespace().enumerate() {
        let place = match column {
            0..=3 => column,
            8..=11 => column - 4,
            _ => continue,
        };
        counters[place] = number.parse().ok()?;
    }
    Some((name.trim(), counters))
}

/// Turns counters of interfaces into series.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    rates: Rates<8>,
    total: Rates<2>,
}

impl Interfaces {
    /// Records what `lines` say; `physical` tells which of them are the machine's own.
    pub(super) fn record<'a>(
        &mut self,
        lines: impl Iterator<Item = (&'a str, Counters)>,
        mut physical: impl FnMut(&str) -> bool,
        at: Instant,
        out: &mut Recorder,
    ) {
        let mut hardware: Option<[u64; 2]> = None;
        let mut all = [0, 0];
        for (name, counters) in lines {
            if passed_over(name) {
                continue;
            }
            add(&mut all, &counters);
            if physical(name) {
                add(hardware.get_or_insert_default(), &counters);
            }
            if counters == Counters::default() {
                continue;
            }
            if let Some(rates) = self.rates.take(name, at, counters) {
                for (metric, rate) in OF_INTERFACE.iter().zip(rates) {
                    metric.record(out, [name], rate);
                }
            }
        }
        self.rates.forget_the_gone();
        if let Some([rx, tx]) = self.total.take("", at, hardware.unwrap_or(all)) {
            ALL_RX.record(out, [], rx);
            ALL_TX.record(out, [], tx);
        }
    }
}

fn add(sum: &mut [u64; 2], counters: &Counters) {
    sum[0] = sum[0].saturating_add(counters[RX]);
    sum[1] = sum[1].saturating_add(counters[TX]);
}

fn passed_over(name: &str) -> bool {
    matches!(name, "lo" | "lo0") || name.starts_with("veth")
}

/// Reads /proc/net/dev.
#[derive(Debug)]
pub(super) struct Network {
    file: TextFile,
    interfaces: Interfaces,
    /// Whether an interface is physical, asked from /sys when the number of interfaces changes.
    physical: Vec<(Box<str>, bool)>,
    lines: usize,
}

impl Network {
    pub(super) fn new() -> Self {
        Self {
            file: TextFile::new("/proc/net/dev"),
            interfaces: Interfaces::default(),
            physical: Vec::new(),
            lines: 0,
        }
    }
}

impl Sensor for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let text = self.file.read()?;
        let at = Instant::now();
        let lines = text.lines().count();
        if lines != self.lines {
            self.physical.clear();
            self.lines = lines;
        }
        let known = &mut self.physical;
        let physical = |name: &str| {
            if let Some((_, physical)) = known.iter().find(|(known, _)| **known == *name) {
                return *physical;
            }
            let physical = Path::new("/sys/class/net")
                .join(name)
                .join("device")
                .exists();
            known.push((name.into(), physical));
            physical
        };
        let lines = text.lines().filter_map(parse_line);
        self.interfaces.record(lines, physical, at, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::HostName;

    #[test]
    fn a_line_has_received_and_sent() {
        let line = "  eth0: 298032264   10043    1    2    0     0          0         9 702565    6016    3    4    0     0       0          0";
        let (name, counters) = parse_line(line).unwrap();
        assert_eq!(name, "eth0");
        assert_eq!(counters, [298_032_264, 10_043, 1, 2, 702_565, 6016, 3, 4]);
    }

    #[test]
    fn the_heading_is_no_interface() {
        assert_eq!(parse_line("Inter-|   Receive  |  Transmit"), None);
        assert_eq!(parse_line(" face |bytes    packets errs drop"), None);
    }

    #[test]
    fn the_machine_is_the_sum_of_its_physical_interfaces() {
        let mut out = Recorder::new(HostName::parse("web1").unwrap(), &[]);
        let mut interfaces = Interfaces::default();
        let start = Instant::now();
        for second in 0..2 {
            let bytes = |n: u64| [n * second + 1, 0, 0, 0, 2 * n * second, 0, 0, 0];
            let lines = [
                ("lo", bytes(7)),
                ("eth0", bytes(100)),
                ("br0", bytes(100)),
                ("veth12ab", bytes(5)),
                ("dummy0", Counters::default()),
            ];
            let at = start + Duration::from_secs(second);
            interfaces.record(lines.into_iter(), |name| name == "eth0", at, &mut out);
        }
        let (layout, values) = out.finish();
        assert_eq!(layout.len(), 2 * 8 + 2, "eth0, br0 and the machine");
        assert_eq!(layout[16].key.name.as_str(), "net_rx");
        assert_eq!(values[16..], [100.0, 200.0]);
    }
}
