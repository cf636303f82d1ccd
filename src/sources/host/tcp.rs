//! TCP sockets by state, and segments sent again. From the kernel's own counts, never by listing sockets.

use std::time::Instant;

use super::{Sensor, rates::Rates, text_file::TextFile};
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const SOCKETS: MetricDoc = MetricDoc::gauge(
    "tcp_sockets",
    "",
    &["state"],
    0,
    "TCP sockets, IPv4 and IPv6: in_use (all but time_wait), established, time_wait (waiting out stray packets), orphan (closed by the program, not yet by the peer).",
);
const RETRANSMITS: MetricDoc = MetricDoc::rate(
    "tcp_retransmits",
    "/s",
    &[],
    1,
    "TCP segments that had to be sent again.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[SOCKETS, RETRANSMITS];

/// The number after `key` on the line that starts with `section`, as in /proc/net/sockstat.
fn sockstat(text: &str, section: &str, key: &str) -> Option<u64> {
    let mut words = text
        .lines()
        .find_map(|line| line.strip_prefix(section)?.strip_prefix(':'))?
        .split_ascii_whitespace();
    words.find(|word| *word == key)?;
    words.next()?.parse().ok()
}

/// The numbers under the headings `keys` of section `Tcp` in /proc/net/snmp.
fn snmp<const N: usize>(text: &str, keys: [&str; N]) -> Option<[u64; N]> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (heads, numbers) = (lines.next()?, lines.next()?);
    let mut found = [None; N];
    let columns = heads
        .split_ascii_whitespace()
        .zip(numbers.split_ascii_whitespace());
    for (head, number) in columns {
        if let Some(place) = keys.iter().position(|key| *key == head) {
            found[place] = number.parse().ok();
        }
    }
    let mut values = [0; N];
    for (value, found) in values.iter_mut().zip(found) {
        *value = found?;
    }
    Some(values)
}

/// Reads /proc/net/sockstat, sockstat6 and snmp.
#[derive(Debug)]
pub(super) struct Tcp {
    sockets: TextFile,
    sockets6: TextFile,
    protocol: TextFile,
    rates: Rates<1>,
}

impl Tcp {
    pub(super) fn new() -> Self {
        Self {
            sockets: TextFile::new("/proc/net/sockstat"),
            sockets6: TextFile::new("/proc/net/sockstat6"),
            protocol: TextFile::new("/proc/net/snmp"),
            rates: Rates::default(),
        }
    }
}

impl Sensor for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        let in_use6 = self
            .sockets6
            .read_if_there()?
            .and_then(|text| sockstat(text, "TCP6", "inuse"));
        if let Some(text) = self.sockets.read_if_there()? {
            let tcp = |key| sockstat(text, "TCP", key);
            if let Some(in_use) = tcp("inuse") {
                let in_use = in_use + in_use6.unwrap_or(0);
                SOCKETS.record(out, ["in_use"], in_use as f64);
            }
            for (state, key) in [("time_wait", "tw"), ("orphan", "orphan")] {
                if let Some(count) = tcp(key) {
                    SOCKETS.record(out, [state], count as f64);
                }
            }
        }
        let Some(text) = self.protocol.read_if_there()? else {
            return Ok(());
        };
        let at = Instant::now();
        let Some([established, retransmits]) = snmp(text, ["CurrEstab", "RetransSegs"]) else {
            return Err(self.protocol.nonsense());
        };
        SOCKETS.record(out, ["established"], established as f64);
        if let Some([retransmits]) = self.rates.take("", at, [retransmits]) {
            RETRANSMITS.record(out, [], retransmits);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_section_and_key() {
        let text =
            "sockets: used 12\nTCP: inuse 5 orphan 1 tw 7 alloc 9 mem 243\nUDP: inuse 3 mem 0\n";
        assert_eq!(sockstat(text, "TCP", "inuse"), Some(5));
        assert_eq!(sockstat(text, "TCP", "tw"), Some(7));
        assert_eq!(sockstat(text, "UDP", "inuse"), Some(3));
        assert_eq!(sockstat(text, "TCP6", "inuse"), None);
    }

    #[test]
    fn protocol_counters_are_found_by_their_heading() {
        let text =
            "Ip: Forwarding\nIp: 2\nTcp: MaxConn CurrEstab InSegs RetransSegs\nTcp: -1 4 9835 17\n";
        assert_eq!(snmp(text, ["CurrEstab", "RetransSegs"]), Some([4, 17]));
        assert_eq!(snmp(text, ["CurrEstab", "Absent"]), None);
    }
}
