//! A soak: clients that stay must miss nothing while everything around them goes wrong, and the server must not grow.
//!
//! `cargo bench --bench soak -- [--minutes N] [--streams N] [--sockets N] [--quick] [--restart]`; without arguments 2,000 streams and
//! 500 sockets for a minute, with `--quick` few of them for 20 seconds, also in a debug build. The server is this build's
//! own binary in a process of its own, with its real host source. Meanwhile sources stop and start, alerts are raised and
//! cleared by pushes, clients come and go, some read slowly and some not at all.
//!
//! What is checked, between two marks that are samples like all others:
//!
//! - each steady client of everything: samples + alerts + activity received = difference of the marks' numbers (so none is
//!   missing), numbers rise, and all of a kind saw the same numbers
//! - each filtered client: samples = those pushed + the mark; alerts = changes that the pushes cause; the rest was filtered
//! - each slow client: samples + skipped (as `lagged` told it) + alerts + activity = difference of the numbers; alerts as above
//! - `tickwire_conflated_samples_total` grew by the sum of what slow clients were told; no resets; events sent cover all received
//! - readers that take nothing are cut off, and `tickwire_stalled_total` counts each of them
//! - after a warm-up resident memory grows by less than 2 MiB and 3 %; at the end clients, descriptors and threads are as at
//!   the beginning, and a SIGTERM ends it with success
//!
//! With `--restart` it is the server that goes and comes back, under 1,500 streams and 500 sockets of everything (100 and 50
//! with `--quick`); see `restart`.

mod clients;
mod process;
mod restart;
mod survivors;
mod tally;
mod trouble;
mod verdict;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use self::{
    clients::{Kind, Seen},
    process::Process,
    verdict::{Figures, Verdict},
};

/// How many of whom, for how long.
pub struct Plan {
    pub streams: usize,
    pub sockets: usize,
    /// The server is restarted instead.
    pub restart: bool,
    /// Of each: filtered, slow, stalled, coming and going.
    others: usize,
    time: Duration,
}

impl Plan {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            let value = arguments
                .get(at + 1)
                .and_then(|text| text.parse::<f64>().ok());
            Some(value.unwrap_or_else(|| panic!("{name} takes a number")))
        };
        let or = |name, quickly: usize, fully: usize| match value(name) {
            Some(value) => value as usize,
            None if quick => quickly,
            None => fully,
        };
        let minutes = value("--minutes").unwrap_or(if quick { 1.0 / 3.0 } else { 1.0 });
        let restart = arguments.iter().any(|argument| argument == "--restart");
        let ((few_streams, few_sockets), streams) = match restart {
            true => ((100, 50), 1500),
            false => ((60, 20), 2000),
        };
        Self {
            streams: or("--streams", few_streams, streams),
            sockets: or("--sockets", few_sockets, 500),
            others: if quick { 3 } else { 10 },
            restart,
            time: Duration::from_secs_f64(minutes * 60.0),
        }
    }
}

fn main() {
    // A client of reqwest asks for one, although nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plan = Plan::read();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if plan.restart {
        let verdict = runtime.block_on(restart::run(&plan));
        assert!(verdict.is_good(), "see above");
        return;
    }
    let server = Process::start(process::SHORT);
    let mut verdict = runtime.block_on(soak(&plan, &server));
    let status = server.stop();
    verdict.check(status.success(), || format!("after SIGTERM: {status}"));
    assert!(verdict.is_good(), "see above");
}

async fn soak(plan: &Plan, server: &Process) -> Verdict {
    let mut verdict = Verdict::default();
    let http = reqwest::Client::builder().no_proxy();
    let http = http.build().expect("a client");
    let address = server.address.clone();
    let begun = Figures::read(&http, server).await;

    let opened = Instant::now();
    let mut staying = open(plan, &address).await;
    let took = opened.elapsed().as_secs_f64();
    println!("{} clients open after {took:.1} s", staying.len());

    let log = Arc::new(trouble::Log::default());
    let before = Figures::read(&http, server).await;
    trouble::mark(&http, &address, 1).await;
    let mut around = JoinSet::new();
    for _ in 0..plan.others {
        around.spawn(trouble::stall(address.clone(), log.clone()));
        around.spawn(trouble::churn(address.clone(), log.clone()));
    }
    let restarts = tokio::spawn(trouble::restart(http.clone(), address.clone(), log.clone()));
    let pushing = tokio::spawn(trouble::push(http.clone(), address.clone(), log.clone()));

    let (cpu, from) = (server.cpu_seconds(), Instant::now());
    let mut sizes = Vec::new();
    while from.elapsed() < plan.time {
        sleep(Duration::from_millis(500)).await;
        sizes.push((from.elapsed().as_secs_f64(), server.resident_mib()));
    }
    let used = (server.cpu_seconds() - cpu) / from.elapsed().as_secs_f64();
    log.over.store(true, Ordering::Relaxed);
    pushing.await.expect("the pushes");
    restarts.await.expect("the restarts");
    // Then the mark is the last sample, and what slow clients are told to have missed lies before it.
    trouble::stop_sources(&http, &address).await;
    trouble::mark(&http, &address, 2).await;

    let mut seen: Vec<Seen> = Vec::new();
    let patience = Instant::now() + Duration::from_secs(60);
    while let Ok(Some(client)) = timeout(
        patience.saturating_duration_since(Instant::now()),
        staying.join_next(),
    )
    .await
    {
        seen.push(client.expect("a client's task"));
    }
    let late = staying.len();
    verdict.check(late == 0, || {
        format!("{late} clients never saw the second mark")
    });
    let after = Figures::read(&http, server).await;
    staying.shutdown().await;
    around.shutdown().await;

    println!(
        "server: {:.1} % of a core, {:.1} MiB resident",
        used * 100.0,
        sizes.last().map_or(0.0, |(_, size)| *size)
    );
    verdict.clients(&seen, &log);
    verdict.counters(&before, &after, &seen, &log);
    verdict.memory(&sizes);
    verdict.leftovers(&begun, &http, server).await;
    verdict
}

/// Opens the clients that stay, as fast as the other side accepts, not faster: this is about staying, not arriving.
async fn open(plan: &Plan, address: &str) -> JoinSet<Seen> {
    let kinds = [
        (Kind::Stream, plan.streams),
        (Kind::Socket, plan.sockets),
        (Kind::Filtered, plan.others),
        (Kind::Slow, plan.others),
    ];
    let all = kinds.iter().flat_map(|(kind, count)| vec![*kind; *count]);
    let open = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    let wait = async |count: usize| {
        while open.load(Ordering::Relaxed) < count {
            sleep(Duration::from_millis(1)).await;
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(60), "clients could not connect");
        }
    };
    for kind in all {
        match kind {
            Kind::Socket => clients.spawn(clients::socket(address.to_owned(), open.clone())),
            _ => clients.spawn(clients::stream(address.to_owned(), kind, open.clone())),
        };
        wait(clients.len().saturating_sub(100)).await;
    }
    wait(clients.len()).await;
    clients
}
