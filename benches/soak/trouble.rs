//! Everything that goes on around the clients that stay: pushes, restarts of sources, clients that come and go, clients
//! that do not read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use crate::clients::{ALL, ask};

/// Until when it goes on, and what it has done.
#[derive(Debug, Default)]
pub struct Log {
    pub over: AtomicBool,
    /// Samples pushed, changes of alerts that they must cause.
    pub pushed: AtomicU64,
    pub alerts: AtomicU64,
    pub joins: AtomicU64,
    pub restarts: AtomicU64,
    pub stalls: AtomicU64,
    /// What should have worked and did not.
    pub failed: AtomicU64,
}

impl Log {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

pub async fn post(http: &reqwest::Client, url: String, body: String) -> bool {
    let answer = http.post(url).body(body).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// A mark, alone in its batch.
pub async fn mark(http: &reqwest::Client, address: &str, number: u32) {
    let body = format!(r#"{{"name":"soak_mark","value":{number}}}"#);
    let url = format!("http://{address}/api/ingest");
    assert!(post(http, url, body).await, "a mark was not taken");
}

/// After this, what is pushed is all there is.
pub async fn stop_sources(http: &reqwest::Client, address: &str) {
    for source in ["host", "simulated"] {
        let url = format!("http://{address}/api/sources/{source}/stop");
        assert!(post(http, url, String::new()).await, "a source goes on");
    }
}

/// Ten pushes a second: numbers in order, and a wave that raises and clears an alert on one of 16 hosts each time.
pub async fn push(http: reqwest::Client, address: String, log: Arc<Log>) {
    let mut pace = interval(Duration::from_millis(100));
    for number in 1_u64.. {
        pace.tick().await;
        if !log.goes_on() {
            return;
        }
        let (host, value) = (number % 16, number / 16 % 2);
        let body = format!(
            r#"[{{"name":"soak_number","value":{number}}},{{"name":"soak_wave","host":"wave{host}","value":{value}}}]"#
        );
        let url = format!("http://{address}/api/ingest");
        if post(&http, url, body).await {
            add(&log.pushed, 2);
            // The first time round they are all low.
            add(&log.alerts, u64::from(number >= 16));
        } else {
            add(&log.failed, 1);
        }
    }
}

/// Sources stop and start.
pub async fn restart(http: reqwest::Client, address: String, log: Arc<Log>) {
    let mut pace = interval(Duration::from_millis(1500));
    for round in 0_u64.. {
        pace.tick().await;
        if !log.goes_on() {
            return;
        }
        let simulated = if round % 2 == 0 { "start" } else { "stop" };
        let mut commands = vec![("simulated", simulated)];
        if round % 4 == 3 {
            commands.extend([("host", "stop"), ("host", "start")]);
        }
        for (source, action) in commands {
            let url = format!("http://{address}/api/sources/{source}/{action}");
            match post(&http, url, String::new()).await {
                true => add(&log.restarts, 1),
                false => add(&log.failed, 1),
            }
        }
    }
}

/// A client that takes nothing: it is to be cut off; then comes the next one.
pub async fn stall(address: String, log: Arc<Log>) {
    while log.goes_on() {
        let Some(mut socket) = ask(&address, ALL, true).await else {
            add(&log.failed, 1);
            continue;
        };
        sleep(Duration::from_secs(14)).await;
        if !log.goes_on() {
            return;
        }
        let rest = async { while socket.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {} };
        match timeout(Duration::from_secs(5), rest).await {
            Ok(()) => add(&log.stalls, 1),
            Err(_) => add(&log.failed, 1),
        }
    }
}

/// Clients of every kind that stay for a moment.
pub async fn churn(address: String, log: Arc<Log>) {
    while log.goes_on() {
        let stay = Duration::from_millis(rand::random_range(0..300));
        let is_well = match rand::random_range(0..5) {
            0 => visit(&address, ALL, stay).await,
            1 => visit(&address, "/api/events/metrics?format=ndjson&since=1s", stay).await,
            2 => {
                let name: u32 = rand::random_range(0..10_000);
                let path = format!("/api/events/metrics?names=m{name},load*&shape=batch");
                visit(&address, &path, stay).await
            }
            3 => visit(&address, "/pages/stream?page=overview", stay).await,
            _ => visit_socket(&address, stay).await,
        };
        add(&log.joins, 1);
        add(&log.failed, u64::from(!is_well));
    }
}

async fn visit(address: &str, path: &str, stay: Duration) -> bool {
    let Some(mut socket) = ask(address, path, false).await else {
        return false;
    };
    let reading = async { while socket.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {} };
    // Who was not ended before it leaves was served well.
    let ended = timeout(stay, reading).await.is_ok();
    let _ = socket.shutdown().await;
    !ended
}

async fn visit_socket(address: &str, stay: Duration) -> bool {
    let connected = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await;
    let Ok((mut socket, _)) = connected else {
        return false;
    };
    let subscribe = r#"{"type":"subscribe","metrics":["load*","cpu_*"],"max_rate":5}"#;
    if socket.send(Message::text(subscribe)).await.is_err() {
        return false;
    }
    let reading = async { while let Some(Ok(_)) = socket.next().await {} };
    let ended = timeout(stay, reading).await.is_ok();
    if rand::random() {
        let _ = socket.close(None).await;
    }
    !ended
}
