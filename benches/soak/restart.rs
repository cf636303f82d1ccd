//! A rolling restart under many clients: the server goes and comes back twice, on the same folder and address, while samples
//! are pushed and the machine is measured; every client comes back by itself and has every event once.
//!
//! What is checked, between two marks, the first before the first restart, the second after the last:
//!
//! - each client, stream or socket, has the numbers of each life without a hole and without a double, and all have the same
//! - they are those that the store has, read by a client that was never there before
//! - each number that a server said it took is in the store
//! - nobody is told `reset` or `lagged`; everybody is told one `gap` a restart; a SIGTERM ends the server with success

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncReadExt as _,
    task::{JoinSet, spawn_blocking},
    time::{interval, sleep, timeout},
};

use crate::{
    Plan,
    clients::{ALL, ask},
    process::{self, Process},
    survivors::{self, Arrivals, Survivor},
    tally::{Sse, Tally},
    trouble::{mark, post, stop_sources},
    verdict::{Figures, Verdict},
};

const RESTARTS: usize = 2;
/// How long all are there before a restart.
const BETWEEN: Duration = Duration::from_secs(3);
/// Longer than coming back takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was pushed.
#[derive(Debug, Default)]
struct Pushed {
    over: AtomicBool,
    /// Numbers that were taken; and those of which nobody knows, because there was no answer.
    taken: AtomicU64,
    in_doubt: AtomicU64,
}

pub async fn run(plan: &Plan) -> Verdict {
    let mut verdict = Verdict::default();
    let http = reqwest::Client::builder().no_proxy();
    let http = http.build().expect("a client");
    let mut server = Process::start(process::RESTARTED);
    let address = server.address.clone();
    let pushed = Arc::new(Pushed::default());
    let pushing = tokio::spawn(push(http.clone(), address.clone(), pushed.clone()));
    let arrivals = Arrivals::default();
    let (begun, cpu) = (Instant::now(), server.cpu_seconds());
    let mut clients = open(plan, &address, &arrivals).await;
    let all = clients.len();
    println!(
        "{} streams and {} sockets are there for the first time after {:.2} s, and {:.2} s of CPU",
        plan.streams,
        plan.sockets,
        begun.elapsed().as_secs_f64(),
        server.cpu_seconds() - cpu,
    );
    mark(&http, &address, 1).await;
    let mut told = Vec::new();
    for restart in 1..=RESTARTS {
        let (cpu, from) = (server.cpu_seconds(), Instant::now());
        sleep(BETWEEN).await;
        let usual = (server.cpu_seconds() - cpu) / from.elapsed().as_secs_f64();
        let restarting = spawn_blocking(move || {
            let restarted = server.restart();
            (server, restarted)
        });
        let restarted;
        (server, restarted) = restarting.await.expect("a restart");
        let status = restarted.status;
        verdict.check(status.success(), || format!("after SIGTERM: {status}"));
        let listening = Instant::now();
        told.push(restarted.told);
        arrived(&arrivals, all * (restart + 1)).await;
        let (took, used) = (listening.elapsed().as_secs_f64(), server.cpu_seconds());
        let figures = Figures::read(&http, &server).await;
        println!(
            "restart {restart}: ended after {:.2} s, listening {:.2} s later, all back {took:.2} s later; meanwhile {used:.2} s of CPU, {:.0} % of a core ({:.0} % before, with all of them there), at most {:.1} MiB, {} waits for a turn to replay",
            restarted.stopping.as_secs_f64(),
            restarted.starting.as_secs_f64(),
            used / took * 100.0,
            usual * 100.0,
            server.peak_mib(),
            figures.of("tickwire_replays_waited_total"),
        );
    }
    sleep(BETWEEN).await;
    pushed.over.store(true, Ordering::Relaxed);
    pushing.await.expect("the pushes");
    stop_sources(&http, &address).await;
    mark(&http, &address, 2).await;
    let mut survivors = Vec::new();
    while let Ok(Some(client)) = timeout(PATIENCE, clients.join_next()).await {
        survivors.push(client.expect("a client's task"));
    }
    let lost = clients.len();
    verdict.check(lost == 0, || {
        format!("{lost} clients never saw the second mark")
    });
    say_when(&told, &survivors);
    judge(&mut verdict, &survivors, &stored(&address).await, &pushed);
    let status = server.stop();
    verdict.check(status.success(), || format!("after SIGTERM: {status}"));
    verdict
}

/// Opens them, a few at a time.
async fn open(plan: &Plan, address: &str, arrivals: &Arrivals) -> JoinSet<Survivor> {
    let mut clients = JoinSet::new();
    for at in 0..plan.streams + plan.sockets {
        let (address, arrivals_of_it) = (address.to_owned(), arrivals.clone());
        match at < plan.streams {
            true => clients.spawn(survivors::stream(address, arrivals_of_it)),
            false => clients.spawn(survivors::socket(address, arrivals_of_it)),
        };
        arrived(arrivals, clients.len().saturating_sub(100)).await;
    }
    arrived(arrivals, clients.len()).await;
    clients
}

/// Waits until so many have arrived, all lives counted.
async fn arrived(arrivals: &Arrivals, count: usize) {
    let begun = Instant::now();
    while arrivals.load(Ordering::Relaxed) < count {
        sleep(Duration::from_millis(1)).await;
        let arrived = arrivals.load(Ordering::Relaxed);
        assert!(
            begun.elapsed() < PATIENCE,
            "only {arrived} of {count} have arrived"
        );
    }
}

/// Ten pushes a second, whoever takes them: numbers in order, and a wave that raises and clears alerts.
async fn push(http: reqwest::Client, address: String, pushed: Arc<Pushed>) {
    let mut pace = interval(Duration::from_millis(100));
    let url = format!("http://{address}/api/ingest");
    for number in 1_u64.. {
        pace.tick().await;
        if pushed.over.load(Ordering::Relaxed) {
            return;
        }
        let (host, value) = (number % 16, number / 16 % 2);
        let body = format!(
            r#"[{{"name":"soak_number","value":{number}}},{{"name":"soak_wave","host":"wave{host}","value":{value}}}]"#
        );
        match post(&http, url.clone(), body).await {
            true => pushed.taken.fetch_add(1, Ordering::Relaxed),
            false => pushed.in_doubt.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// What the store has, for who reads it from the beginning.
async fn stored(address: &str) -> Tally {
    let path = format!("{ALL}&since=earliest");
    let mut tally = Tally::default();
    let mut sse = Sse::default();
    let mut piece = vec![0; 32 << 10];
    let Some(mut socket) = ask(address, &path, false).await else {
        return tally;
    };
    while !tally.is_complete()
        && let Ok(length @ 1..) = socket.read(&mut piece).await
    {
        sse.feed(&piece[..length], &mut tally, |_| {});
    }
    tally
}

/// How long after the SIGTERM they were back.
fn say_when(told: &[Instant], survivors: &[Survivor]) {
    for (at, told) in told.iter().enumerate() {
        let back = survivors.iter().filter_map(|of| of.back_at.get(at + 1));
        let mut after: Vec<f64> = back.map(|back| (*back - *told).as_secs_f64()).collect();
        after.sort_by(f64::total_cmp);
        let part = |part: f64| after.get((after.len() as f64 * part) as usize);
        println!(
            "restart {}: back after the SIGTERM, with all they had missed until the new life: the first after {:.2} s, half of them {:.2} s, 99 % {:.2} s, all {:.2} s",
            at + 1,
            after.first().unwrap_or(&0.0),
            part(0.5).unwrap_or(&0.0),
            part(0.99).unwrap_or(&0.0),
            after.last().unwrap_or(&0.0),
        );
    }
    let in_vain: usize = survivors.iter().map(|of| of.in_vain).sum();
    println!("{in_vain} attempts to come back were in vain");
}

fn judge(verdict: &mut Verdict, survivors: &[Survivor], stored: &Tally, pushed: &Pushed) {
    println!(
        "the store: {} samples, {} alerts, {} activity between the marks, over {RESTARTS} restarts",
        stored.samples, stored.alerts, stored.activity
    );
    verdict.check(
        stored.is_complete() && stored.faults == 0 && stored.holes == 0,
        || format!("the store has not all: {stored:?}"),
    );
    for Survivor { tally, .. } in survivors {
        let is_whole = tally.faults == 0 && tally.holes == 0 && tally.skipped == 0;
        verdict.check(is_whole && tally.gaps == RESTARTS as u64, || {
            format!("a client has not all, or not in order: {tally:?}")
        });
        let same = |of: &Tally| (of.samples, of.alerts, of.activity, of.sum);
        verdict.check(same(tally) == same(stored), || {
            format!("a client has not what the store has: {tally:?} and {stored:?}")
        });
    }
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (taken, in_doubt, all) = (of(&pushed.taken), of(&pushed.in_doubt), stored.numbers);
    verdict.check((taken..=taken + in_doubt).contains(&all), || {
        format!("{taken} numbers were taken and {in_doubt} not answered, and there are {all}")
    });
    println!("{taken} numbers pushed and taken, {in_doubt} not answered, {all} there");
}
