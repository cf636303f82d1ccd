//! docs/metrics.md, made of what the sensors declare. `TICKWIRE_BLESS=1 cargo test metrics_page` writes it anew.

use std::fmt::Write;

use super::{host, metric::MetricDoc, simulated};
use crate::model::Kind;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");

fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         <!-- Made by `TICKWIRE_BLESS=1 cargo test metrics_page` from the tables in src/sources; do not edit. -->\n\n\
         What tickwire measures by itself. Units are base units: bytes, seconds, percent. A *rate* is a counter, sent as \
         its change per second since the reading before; a *gauge* is a reading. Values are rounded where they are made, \
         to the decimals given here.\n\n\
         A series is left out, never guessed, when there is no figure: a rate after its counter was reset, swap where \
         there is none, temperatures of a virtual machine.\n\n\
         ## The machine\n\n\
         On Linux all of these; on other systems processors (without modes), load, memory, disks (bytes only), file \
         systems, network, temperatures and uptime. They are measured with every sample, except processes (every 5 s \
         unless configured otherwise), file systems (10 s) and temperatures (5 s).\n",
    );
    for (sensor, metrics) in host::SENSORS {
        table(&mut page, sensor, metrics);
    }
    page.push_str(
        "\n## The simulated world\n\n\
         For demos and tests. Every series carries the label `simulated=\"true\"`, and the hosts are `demo-web1` (host, \
         traffic), `demo-market` (stocks) and `demo-shop` (business). The same seed gives the same values.\n",
    );
    for (part, metrics) in simulated::PARTS {
        table(&mut page, part, metrics);
    }
    page
}

fn table(page: &mut String, title: &str, metrics: &[MetricDoc]) {
    let _ = write!(
        page,
        "\n### {title}\n\n| metric | labels | unit | kind | decimals | what it says |\n|---|---|---|---|---|---|\n"
    );
    for doc in metrics {
        let labels: Vec<_> = doc.labels.iter().map(|l| format!("`{l}`")).collect();
        let kind = match doc.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "rate",
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {kind} | {} | {} |",
            doc.name,
            labels.join(", "),
            doc.unit,
            doc.decimals,
            doc.description
        );
    }
}

#[test]
fn the_metrics_page_says_what_the_sensors_declare() {
    let made = page();
    if std::env::var_os("TICKWIRE_BLESS").is_some() {
        std::fs::write(PAGE, &made).unwrap();
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        found == made,
        "docs/metrics.md is out of date: run TICKWIRE_BLESS=1 cargo test metrics_page"
    );
}

#[test]
fn names_are_snake_case_and_declared_once() {
    for tables in [host::SENSORS, simulated::PARTS] {
        let mut seen = Vec::new();
        for doc in tables.iter().flat_map(|(_, metrics)| *metrics) {
            let snake = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(doc.name.bytes().all(snake), "{}", doc.name);
            assert!(["", "%", "B", "B/s", "s", "°C", "/s", "USD", "USD/s"].contains(&doc.unit));
            assert!(
                !seen.contains(&(doc.name, doc.labels)),
                "{} twice",
                doc.name
            );
            seen.push((doc.name, doc.labels));
        }
    }
}
