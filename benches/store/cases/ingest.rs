//! Ingest: requests with a sample of every series, one after the other over one connection, the server on one CPU.

use std::time::Instant;

use super::Verdict;
use crate::{
    data::DataSet,
    measure,
    numbers::thousands,
    report::{Table, spread},
    server::Server,
    stores::Store,
};

/// Series that are read back.
const READ: usize = 10;

/// One round with one store.
struct Round {
    seconds: f64,
    /// CPU time of the server.
    cpu_seconds: f64,
    resident_mib: f64,
    verdict: Verdict,
}

/// Each store in turn, `rounds` times, on the first of two CPUs, this program on the second.
pub fn run(
    stores: &[Box<dyn Store>],
    data: &DataSet,
    rounds: usize,
    cpus: (usize, usize),
) -> anyhow::Result<(Table, bool)> {
    let mut table = Table::new(
        format!(
            "Ingest: {} requests of {} samples, one connection, the server on one CPU",
            thousands(data.batches.len() as f64),
            thousands(data.series.len() as f64)
        ),
        &[
            "store",
            "samples/s",
            "least–greatest",
            "a second of its CPU time",
            "bytes sent a sample",
            "resident MiB after it",
            "read back equal",
        ],
    );
    let mut good = true;
    let ways = stores.iter().flat_map(|store| {
        let forms = store.forms().iter();
        forms.map(move |form| (store, *form))
    });
    for (store, form) in ways {
        let requests = |batch| store.write(form, &data.series, batch);
        let requests: Vec<Vec<u8>> = data.batches.iter().map(requests).collect();
        let bytes: usize = requests.iter().map(Vec::len).sum();
        let mut done = Vec::new();
        for _ in 0..rounds {
            done.push(round(store.as_ref(), data, &requests, cpus)?);
        }
        let samples = data.samples() as f64;
        let (median, least, greatest) = spread(done.iter().map(|r| samples / r.seconds));
        let (of_cpu, ..) = spread(done.iter().map(|r| samples / r.cpu_seconds));
        let (resident, ..) = spread(done.iter().map(|r| r.resident_mib));
        good &= done.iter().all(|round| round.verdict.is_good());
        let worst = done.iter().find(|round| !round.verdict.is_good());
        let verdict = &worst.unwrap_or(&done[0]).verdict;
        let comma = if form.is_empty() { "" } else { ", " };
        table.row([
            format!("{}{comma}{form}", store.name()),
            thousands(median),
            format!("{}–{}", thousands(least), thousands(greatest)),
            thousands(of_cpu),
            format!("{:.1}", bytes as f64 / samples),
            format!("{resident:.0}"),
            verdict.to_string(),
        ]);
    }
    Ok((table, good))
}

fn round(
    store: &dyn Store,
    data: &DataSet,
    requests: &[Vec<u8>],
    cpus: (usize, usize),
) -> anyhow::Result<Round> {
    let server = Server::start(store, tempfile::tempdir()?, Some(cpus.0))?;
    crate::machine::pin(cpus.1)?;
    let mut http = server.http()?;
    let cpu = measure::cpu_nanos(&[server.pid()]);
    let begun = Instant::now();
    for request in requests {
        http.send(request)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_nanos = measure::cpu_nanos(&[server.pid()]) - cpu;
    let resident_mib = measure::resident_kib(&[server.pid()]) as f64 / 1024.0;
    store.flush(&mut http)?;
    Ok(Round {
        seconds,
        cpu_seconds: cpu_nanos as f64 / 1e9,
        resident_mib,
        verdict: Verdict::of(store, &server, data, READ)?,
    })
}
