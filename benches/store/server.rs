//! A store's server in a process of its own, over a folder that is gone when the server is.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::{http::Http, machine, stores::Store};

/// How long a server may take until it serves, or until what it was told is done.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where in its folder a server keeps its data.
pub const DATA: &str = "data";
/// What it says.
const LOG: &str = "log";

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Its data.
    pub folder: TempDir,
}

/// What lies in a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    /// The sum of all files' lengths, as `du --apparent-size` counts files.
    pub bytes: u64,
    /// The blocks that files and folders occupy, as `du` counts.
    pub allocated: u64,
    /// The length of those files that hold timestamps and values.
    pub samples: u64,
}

impl Server {
    /// Starts a store over a folder, on one CPU if asked for, and waits until it answers.
    pub fn start(store: &dyn Store, folder: TempDir, cpu: Option<usize>) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = store.command(folder.path(), address.port())?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(folder.path().join(LOG))?);
        // A child inherits where its parent may run.
        let everywhere = rustix::thread::sched_getaffinity(None)?;
        if let Some(cpu) = cpu {
            machine::pin(cpu)?;
        }
        let child = command.spawn();
        rustix::thread::sched_setaffinity(None, &everywhere)?;
        let child = child.with_context(|| format!("{} cannot be started", store.name()))?;
        let mut server = Self {
            child,
            address,
            folder,
        };
        server.wait_for(store.ready())?;
        Ok(server)
    }

    /// Waits until a path answers with success. The peers do not say when they listen.
    fn wait_for(&mut self, path: &str) -> anyhow::Result<()> {
        let address = self.address;
        wait_until("it does not serve", || {
            if self.child.try_wait()?.is_some() {
                bail!("it has ended: {}", self.log().lines().last().unwrap_or(""));
            }
            Ok(Http::connect(address).is_ok_and(|mut http| http.get(path).is_ok()))
        })
    }

    /// Waits until it has logged some words.
    pub fn wait_for_log(&self, words: &str) -> anyhow::Result<()> {
        wait_until(words, || Ok(self.log().contains(words)))
    }

    /// Waits until what `/metrics` says is as it should be.
    pub fn wait_for_metrics(&self, mut good: impl FnMut(&str) -> bool) -> anyhow::Result<()> {
        let mut http = self.http()?;
        wait_until("it does not settle", || {
            Ok(good(&String::from_utf8(http.get("/metrics")?)?))
        })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// A connection of its own.
    pub fn http(&self) -> std::io::Result<Http> {
        Http::connect(self.address)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What its folder holds, but for what we put there.
    pub fn disk(&self, store: &dyn Store) -> anyhow::Result<Disk> {
        let mut disk = Disk::default();
        weigh(&self.folder.path().join(DATA), store, &mut disk)?;
        Ok(disk)
    }
}

/// Asks again and again, since none of those asked would tell by itself.
fn wait_until(what: &str, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !done()? {
        if begun.elapsed() > PATIENCE {
            bail!("waited in vain: {what}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn weigh(folder: &Path, store: &dyn Store, disk: &mut Disk) -> anyhow::Result<()> {
    disk.allocated += fs::metadata(folder)?.blocks() * 512;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            weigh(&path, store, disk)?;
            continue;
        }
        disk.bytes += meta.len();
        disk.allocated += meta.blocks() * 512;
        if store.holds_samples(&path) {
            disk.samples += meta.len();
        }
    }
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
