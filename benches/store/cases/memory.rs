//! Resident memory of a server that gets a sample of every series each second, and has had for ten minutes: these come faster
//! than they did, since only what is kept of them is looked for.

use std::time::{Duration, Instant};

use crate::{
    data::{Batch, DataSet},
    measure,
    numbers::thousands,
    report::Table,
    server::Server,
    stores::Store,
};

/// Between two requests; of those before, and then.
const FAST: Duration = Duration::from_millis(50);
const PERIOD: Duration = Duration::from_secs(1);

/// Each store on its own, the batches of the data but for the first ones at the pace of the clock.
pub fn run(stores: &[Box<dyn Store>], data: &DataSet, first: usize) -> anyhow::Result<Table> {
    let mut table = Table::new(
        format!(
            "Memory: {} series, a sample each second, {} s after the {} s before",
            thousands(data.series.len() as f64),
            data.batches.len() - first,
            first
        ),
        &[
            "store",
            "resident MiB empty",
            "with what was before",
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
        let mut http = server.http()?;
        // The pace is the case.
        let mut paced = |batches: &[Batch], period: Duration| -> anyhow::Result<f64> {
            let (begun, mut most) = (Instant::now(), 0.0_f64);
            for (i, batch) in batches.iter().enumerate() {
                let request = store.write(store.forms()[0], &data.series, batch);
                let due = begun + period * i as u32;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                http.send(&request)?;
                most = most.max(mib(measure::resident_kib(&pids)));
            }
            Ok(most)
        };
        let (earlier, batches) = data.batches.split_at(first);
        paced(earlier, FAST)?;
        let filled = mib(measure::resident_kib(&pids));
        let (cpu, begun) = (measure::cpu_nanos(&pids), Instant::now());
        let most = paced(batches, PERIOD)?;
        let used = (measure::cpu_nanos(&pids) - cpu) as f64 / begun.elapsed().as_nanos() as f64;
        table.row([
            store.name().to_owned(),
            format!("{before:.0}"),
            format!("{filled:.0}"),
            format!("{:.0}", mib(measure::resident_kib(&pids))),
            format!("{:.0}", mib(measure::anonymous_kib(&pids))),
            format!("{most:.0}"),
            format!("{:.1}", used * 100.0),
        ]);
    }
    Ok(table)
}
