//! Starts the servers, each with one core to itself, and ends them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    machine, measure,
    peers::nchan::Nchan,
    plan::{Kind, Outcome, Plan},
};

/// The word that makes this program one of the servers.
pub const PEER: &str = "--serve-as";
/// The word that makes this program the load.
pub const LOAD: &str = "--be-the-load";

/// How long a server may take to listen and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// tickwire on one core, without sources and rules of its own, and with its limits out of the way. The log is small, so that
/// memory after traffic is that of connections. The load answers no pings.
const TICKWIRE: &str = r#"
rules = []

[server]
listen = "127.0.0.1:0"
workers = 1
max_connections = 1000000

[log]
level = "error"

[stream]
log_bytes = "2MiB"
max_views = 100000

[websocket]
ping = "10m"

[sources.host]
enabled = false
"#;

/// What servers are started with.
pub struct Starter {
    /// The CPU of the server, and that of the load.
    pub cpus: (usize, usize),
    /// nchan, if it can be had.
    pub nchan: Option<Nchan>,
}

/// A running server; ends when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Its processes.
    pub pids: Vec<u32>,
    /// Kept so that what it says further does not fail.
    _said: Option<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl Starter {
    /// Starts a server and waits until it listens.
    pub fn start(&self, kind: Kind) -> anyhow::Result<Server> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = self.command(kind, folder.path(), port)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        machine::pin(self.cpus.0)?;
        let child = command.spawn();
        machine::pin(self.cpus.1)?;
        let child = child.with_context(|| format!("{} cannot be started", kind.name()))?;
        let mut server = Server {
            pids: vec![child.id()],
            child,
            address: ([127, 0, 0, 1], port).into(),
            _said: None,
            _folder: folder,
        };
        if kind == Kind::Nchan {
            server.wait_for_workers()?;
        } else {
            server.wait_for_address()?;
        }
        Ok(server)
    }

    fn command(&self, kind: Kind, folder: &Path, port: u16) -> anyhow::Result<Command> {
        let peer = |name: &str| -> anyhow::Result<Command> {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([PEER, name]);
            Ok(command)
        };
        match kind {
            Kind::Floor => peer("floor"),
            Kind::Axum => peer("axum"),
            Kind::Lab => peer("lab"),
            Kind::Nchan => {
                let nchan = self.nchan.as_ref().context("there is no nchan")?;
                nchan.command(folder, port)
            }
            Kind::TickwireSse | Kind::TickwireWs => {
                let config = folder.join("config.toml");
                fs::write(&config, TICKWIRE)?;
                let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
                command.arg("--config").arg(config);
                command.arg("--data").arg(folder.join("data"));
                Ok(command)
            }
        }
    }

    /// Lets a load process carry out plans, several of them together; an outcome for each.
    pub fn load(&self, plans: &[Plan]) -> anyhow::Result<Vec<Outcome>> {
        machine::pin(self.cpus.1)?;
        let mut load = Command::new(std::env::current_exe()?)
            .arg(LOAD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut order = load.stdin.take().context("the load's input")?;
        order.write_all(&serde_json::to_vec(plans)?)?;
        drop(order);
        let output = load.wait_with_output()?;
        if !output.status.success() {
            bail!("the load did not come to an end");
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Server {
    fn wait_for_address(&mut self) -> anyhow::Result<()> {
        let mut said = BufReader::new(self.child.stdout.take().context("its output")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().unwrap_or_default();
        self.address = address
            .parse()
            .with_context(|| format!("the server does not say where it listens: {line:?}"))?;
        self._said = Some(said);
        Ok(())
    }

    fn wait_for_workers(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let workers = measure::children(self.child.id());
            if !workers.is_empty() && TcpStream::connect(self.address).is_ok() {
                self.pids.extend(workers);
                return Ok(());
            }
            if begun.elapsed() > PATIENCE || self.child.try_wait()?.is_some() {
                bail!("nginx does not listen");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx has to end its worker itself; the others have nothing to lose.
        if self.pids.len() > 1 {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listened on a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
