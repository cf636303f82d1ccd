//! `tickwire export`: the same as `GET /api/history`, out of the folder, also while a server works on it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tickwire::model::Clock;

use crate::support::{Server, process::Process, within};

/// The binary in the folder of a server, whose data is in `data`.
fn export(process: &Process, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    command.arg("export").args(arguments);
    command.args(["--data", "data"]);
    command.current_dir(process.folder.path());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKWIRE_") {
            command.env_remove(name);
        }
    }
    command
}

/// The exit code, what was written, and what was said.
fn done(mut command: Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A server with 1,200 samples of each of three series, all stored; and when the first of them was.
async fn recorded() -> (Process, i64) {
    let process = Process::start("").await;
    let begin = Clock::default().now().as_millis() - 1_200_000;
    let batch: Vec<Value> = (0..1200)
        .flat_map(|i| {
            let time = begin + i * 1000;
            let value = (i * 7919 % 1000) as f64 / 10.0;
            let labels = json!({ "core": "0", "n": "a,\"b\"" });
            [
                json!({ "name": "wave", "value": value, "timestamp": time, "unit": "%", "labels": labels }),
                json!({ "name": "wave", "value": 1, "timestamp": time, "host": "web1" }),
                json!({ "name": "other", "value": i, "timestamp": time }),
            ]
        })
        .collect();
    for part in batch.chunks(900) {
        let body = serde_json::to_string(part).unwrap();
        let request = process.http.post(process.url("/api/ingest")).body(body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let written = async {
        while process.metric("tickwire_store_samples_total").await < 3600.0 {
            tokio::task::yield_now().await;
        }
    };
    within("the store", written).await;
    (process, begin)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_what_the_server_answers() {
    let (process, begin) = recorded().await;
    let (from, to) = (begin.to_string(), (begin + 1_200_000).to_string());
    let span = ["--from", &from, "--to", &to];
    for (arguments, query) in [
        (&[][..], ""),
        (
            &["--names", "wave", "--points", "40"],
            "names=wave&points=40",
        ),
        (&["--step", "raw", "--hosts", "web*"], "step=raw&hosts=web*"),
        (
            &["--step", "1m", "--agg", "max,count", "--format", "csv"],
            "step=1m&agg=max,count&format=csv",
        ),
        (
            &[
                "--label", "core=0", "--label", "absent=", "--format", "ndjson",
            ],
            "label.core=0&label.absent=&format=ndjson",
        ),
        (&["--names", "nothing"], "names=nothing"),
    ] {
        let path = format!("/api/history?from={from}&to={to}&{query}");
        let answer = process.http.get(process.url(&path)).send().await.unwrap();
        let expected = answer.text().await.unwrap();
        let (code, out, err) = done(export(&process, &[&span, arguments].concat()));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{query}");
        // What is stored may be behind what was streamed by lines of the feed.
        let plain = |text: &str| match text.strip_prefix("{\"position\":\"") {
            None => text.to_owned(),
            Some(rest) => rest.split_once(',').unwrap().1.to_owned(),
        };
        assert!(
            !plain(&out).is_empty() || query.contains("absent"),
            "{query}"
        );
        assert_eq!(plain(&out), plain(&expected), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_exported_can_be_pushed_again_also_after_the_server_is_gone() {
    let (mut process, _) = recorded().await;
    process.kill();
    let arguments = ["--step", "raw", "--format", "ndjson", "--output", "lines"];
    let (code, out, err) = done(export(&process, &arguments));
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""));
    let lines = std::fs::read_to_string(process.folder.path().join("lines")).unwrap();
    assert_eq!(lines.lines().count(), 3600);
    let server = Server::start().await;
    let (status, report) = server.tell("/api/ingest", lines).await;
    assert_eq!((status, report["accepted"].as_u64()), (200, Some(3600)));
    // It overwrites nothing.
    let (code, _, err) = done(export(&process, &arguments));
    assert_eq!(code, Some(1));
    assert!(err.starts_with("tickwire: cannot write lines"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_had_enough_ends_it_quietly() {
    let (process, _) = recorded().await;
    let arguments = ["--step", "raw", "--format", "csv"];
    let mut command = export(&process, &arguments);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::with_capacity(64, child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    assert_eq!(first, "timestamp,host,name,labels,unit,value\r\n");
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_said() {
    let (mut process, _) = recorded().await;
    for (arguments, code, said) in [
        (
            &["--step", "0"][..],
            2,
            "step \"0\" is not valid: it takes raw, or a duration",
        ),
        (
            &["--step", "1s", "--points", "9"],
            2,
            "points \"9\" is not valid",
        ),
        (
            &["--from", "1m", "--to", "1h"],
            2,
            "to \"1h\" is not valid: it takes a time later than from",
        ),
        (&["--format", "xml"], 2, "json, ndjson or csv"),
        (&["--label", "=x"], 2, "label."),
        (&["--colour"], 2, "--colour"),
        (&["--output", "no/where"], 1, "cannot write no/where"),
        (&["--config", "missing.toml"], 2, "missing.toml"),
    ] {
        let (found, _, err) = done(export(&process, arguments));
        assert_eq!(found, Some(code), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    process.kill();
    let database = rusqlite::Connection::open(process.folder.path().join("data/tickwire.db"));
    let broken = "UPDATE journal SET data = zeroblob(length(data)) WHERE samples > 0";
    assert!(database.unwrap().execute(broken, []).unwrap() > 0);
    let (code, _, err) = done(export(&process, &[]));
    assert_eq!(code, Some(1));
    assert!(err.contains("damaged and were left out"), "{err}");
    std::fs::remove_dir_all(process.folder.path().join("data")).unwrap();
    let (code, _, err) = done(export(&process, &[]));
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot read data/tickwire.db"), "{err}");
}
