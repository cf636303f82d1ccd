//! A data folder that is not as it was left: damaged anywhere, or of a newer program.

use std::{
    io::{Seek as _, SeekFrom, Write as _},
    sync::Arc,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tempfile::TempDir;
use tickwire::store::FILE;

use crate::support::{Server, server, sse::Event, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_program_is_refused_and_left_as_it_is() {
    let folder = Server::start().await.stop().await;
    let file = folder.path().join(FILE);
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    database.close().unwrap();
    let before = std::fs::read(&file).unwrap();
    let started = server::start(server::config(folder.path(), "")).await;
    let error = started.err().expect("an error").to_string();
    let expected = "was written by a newer tickwire (schema 99, this one knows";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // Nor is it looked after by what does not know it.
    let verified = tickwire::store::care::verify(folder.path());
    let error = verified.expect_err("a newer one").to_string();
    assert!(error.contains(expected), "{error}");
}

/// Pages of a database that are damaged at once.
const PAGES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn with_any_page_damaged_it_starts_streams_and_says_what_is_missing() {
    let seed = std::env::var("TICKWIRE_SEED")
        .map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = Arc::new(TempDir::new().unwrap());
    // Two lives, so that there are blocks and rows.
    for life in 0..2 {
        let server = Server::on(&folder, "").await;
        for round in 0..40 {
            let batch: Vec<_> = (0..200)
                .map(|i| json!({ "name": format!("m{i}"), "value": rng.random_range(0..100_000) + round }))
                .collect();
            server.push(batch).await;
        }
        if life > 0 {
            let made = "tickwire_store_blocks_made_total";
            within("a block", async {
                while server.metric(made).await < 1.0 {}
            })
            .await;
        }
        server.stop().await;
    }
    let whole = std::fs::read(folder.path().join(FILE)).unwrap();
    let pages = whole.len() / 4096;
    for round in 0..20 {
        let copy = Arc::new(TempDir::new().unwrap());
        let path = copy.path().join(FILE);
        std::fs::write(&path, &whole).unwrap();
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let damaged: Vec<usize> = (0..PAGES).map(|_| rng.random_range(0..pages)).collect();
        for page in &damaged {
            file.seek(SeekFrom::Start(*page as u64 * 4096)).unwrap();
            let mut bytes = vec![0; 4096];
            rng.fill(&mut bytes[..]);
            file.write_all(&bytes).unwrap();
        }
        drop(file);
        let server = Server::on(&copy, "").await;
        let mut stream = server.stream("/api/events/metrics?since=earliest").await;
        server.sample("now", 1).await;
        let is_last = |event: &Event| event.data["name"] == "now";
        let events = stream.until(&["metric", "gap", "reset"], is_last).await;
        let count = |kind: &str| events.iter().filter(|event| event.event == kind).count();
        println!(
            "round {round}, pages {damaged:?} of {pages}: {} samples, {} gaps, {} resets",
            count("metric"),
            count("gap"),
            count("reset")
        );
        // What is missing is told, by more than the gaps between three lives, and not again and again; or it was set aside.
        let is_whole = count("metric") == 2 * 40 * 200 + 1;
        let mut files = std::fs::read_dir(copy.path()).unwrap().flatten();
        let is_aside = files.any(|of| of.file_name().to_string_lossy().contains("damaged"));
        let told = count("reset") + count("gap");
        assert!(
            is_whole || is_aside || told > 2 || count("reset") > 0,
            "{damaged:?}"
        );
        assert!(told < 20, "{damaged:?}");
        drop(stream);
        server.stop().await;
    }
}
