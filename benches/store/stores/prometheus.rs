//! Prometheus: blocks made by promtool where data are old, remote write where they are fresh.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use tempfile::TempDir;

use super::{Filled, Query, Store, escaped, peers::Peers, query_range, raw, remote_write, seconds};
use crate::{
    data::{Batch, DataSet, Series, text},
    debian,
    http::{Http, post},
    server::{DATA, Server},
};

/// The span of a block, 54 h: 2 h × 3³, one of those to which Prometheus itself compacts its blocks of 2 h.
const BLOCK_MS: i64 = 54 * 3_600_000;

pub struct Prometheus {
    programs: PathBuf,
    name: String,
}

impl Prometheus {
    pub fn new(peers: &Peers) -> Self {
        Self {
            programs: peers.programs.clone(),
            name: peers.prometheus.clone(),
        }
    }

    /// Makes blocks of batches that belong into one. promtool reads its file once for each block, so a file has but one.
    fn block(&self, folder: &Path, selectors: &[String], batches: &[Batch]) -> anyhow::Result<()> {
        let file = folder.join("block.txt");
        let mut out = BufWriter::new(File::create(&file)?);
        let mut lines = String::new();
        for batch in batches {
            // promtool multiplies seconds by 1000 and cuts off, so that many a millisecond would become the one before;
            // half of one more prevents that.
            let time = format!("{}5", seconds(batch.timestamp_ms));
            text(&mut lines, selectors, batch, &time);
            out.write_all(lines.as_bytes())?;
            lines.clear();
        }
        out.write_all(b"# EOF\n")?;
        drop(out.into_inner()?);
        let mut promtool = Command::new(self.programs.join("promtool"));
        promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"]);
        promtool.arg(format!("--max-block-duration={BLOCK_MS}ms"));
        promtool.arg(&file).arg(folder.join(DATA));
        debian::output(&mut promtool)?;
        Ok(fs::remove_file(file)?)
    }
}

impl Store for Prometheus {
    fn name(&self) -> &str {
        &self.name
    }

    fn command(&self, folder: &Path, port: u16) -> anyhow::Result<Command> {
        let config = folder.join("prometheus.yml");
        fs::write(&config, "global: {}\n")?;
        let mut command = Command::new(self.programs.join("prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!(
            "--storage.tsdb.path={}",
            folder.join(DATA).display()
        ));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(["--storage.tsdb.retention.time=100y", "--log.level=error"]);
        command.args([
            "--web.enable-remote-write-receiver",
            "--web.read-timeout=24h",
        ]);
        // So that it does not begin to compact blocks further while it is asked.
        command.arg(format!("--storage.tsdb.max-block-duration={BLOCK_MS}ms"));
        Ok(command)
    }

    fn ready(&self) -> &str {
        "/-/ready"
    }

    fn fill(&self, folder: TempDir, data: &DataSet) -> anyhow::Result<Filled> {
        let begun = Instant::now();
        let selectors: Vec<String> = data.series.iter().map(Series::selector).collect();
        let block = |batch: &Batch| batch.timestamp_ms.div_euclid(BLOCK_MS);
        for batches in data.batches.chunk_by(|a, b| block(a) == block(b)) {
            self.block(folder.path(), &selectors, batches)?;
        }
        let import = begun.elapsed();
        let begun = Instant::now();
        let server = Server::start(self, folder, None)?;
        Ok(Filled {
            server,
            import,
            settle: begun.elapsed(),
        })
    }

    fn holds_samples(&self, file: &Path) -> bool {
        file.parent()
            .is_some_and(|parent| parent.ends_with("chunks"))
    }

    fn read(
        &self,
        http: &mut Http,
        series: &Series,
        (from, to): (i64, i64),
    ) -> anyhow::Result<Vec<(i64, f64)>> {
        let query = format!("{}[{}ms]", series.selector(), to - from);
        let (query, time) = (escaped(&query), seconds(to));
        let answer = http.get(&format!("/api/v1/query?query={query}&time={time}"))?;
        raw(&answer, series)
    }

    fn query(&self, query: &Query) -> Vec<(&'static str, String)> {
        vec![("", query_range(query))]
    }

    fn write(&self, _form: &str, series: &[Series], batch: &Batch) -> Vec<u8> {
        let body = remote_write::snappy(&remote_write::request(series, batch));
        post("/api/v1/write", remote_write::HEADERS, &body)
    }
}
