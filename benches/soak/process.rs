//! The server under test: this build's own binary, in a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// For clients that live through restarts: as it is delivered, but for a load process that may be late itself.
pub const RESTARTED: &str = r#"
[server]
max_connections = 100000
[stream]
slow_after = "60s"
[[rules]]
name = "soak_high"
metric = "soak_wave"
when = "above"
warning = { fire = 0.5 }
flapping.after = 0
"#;

/// Short memories, so that all that grows by design has grown before the measuring begins; the real host source.
pub const SHORT: &str = r#"
[server]
max_connections = 100000
[stream]
log_bytes = "256KiB"
alerts_kept = 500
slow_after = "1s"
stall_timeout = "10s"
[windows]
span = "5s"
points = 20
[alerts]
history = 50
[[rules]]
name = "soak_high"
metric = "soak_wave"
when = "above"
warning = { fire = 0.5 }
flapping.after = 0
"#;

/// A server process; killed when dropped.
pub struct Process {
    child: Child,
    pub address: String,
    folder: tempfile::TempDir,
}

/// How long a restart took.
#[derive(Debug)]
pub struct Restarted {
    /// When it was told to stop.
    pub told: Instant,
    /// From then until it had ended.
    pub stopping: Duration,
    /// From then until the next one listened.
    pub starting: Duration,
    pub status: ExitStatus,
}

impl Process {
    pub fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("soak.toml"), config).expect("a configuration");
        let (child, address) = serve(&folder, "127.0.0.1:0");
        Self {
            child,
            address,
            folder,
        }
    }

    /// Stops it with SIGTERM, and starts the next one on the same folder and address. Blocks.
    pub fn restart(&mut self) -> Restarted {
        let told = Instant::now();
        let status = self.terminate();
        let stopping = told.elapsed();
        (self.child, _) = serve(&self.folder, &self.address);
        Restarted {
            told,
            stopping,
            starting: told.elapsed() - stopping,
            status,
        }
    }

    /// Seconds of a core used so far.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |i: usize| fields[i].parse::<f64>().expect("ticks");
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Memory in use.
    pub fn resident_mib(&self) -> f64 {
        self.status("VmRSS:") / 1024.0
    }

    /// The most memory that was ever in use.
    pub fn peak_mib(&self) -> f64 {
        self.status("VmHWM:") / 1024.0
    }

    /// Threads.
    pub fn threads(&self) -> usize {
        self.status("Threads:") as usize
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).map_or(0, Iterator::count)
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("a process")
    }

    fn status(&self, name: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a number")
    }

    /// Stops it with SIGTERM.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate()
    }

    fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.expect("kill").success());
        self.child.wait().expect("its end")
    }
}

/// Starts one on a folder; it, and where it listens.
fn serve(folder: &tempfile::TempDir, listen: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["--listen", listen, "--data"])
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(folder.path().join("soak.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    let read = BufReader::new(out).read_line(&mut line);
    read.expect("its first line");
    let address = line.trim().rsplit("http://").next().unwrap_or_default();
    (child, address.trim_end_matches('/').to_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
