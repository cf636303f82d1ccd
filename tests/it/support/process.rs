//! The built binary in a process of its own: where memory, time and signals are looked at.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use tempfile::TempDir;

use super::{http::value, server::client, within};

/// A server process; killed when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub folder: Arc<TempDir>,
    pub http: reqwest::Client,
}

impl Process {
    /// Starts one on any port, with `push` as its only source.
    pub async fn start(toml: &str) -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        Self::on(&Arc::new(folder), "127.0.0.1:0", toml).await
    }

    /// Likewise, on a folder that may have been used before, and on this address.
    pub async fn on(folder: &Arc<TempDir>, listen: &str, toml: &str) -> Self {
        let no_rules = if toml.contains("[[rules]]") {
            ""
        } else {
            "rules = []\n"
        };
        let config = folder.path().join("config.toml");
        std::fs::write(&config, format!("{no_rules}{toml}")).expect("a configuration");
        let command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
        Self::by(command, folder, listen).await
    }

    /// Starts one that cannot write a file larger than so many bytes, until [`Process::let_grow`].
    #[cfg(target_os = "linux")]
    pub async fn cramped(folder: &Arc<TempDir>, bytes: u64) -> Self {
        std::fs::write(folder.path().join("config.toml"), "rules = []").expect("a configuration");
        let mut command = Command::new("sh");
        // Without the trap it would be killed by a signal, and not told by an error, as a full disk does.
        let script = format!(
            "trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"",
            bytes / 512
        );
        command.args(["-c", &script, env!("CARGO_BIN_EXE_tickwire")]);
        Self::by(command, folder, "127.0.0.1:0").await
    }

    /// Takes that limit away.
    #[cfg(target_os = "linux")]
    pub fn let_grow(&self) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let pid = Pid::from_raw(self.child.id() as i32);
        let limit = Rlimit {
            current: None,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).expect("a limit of its own");
    }

    /// Starts one by a command that takes its arguments.
    async fn by(mut command: Command, folder: &Arc<TempDir>, listen: &str) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TICKWIRE_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(folder.path())
            .args(["--listen", listen, "--data", "data"])
            .env("TICKWIRE_SERVER_WORKERS", "2")
            .env("TICKWIRE_SOURCES_HOST_ENABLED", "false")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        let out = child.stdout.take().expect("its output");
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).map(|_| line)
        });
        let line = within("the server to start", line).await;
        let line = line.expect("a thread").expect("a line");
        let address = line.trim().rsplit("http://").next().unwrap_or_default();
        let address = address.trim_end_matches('/');
        Self {
            child,
            address: address.parse().unwrap_or_else(|_| panic!("{line:?}")),
            folder: folder.clone(),
            http: client(),
        }
    }

    /// The full address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Opens a stream.
    pub async fn stream(&self, path: &str) -> super::Stream {
        let request = self.http.get(self.url(path)).send();
        super::Stream::of(within(path, request).await.expect("an answer"))
    }

    /// Pushes one sample of host `push`.
    pub async fn sample(&self, name: &str, value: u64) {
        let body = serde_json::json!({ "name": name, "value": value }).to_string();
        let request = self.http.post(self.url("/api/ingest")).body(body).send();
        let answer = within("the push", request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }

    /// The value of a metric on `/metrics`.
    pub async fn metric(&self, name: &str) -> f64 {
        let request = self.http.get(self.url("/metrics")).send();
        let answer = within("/metrics", request).await.expect("an answer");
        value(&answer.text().await.expect("a page"), name)
    }

    /// Waits until a metric has come down to zero.
    pub async fn until_zero(&self, name: &str) {
        within(name, async { while self.metric(name).await > 0.0 {} }).await;
    }

    /// Bytes of memory in use.
    pub fn resident(&self) -> u64 {
        self.kib("VmRSS:") << 10
    }

    fn kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process");
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
        kib.expect("a size")
    }

    /// The most bytes of memory that were ever in use.
    pub fn peak(&self) -> u64 {
        self.kib("VmHWM:") << 10
    }

    /// Seconds of a core used so far.
    pub fn cpu_seconds(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("a process");
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |i: usize| fields[i].parse::<f64>().expect("ticks");
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("a process").count()
    }

    /// Tells it to stop, with SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.expect("kill").success());
    }

    /// Tells it to read its configuration again, with SIGHUP.
    pub fn hang_up(&self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-HUP", &id]).status();
        assert!(told.expect("kill").success());
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        within("the server to stop", ended).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
