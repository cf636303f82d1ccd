//! File systems: how full they are.
//!
//! Asking a file system of a dead server can hang for ever, and nothing can end the question. So each round asks on a
//! thread of its own. One that does not answer in time is left behind with its thread, and counted; the round goes on
//! with the next on a new thread, and the silent one is asked again only when its old question was answered. Threads are
//! bounded by a constant: with that many left behind, nothing is asked until one comes back.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::mounts::Mount;
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const fn of_mount(
    name: &'static str,
    unit: &'static str,
    decimals: i32,
    description: &'static str,
) -> MetricDoc {
    MetricDoc::gauge(name, unit, &["mount"], decimals, description)
}

const SIZE: MetricDoc = of_mount("filesystem_size", "B", 0, "Size of a file system.");
const USED: MetricDoc = of_mount("filesystem_used", "B", 0, "Space in use.");
const AVAILABLE: MetricDoc = of_mount(
    "filesystem_available",
    "B",
    0,
    "Space that users other than root can still use.",
);
const USED_PERCENT: MetricDoc = of_mount(
    "filesystem_used_percent",
    "%",
    1,
    "Space in use, as a share of what users can use, as df shows it (which rounds up).",
);
const INODES_PERCENT: MetricDoc = of_mount(
    "filesystem_inodes_used_percent",
    "%",
    1,
    "Inodes in use, as a share of all; left out where they are made as needed.",
);
const HUNG: MetricDoc = MetricDoc::gauge(
    "filesystems_hung",
    "",
    &[],
    0,
    "File systems that do not answer and are left out.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[SIZE, USED, AVAILABLE, USED_PERCENT, INODES_PERCENT, HUNG];

/// A file system that has not answered after this time hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most threads left behind.
const MAX_HUNG: usize = 16;
/// A thread that asks needs next to no stack.
const STACK_BYTES: usize = 128 * 1024;

/// How full a file system is, in blocks of `block_bytes` and in inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) block_bytes: u64,
    pub(super) blocks: u64,
    pub(super) free: u64,
    pub(super) available: u64,
    pub(super) inodes: u64,
    pub(super) inodes_free: u64,
}

impl Usage {
    fn record(&self, mount: &str, out: &mut Recorder) {
        let bytes = |blocks: u64| blocks as f64 * self.block_bytes as f64;
        let used = self.blocks.saturating_sub(self.free);
        SIZE.record(out, [mount], bytes(self.blocks));
        USED.record(out, [mount], bytes(used));
        AVAILABLE.record(out, [mount], bytes(self.available));
        let usable = used as f64 + self.available as f64;
        USED_PERCENT.record(out, [mount], 100.0 * used as f64 / usable);
        let inodes_used = self.inodes.saturating_sub(self.inodes_free);
        INODES_PERCENT.record(
            out,
            [mount],
            100.0 * inodes_used as f64 / self.inodes as f64,
        );
    }
}

/// Asks the system how full a file system is. May hang.
pub(super) fn ask(mount: &Mount) -> io::Result<Usage> {
    let stat = rustix::fs::statvfs(mount.path.as_str())?;
    Ok(Usage {
        block_bytes: stat.f_frsize,
        blocks: stat.f_blocks,
        free: stat.f_bfree,
        available: stat.f_bavail,
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
    })
}

type Ask = dyn Fn(&Mount) -> io::Result<Usage> + Send + Sync;

/// What the thread of a round has found so far.
#[derive(Debug, Default)]
struct Progress {
    done: Vec<(Mount, Usage)>,
    /// What it asks now, since when.
    asking: Option<(Mount, Instant)>,
    /// What it has still to ask, the last first.
    left: Vec<Mount>,
}

#[derive(Debug)]
struct Round {
    progress: Arc<Mutex<Progress>>,
    thread: JoinHandle<()>,
}

/// The file systems of the machine, asked in rounds.
pub(super) struct Filesystems {
    ask: Arc<Ask>,
    round: Option<Round>,
    hung: Vec<(Mount, JoinHandle<()>)>,
}

impl Filesystems {
    pub(super) fn new(ask: Arc<Ask>) -> Self {
        Self {
            ask,
            round: None,
            hung: Vec::new(),
        }
    }

    /// Begins a round over `mounts`, unless one is under way.
    pub(super) fn begin(&mut self, mut mounts: Vec<Mount>) -> Result<(), SampleError> {
        if self.round.is_none() && self.hung.len() < MAX_HUNG {
            mounts.retain(|mount| !self.hung.iter().any(|(hung, _)| hung == mount));
            mounts.reverse();
            self.start(Progress {
                left: mounts,
                ..Progress::default()
            })?;
        }
        Ok(())
    }

    fn start(&mut self, progress: Progress) -> Result<(), SampleError> {
        let progress = Arc::new(Mutex::new(progress));
        let (shared, ask) = (progress.clone(), self.ask.clone());
        let thread = thread::Builder::new()
            .name("filesystems".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || ask_all(&shared, &*ask))
            .map_err(|cause| SampleError::System {
                what: "a thread for file systems",
                cause: cause.into(),
            })?;
        self.round = Some(Round { progress, thread });
        Ok(())
    }

    /// Records a round that has ended, and leaves behind a file system that hangs; never waits.
    ///
    /// # Errors
    /// As long as a file system hangs.
    pub(super) fn collect(&mut self, at: Instant, out: &mut Recorder) -> Result<(), SampleError> {
        self.hung.retain(|(_, thread)| !thread.is_finished());
        if let Some(round) = self.round.take() {
            if round.thread.is_finished() {
                let progress = round
                    .progress
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                for (mount, usage) in &progress.done {
                    usage.record(&mount.path, out);
                }
                HUNG.record(out, [], self.hung.len() as f64);
            } else {
                self.look_after(round, at)?;
            }
        }
        if self.hung.is_empty() {
            return Ok(());
        }
        let mounts: Vec<_> = self
            .hung
            .iter()
            .map(|(hung, _)| hung.path.as_str())
            .collect();
        Err(SampleError::Hung {
            mounts: mounts.join(", "),
        })
    }

    fn look_after(&mut self, round: Round, at: Instant) -> Result<(), SampleError> {
        let mut progress = round
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let hangs = progress
            .asking
            .take_if(|(_, since)| at.saturating_duration_since(*since) > PATIENCE);
        let Some((mount, _)) = hangs else {
            drop(progress);
            self.round = Some(round);
            return Ok(());
        };
        // The thread finds nothing left when it comes back, and ends.
        let rest = std::mem::take(&mut *progress);
        drop(progress);
        self.hung.push((mount, round.thread));
        if self.hung.len() < MAX_HUNG {
            self.start(rest)?;
        }
        Ok(())
    }
}

/// The thread of a round. The lock is never held while a file system is asked.
fn ask_all(progress: &Mutex<Progress>, ask: &Ask) {
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mount = {
            let mut progress = lock();
            let Some(mount) = progress.left.pop() else {
                progress.asking = None;
                return;
            };
            progress.asking = Some((mount.clone(), Instant::now()));
            mount
        };
        let answer = ask(&mount);
        let mut progress = lock();
        // Without the question this thread was left behind. A file system that refuses an answer (no permission, just
        // unmounted) has no figures.
        if progress.asking.take().is_some()
            && let Ok(usage) = answer
            && usage.blocks > 0
        {
            progress.done.push((mount, usage));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;
    use crate::model::HostName;

    const HALF_FULL: Usage = Usage {
        block_bytes: 4096,
        blocks: 100,
        free: 60,
        available: 40,
        inodes: 10,
        inodes_free: 9,
    };

    fn mounts(paths: &[&str]) -> Vec<Mount> {
        let mount = |path: &&str| Mount {
            path: (*path).to_owned(),
        };
        paths.iter().map(mount).collect()
    }

    fn recorder() -> Recorder {
        Recorder::new(HostName::parse("web1").unwrap(), &[])
    }

    /// File systems of which `/dead` hangs until it is released; tells when it is asked.
    fn with_a_dead_server() -> (Filesystems, Receiver<()>, Sender<()>) {
        let (asked, was_asked) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        let ask = move |mount: &Mount| {
            if mount.path == "/dead" {
                asked.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
            Ok(HALF_FULL)
        };
        (Filesystems::new(Arc::new(ask)), was_asked, release)
    }

    fn end_round(filesystems: &mut Filesystems) {
        while !filesystems.round.as_ref().unwrap().thread.is_finished() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_share_in_use_is_that_of_df() {
        let mut out = recorder();
        HALF_FULL.record("/", &mut out);
        let (layout, values) = out.finish();
        assert_eq!(layout[3].key.name.as_str(), "filesystem_used_percent");
        assert_eq!(values, [409_600.0, 163_840.0, 163_840.0, 50.0, 10.0]);
    }

    #[test]
    fn a_file_system_that_hangs_is_left_out_and_counted() {
        let (mut filesystems, was_asked, release) = with_a_dead_server();
        filesystems.begin(mounts(&["/", "/dead", "/home"])).unwrap();
        was_asked.recv().unwrap();
        let mut out = recorder();
        filesystems.collect(Instant::now(), &mut out).unwrap();
        assert!(out.is_empty(), "the round is under way");

        let later = Instant::now() + 2 * PATIENCE;
        let error = filesystems.collect(later, &mut out).unwrap_err();
        assert_eq!(error.to_string(), "no answer from /dead");
        end_round(&mut filesystems);
        assert!(filesystems.collect(later, &mut out).is_err());
        let (layout, values) = out.finish();
        let mounts: Vec<_> = layout
            .iter()
            .filter_map(|s| s.key.labels.get("mount"))
            .collect();
        assert!(mounts.contains(&"/") && mounts.contains(&"/home") && !mounts.contains(&"/dead"));
        assert_eq!(values.last(), Some(&1.0), "one hangs");
        release.send(()).unwrap();
    }

    #[test]
    fn one_that_hangs_is_not_asked_again_until_it_answers() {
        let (mut filesystems, was_asked, release) = with_a_dead_server();
        let mut out = recorder();
        filesystems.begin(mounts(&["/dead"])).unwrap();
        was_asked.recv().unwrap();
        let later = Instant::now() + 2 * PATIENCE;
        assert!(filesystems.collect(later, &mut out).is_err());
        end_round(&mut filesystems);
        assert!(filesystems.collect(later, &mut out).is_err());
        filesystems.begin(mounts(&["/dead"])).unwrap();
        end_round(&mut filesystems);
        assert!(was_asked.try_recv().is_err(), "it was not asked again");

        release.send(()).unwrap();
        while filesystems.collect(later, &mut out).is_err() {
            thread::yield_now();
        }
        release.send(()).unwrap();
        filesystems.begin(mounts(&["/dead"])).unwrap();
        was_asked.recv().unwrap();
    }
}
