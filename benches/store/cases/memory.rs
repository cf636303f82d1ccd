//! Resident memory of a fresh server that gets a sample of every series each second.

use std::time::{Duration, Instant};

use crate::{
    data::DataSet,
    measure,
    report::{Table, thousands},
    server::Server,
    stores::Store,
};

/// Between two requests.
const PERIOD: Duration = Duration::from_secs(1);

/// Each store on its own, the batches of the data at the pace of the clock.
pub fn run(stores: &[Box<dyn Store>], data: &DataSet) -> anyhow::Result<Table> {
    let mut table = Table::new(
        format!(
            "Memory: {} series, a sample each second, {} s from a fresh start",
            thousands(data.series.len() as f64),
            data.batches.len()
        ),
        &[
            "store",
            "resident MiB before",
            "at the end",
            "of that no file's",
            "at most",
            "CPU, % of a core",
        ],
    );
    for store in stores {
        let server = Server::start(store.as_ref(), tempfile::tempdir()?, None)?;
        let pids = [server.pid()];
        let mib = |kib: u64| kib as f64 / 1024.0;
        let before = mib(measure::resident_kib(&pids));
        let mut most = before;
        let mut http = server.http()?;
        let (cpu, begun) = (measure::cpu_nanos(&pids), Instant::now());
        for (i, batch) in data.batches.iter().enumerate() {
            let request = store.write(&data.series, batch);
            // The pace is the case.
            let due = begun + PERIOD * i as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            http.send(&request)?;
            most = most.max(mib(measure::resident_kib(&pids)));
        }
        let used = (measure::cpu_nanos(&pids) - cpu) as f64 / begun.elapsed().as_nanos() as f64;
        table.row([
            store.name().to_owned(),
            format!("{before:.0}"),
            format!("{:.0}", mib(measure::resident_kib(&pids))),
            format!("{:.0}", mib(measure::anonymous_kib(&pids))),
            format!("{most:.0}"),
            format!("{:.1}", used * 100.0),
        ]);
    }
    Ok(table)
}
