//! Bytes a sample: a data set in each store, settled.

use super::Verdict;
use crate::{
    data::DataSet,
    numbers::thousands,
    report::Table,
    stores::{Filled, Store},
};

/// Series that are read back.
const READ: usize = 100;

/// Fills each store with each data set; whether all give back what they got.
pub fn run(stores: &[Box<dyn Store>], sets: &[DataSet]) -> anyhow::Result<(Table, bool)> {
    let mut table = Table::new(
        "Bytes a sample, settled",
        &[
            "data",
            "store",
            "bytes a sample",
            "of these timestamps and values",
            "blocks allocated, a sample",
            "all in MiB",
            "import s",
            "settle s",
            "read back equal",
        ],
    );
    let mut good = true;
    for data in sets {
        for store in stores {
            let Filled {
                server,
                import,
                settle,
            } = store.fill(tempfile::tempdir()?, data)?;
            let disk = server.disk(store.as_ref())?;
            let verdict = Verdict::of(store.as_ref(), &server, data, READ)?;
            good &= verdict.is_good();
            let each = |bytes: u64| format!("{:.3}", bytes as f64 / data.samples() as f64);
            table.row([
                about(data),
                store.name().to_owned(),
                each(disk.bytes),
                each(disk.samples),
                each(disk.allocated),
                format!("{:.2}", disk.bytes as f64 / f64::from(1 << 20)),
                format!("{:.1}", import.as_secs_f64()),
                format!("{:.2}", settle.as_secs_f64()),
                verdict.to_string(),
            ]);
        }
    }
    Ok((table, good))
}

/// "a recording (x), 50.0 min: 84 series, 250,000 samples, 71 % unchanged".
fn about(data: &DataSet) -> String {
    format!(
        "{}: {} series, {} samples, {:.0} % unchanged",
        data.name,
        thousands(data.series.len() as f64),
        thousands(data.samples() as f64),
        data.unchanged() * 100.0
    )
}
