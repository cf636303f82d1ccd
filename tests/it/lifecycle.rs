//! Start and stop: how long a stop takes, what clients are told, and why a start fails.

use std::{sync::Arc, time::Instant};

use tempfile::TempDir;
use tickwire::app::StartError;

use crate::support::{Server, server, socket::samples};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_open_streams_are_told_and_ended_within_the_bound() {
    let server = Server::start().await;
    // Opened together: each open one costs a connection, and a handshake in turn would cost a second.
    let opened = (0..1000).map(|_| server.stream("/api/events/all"));
    let streams = futures_util::future::join_all(opened).await;
    assert_eq!(
        server.metric("tickwire_clients{kind=\"sse\"}").await,
        1000.0
    );
    let clients = tokio::spawn(async move {
        let endings = streams.into_iter().map(|mut stream| async move {
            let draining = stream.event("draining").await;
            (
                draining.retry.expect("a retry"),
                draining.id,
                stream.next().await,
            )
        });
        futures_util::future::join_all(endings).await
    });
    let begun = Instant::now();
    server.stop().await;
    let took = begun.elapsed();
    let endings = clients.await.unwrap();
    assert!(
        endings
            .iter()
            .all(|(_, id, next)| id.is_none() && next.is_none())
    );
    let retries: std::collections::BTreeSet<_> = endings.iter().map(|(retry, ..)| retry).collect();
    assert!(retries.len() > 100, "{} different retries", retries.len());
    // Promised are 2 s for a stop by itself; here a thousand clients share two cores with it.
    assert!(took.as_secs_f64() < 4.0, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_told_and_closed_with_1001_after_all_that_was_due_to_it() {
    let server = Server::start().await;
    let mut socket = server.socket().await;
    socket
        .ask(serde_json::json!({ "type": "subscribe", "id": 1, "since": "latest" }))
        .await;
    for value in 1..=100 {
        server.sample("m", value).await;
    }
    let (_, (frames, code)) = tokio::join!(server.stop(), socket.closed());
    assert_eq!(code, Some(1001));
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "draining");
    assert!(last["retry"].is_u64(), "{last}");
    let metrics = frames.iter().filter(|f| f["type"] == "metrics");
    assert_eq!(metrics.flat_map(samples).count(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_listens_no_more_and_its_folder_is_free() {
    let server = Server::start().await;
    let url = server.url("/healthz");
    let folder = server.stop().await;
    assert!(server::client().get(url).send().await.is_err());
    Server::on(&folder, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_folder_do_not_start() {
    let first = Server::start().await;
    let second = server::start(server::config(first.folder.path(), "")).await;
    let error = second.err().expect("an error").to_string();
    assert!(
        error.contains("another tickwire is using the data folder"),
        "{error}"
    );
    assert!(
        error.contains(first.folder.path().to_str().unwrap()),
        "{error}"
    );
    first.sample("still", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_and_the_folder_left_free() {
    let first = Server::start().await;
    let folder = Arc::new(TempDir::new().unwrap());
    let mut config = server::config(folder.path(), "");
    config.server.listen = first.app.address();
    let error = server::start(config).await.err().expect("an error");
    assert!(matches!(error, StartError::Listen { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&first.app.address().to_string()),
        "{error}"
    );
    Server::on(&folder, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    // A file in its place: not writable for anybody, root included.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("below")] {
        let error = server::start(server::config(&data, ""))
            .await
            .err()
            .expect("an error");
        assert!(matches!(error, StartError::Store(_)), "{error:?}");
        assert!(
            error.to_string().contains(data.to_str().unwrap()),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_set_aside_and_everybody_is_told() {
    let folder = Arc::new(TempDir::new().unwrap());
    let text = "this is no database, by far not";
    std::fs::write(folder.path().join("tickwire.db"), text).unwrap();
    let server = Server::on(&folder, "").await;
    let mut feed = server
        .stream("/api/events/all?topics=activity&since=earliest")
        .await;
    let told = feed
        .find("the notice", |event| event.data["kind"] == "store")
        .await;
    let message = told.data["message"].as_str().unwrap();
    let aside = message
        .split_whitespace()
        .find(|word| word.contains("tickwire.db.damaged-"));
    let aside = aside.expect("its new name").trim_end_matches(';');
    assert_eq!(std::fs::read_to_string(aside).unwrap(), text);
}

/// Nobody, root included, may write there.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_folder_to_write_to_it_runs_and_says_that_nothing_is_kept() {
    let config = server::config(std::path::Path::new("/sys/tickwire"), "");
    let server = Server::of(config).await;
    let mut feed = server
        .stream("/api/events/all?topics=metrics,activity&since=earliest")
        .await;
    let told = feed
        .find("the notice", |event| event.data["kind"] == "store")
        .await;
    let message = told.data["message"].as_str().unwrap();
    assert!(message.starts_with("nothing is kept:"), "{message}");
    server.sample("m", 7).await;
    assert_eq!(feed.event("metric").await.data["value"], 7);
    assert_eq!(server.metric("tickwire_store_failed_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_leaves_one_file_with_everything_in_it() {
    let server = Server::start().await;
    let now = chrono::Utc::now().timestamp_millis();
    let sample = |value: i64| serde_json::json!({ "name": "m", "value": value, "timestamp": now - 1000 * (100 - value) });
    server.push((1..=100).map(sample).collect::<Vec<_>>()).await;
    // Somebody reads, too.
    let read = async |server: &Server| {
        let samples = server.json("/api/history?names=m&from=1h").await;
        let points = samples["series"][0]["points"].as_array().cloned();
        let values = points.unwrap_or_default().into_iter();
        values.map(|point| point[1].clone()).collect::<Vec<_>>()
    };
    read(&server).await;
    let folder = server.stop().await;
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("tickwire")).collect();
    names.sort_unstable();
    assert_eq!(names, ["tickwire.db", "tickwire.lock"]);
    let server = Server::on(&folder, "").await;
    let expected: Vec<_> = (1..=100).map(serde_json::Value::from).collect();
    assert_eq!(read(&server).await, expected);
}
