//! Everything of one host that the overview does not show.

use super::{charts, outlook::Outlook};
use crate::{
    model::{HostName, quantity},
    web::pages::{
        host::{DeviceRow, HostDetail, ProcessRow},
        view::{Bar, Figure, Stack},
    },
    windows::Window,
};

/// The modes of the CPU, in their order.
const MODES: [&str; 7] = [
    "user", "system", "nice", "iowait", "irq", "softirq", "steal",
];

/// The detail of a host.
pub fn of(outlook: &Outlook<'_>, host: &HostName) -> HostDetail {
    let name = host.as_str();
    HostDetail {
        cores: cores(outlook, name),
        modes: modes(outlook, name),
        memory: memory(outlook, name),
        memory_figures: figures(
            outlook,
            name,
            &[
                ("available", "memory_available", "B"),
                ("cached", "memory_cached", "B"),
                ("swap used", "swap_used", "B"),
                ("swap", "swap_total", "B"),
            ],
        ),
        disks: devices(
            outlook,
            name,
            "device",
            "disk_read",
            "disk_write",
            disk_note,
        ),
        interfaces: devices(
            outlook,
            name,
            "interface",
            "net_interface_rx",
            "net_interface_tx",
            interface_note,
        ),
        tcp: tcp(outlook, name),
        pressure: bars(outlook, name, "pressure_some", "resource", 100.0),
        temperatures: bars(outlook, name, "temperature_celsius", "sensor", 110.0),
        processes: processes(outlook, host),
    }
}

fn cores(outlook: &Outlook<'_>, host: &str) -> Vec<Bar> {
    bars(outlook, host, "cpu_usage", "core", 100.0)
}

/// A bar for each series of a metric that has this label, of a whole of `full`.
fn bars(outlook: &Outlook<'_>, host: &str, name: &str, label: &str, full: f64) -> Vec<Bar> {
    let labelled = outlook
        .all(host, name)
        .filter_map(|w| Some((w, w.series.key().labels.get(label)?)));
    let bar = |(window, of): (&Window, &str)| {
        let value = window.stats().last;
        let lines = outlook.live.book.lines(window.series.key());
        Bar {
            label: of.to_owned(),
            detail: String::new(),
            percent: value / full * 100.0,
            value: quantity::figure(value, window.series.spec.unit.as_str()),
            marks: lines.iter().map(|l| l.value / full * 100.0).collect(),
            state: outlook.state(window.series.key()),
        }
    };
    labelled.map(bar).collect()
}

fn modes(outlook: &Outlook<'_>, host: &str) -> Stack {
    let parts = MODES.iter().filter_map(|mode| {
        let percent = outlook
            .labelled(host, "cpu_mode_usage", "mode", mode)?
            .stats()
            .last;
        Some(((*mode).to_owned(), quantity::figure(percent, "%"), percent))
    });
    Stack::new("CPU time by mode", parts)
}

fn memory(outlook: &Outlook<'_>, host: &str) -> Stack {
    let value = |name| outlook.value(host, name);
    let (Some(total), Some(used)) = (value("memory_total"), value("memory_used")) else {
        return Stack::default();
    };
    let cached = value("memory_cached").unwrap_or(0.0) + value("memory_buffers").unwrap_or(0.0);
    let part = |label: &str, bytes: f64| {
        (
            label.to_owned(),
            quantity::figure(bytes, "B"),
            bytes / total.max(1.0) * 100.0,
        )
    };
    let free = (total - used - cached).max(0.0);
    Stack {
        rest: Some(("free".to_owned(), quantity::figure(free, "B"))),
        ..Stack::new("Memory", [part("used", used), part("cached", cached)])
    }
}

fn figures(outlook: &Outlook<'_>, host: &str, of: &[(&str, &str, &str)]) -> Vec<Figure> {
    let figure = |(label, name, unit): &(&str, &str, &str)| {
        Some(Figure::new(label, outlook.value(host, name)?, unit))
    };
    of.iter().filter_map(figure).collect()
}

fn tcp(outlook: &Outlook<'_>, host: &str) -> Vec<Figure> {
    let states = outlook.all(host, "tcp_sockets").filter_map(|window| {
        let state = window.series.key().labels.get("state")?;
        Some(Figure::new(
            &state.replace('_', " "),
            window.stats().last,
            "",
        ))
    });
    let retransmits = figures(outlook, host, &[("retransmits", "tcp_retransmits", "/s")]);
    states.chain(retransmits).collect()
}

type Note = fn(&Outlook<'_>, &str, &str) -> String;

fn devices(
    outlook: &Outlook<'_>,
    host: &str,
    label: &str,
    input: &str,
    output: &str,
    note: Note,
) -> Vec<DeviceRow> {
    let row = |read: &Window| {
        let device = read.series.key().labels.get(label)?;
        let written = outlook.labelled(host, output, label, device)?;
        let rate = |window: &Window| quantity::figure(window.stats().last, "B/s");
        Some(DeviceRow {
            name: device.to_owned(),
            input: rate(read),
            output: rate(written),
            spark: charts::spark_of_both(read, written),
            note: note(outlook, host, device),
            state: outlook.state(read.series.key()),
        })
    };
    outlook.all(host, input).filter_map(row).collect()
}

fn disk_note(outlook: &Outlook<'_>, host: &str, device: &str) -> String {
    let busy = outlook.labelled(host, "disk_utilisation", "device", device);
    busy.map_or(String::new(), |w| {
        format!("{} busy", quantity::figure(w.stats().last, "%"))
    })
}

fn interface_note(outlook: &Outlook<'_>, host: &str, interface: &str) -> String {
    let rate = |name: &str| {
        let window = outlook.labelled(host, name, "interface", interface);
        window.map_or(0.0, |w| w.stats().last)
    };
    let errors = rate("net_interface_rx_errors") + rate("net_interface_tx_errors");
    let drops = rate("net_interface_rx_drops") + rate("net_interface_tx_drops");
    match (errors > 0.0, drops > 0.0) {
        (false, false) => String::new(),
        _ => format!("{errors:.1} errors/s, {drops:.1} drops/s"),
    }
}

fn processes(outlook: &Outlook<'_>, host: &HostName) -> Vec<ProcessRow> {
    let rows = outlook.live.processes(host);
    let row = |process: &crate::model::ProcessRow| ProcessRow {
        name: process.name.clone(),
        pid: process.pid,
        cpu: quantity::figure(process.cpu_percent, "%"),
        cpu_percent: process.cpu_percent.min(100.0),
        memory: quantity::figure(process.memory_bytes as f64, "B"),
    };
    rows.iter().map(row).collect()
}
