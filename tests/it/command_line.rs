//! The built binary.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The binary, in a folder of its own, with nothing of ours in its environment.
fn tickwire(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKWIRE_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(arguments: &[&str], config: &str) -> (Output, String, String) {
    let folder = TempDir::new().unwrap();
    if !config.is_empty() {
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
    }
    let output = tickwire(folder.path(), arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

const FAULTY: &str =
    "[server]\nlisten = \"nowhere\"\ncolour = 1\n[stream]\nheartbeat = \"1 fortnight\"\n";

#[test]
fn check_prints_every_fault_with_its_line_and_exits_with_2() {
    for arguments in [
        &["check"][..],
        &["check", "--config", "config.toml"],
        &["serve"],
        &[],
    ] {
        let (output, _, err) = run(arguments, FAULTY);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        for (line, key) in [(2, "listen"), (3, "colour"), (5, "heartbeat")] {
            assert!(
                err.lines()
                    .any(|l| l.contains(&format!("config.toml:{line}")) && l.contains(key)),
                "{key} in {err}"
            );
        }
    }
}

#[test]
fn check_says_that_a_good_configuration_is_good() {
    let (output, out, _) = run(&["check"], "[server]\nlisten = \"127.0.0.1:0\"\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(out.contains("good"), "{out}");
    let (output, ..) = run(&["check"], "");
    assert_eq!(output.status.code(), Some(0));
    let (output, _, err) = run(&["check", "--config", "missing.toml"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("missing.toml"), "{err}");
}

#[test]
fn help_and_version_are_told() {
    let (output, out, _) = run(&["--help"], "");
    assert!(output.status.success());
    for word in ["serve", "check", "--config", "--listen", "--data", "--demo"] {
        assert!(out.contains(word), "{word} in {out}");
    }
    let (output, out, _) = run(&["--version"], "");
    assert!(output.status.success());
    assert_eq!(
        out.trim(),
        format!("tickwire {}", env!("CARGO_PKG_VERSION"))
    );
    let (output, ..) = run(&["--colour"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_start_that_fails_says_why_and_exits_with_1() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--data", "file"];
    let output = tickwire(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.contains("tickwire: cannot write to the data folder file"),
        "{err}"
    );
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let folder = TempDir::new().unwrap();
        let mut server = tickwire(
            folder.path(),
            &["--listen", "127.0.0.1:0", "--data", "data"],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        assert!(first.contains(" on http://127.0.0.1:"), "{first}");
        let pid = server.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = server.wait().unwrap();
        let mut err = String::new();
        server
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        assert_eq!(status.code(), Some(0), "{signal}: {err}");
        assert!(folder.path().join("data/tickwire.db").is_file());
    }
}

fn done_in(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = tickwire(folder, arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_is_whole_and_a_server_goes_on_from_it() {
    let process = crate::support::process::Process::start("").await;
    for value in 1..=5 {
        process.sample("m", value).await;
    }
    let written = async {
        while process.metric("tickwire_store_samples_total").await < 5.0 {
            tokio::task::yield_now().await;
        }
    };
    crate::support::within("the store", written).await;
    let folder = process.folder.path();
    let (code, said) = done_in(folder, &["verify", "--data", "data"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("5 samples") && said.contains("0 faults"),
        "{said}"
    );
    let (code, said) = done_in(folder, &["backup", "copy.db", "--data", "data"]);
    assert_eq!(code, Some(0), "{said}");
    // It overwrites nothing.
    let (code, said) = done_in(folder, &["backup", "copy.db", "--data", "data"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("copy.db is there already"), "{said}");
    let other = std::sync::Arc::new(TempDir::new().unwrap());
    std::fs::copy(folder.join("copy.db"), other.path().join("tickwire.db")).unwrap();
    let server = crate::support::Server::on(&other, "").await;
    let past = server.json("/api/history?names=m&step=raw").await;
    let points = past["series"][0]["points"].as_array().unwrap();
    assert_eq!(points.last().unwrap()[1], 5);

    // One byte of what was stored is another one.
    let file = folder.join("copy.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    let broken = "UPDATE journal SET data = zeroblob(length(data)) WHERE samples > 0";
    assert!(database.execute(broken, []).unwrap() > 0);
    drop(database);
    std::fs::create_dir(folder.join("broken")).unwrap();
    std::fs::rename(&file, folder.join("broken/tickwire.db")).unwrap();
    let (code, said) = done_in(folder, &["verify", "--data", "broken"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("of the journal: the stored data is damaged"),
        "{said}"
    );
    let (code, said) = done_in(folder, &["verify", "--data", "nowhere"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot read"), "{said}");
}
