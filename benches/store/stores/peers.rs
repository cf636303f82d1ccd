//! VictoriaMetrics and Prometheus out of Debian's packages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::bail;

use crate::debian;

/// Where the unpacked programs are, and which they are.
pub struct Peers {
    pub programs: PathBuf,
    pub victoria: String,
    pub prometheus: String,
}

/// What is unpacked in `folder`, or is now fetched into it.
pub fn get(folder: &Path) -> anyhow::Result<Peers> {
    let programs = folder.join("root/usr/bin");
    let runs = |program: &str| {
        let mut command = Command::new(programs.join(program));
        command.arg("--version").stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    let all = || {
        ["victoria-metrics", "prometheus", "promtool"]
            .iter()
            .all(|program| runs(program))
    };
    if !all() {
        let _ = fs::remove_dir_all(folder);
        debian::fetch(folder, &["victoria-metrics", "prometheus"])?;
    }
    if !all() {
        bail!("what was unpacked does not run on this machine");
    }
    let fetched = fs::read_to_string(folder.join("fetched"))?;
    let version = |name: &str| {
        let version = fetched.lines().find_map(|line| line.strip_prefix(name));
        version
            .unwrap_or("")
            .split('+')
            .next()
            .unwrap_or("")
            .trim()
            .to_owned()
    };
    Ok(Peers {
        victoria: format!("VictoriaMetrics {}", version("victoria-metrics ")),
        prometheus: format!("Prometheus {}", version("prometheus ")),
        programs,
    })
}
