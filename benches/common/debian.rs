//! Programs out of Debian's packages: downloaded and unpacked into a folder under target/, never installed.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, bail};

/// Downloads packages and unpacks them into `folder`/root; adds their names and versions to `folder`/fetched, one a line.
pub fn fetch(folder: &Path, packages: &[&str]) -> anyhow::Result<()> {
    let (root, downloads) = (folder.join("root"), folder.join("downloads"));
    let _ = fs::remove_dir_all(&downloads);
    fs::create_dir_all(&downloads)?;
    fs::create_dir_all(&root)?;
    let mut download = Command::new("apt-get");
    download.args(["download", "-qq"]).args(packages);
    output(download.current_dir(&downloads))?;
    let mut names = fs::read_to_string(folder.join("fetched")).unwrap_or_default();
    for file in fs::read_dir(&downloads)? {
        let file = file?;
        let mut unpack = Command::new("dpkg-deb");
        output(unpack.arg("--extract").arg(file.path()).arg(&root))?;
        // name_version_architecture.deb, with colons as %3a
        let name = file.file_name().to_string_lossy().replace("%3a", ":");
        let mut parts = name.split('_');
        let (name, version) = (parts.next(), parts.next());
        names += &format!("{} {}\n", name.unwrap_or(""), version.unwrap_or(""));
    }
    fs::write(folder.join("fetched"), names)?;
    Ok(fs::remove_dir_all(&downloads)?)
}

/// Runs a command to its end; its last words are the error if it fails.
pub fn output(command: &mut Command) -> anyhow::Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name}: {}", said.lines().last().unwrap_or("failed"));
    }
    Ok(output)
}
