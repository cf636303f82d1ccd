//! Clients that hold on to what they are given, or come and go without end.

use std::time::Duration;

use futures_util::future::join_all;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{http::problem, process::Process, raw::handshake, within};

const SSE: &str = "tickwire_clients{kind=\"sse\"}";

/// Connections that send a byte now and then, each time somebody else was served, until the server ends all of them; what
/// it sent.
async fn trickle(process: &Process, opening: &str) -> Vec<Vec<u8>> {
    let mut slow = Vec::new();
    let memory = process.peak();
    let cpu = process.cpu_seconds();
    let mut rounds = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..20 {
        let mut socket = TcpStream::connect(process.address).await.unwrap();
        socket.write_all(opening.as_bytes()).await.unwrap();
        slow.push((socket, Vec::new(), true));
    }
    let all = async {
        while slow.iter().any(|(.., open)| *open) {
            pace.tick().await;
            process.sample("m", 1).await;
            rounds += 1;
            for (socket, seen, open) in &mut slow {
                let mut piece = [0; 4096];
                match socket.try_read(&mut piece) {
                    Ok(0) => *open = false,
                    Ok(n) => seen.extend_from_slice(&piece[..n]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => *open = false,
                }
                let _ = socket.try_write(b"x");
            }
        }
    };
    within("the slow ones to be ended", all).await;
    // A round is 20 bytes that came alone, and a push, in 50 ms or more: a server that spins uses all of them.
    let cpu = (process.cpu_seconds() - cpu) * 1000.0 / f64::from(rounds);
    let grown = (process.peak() - memory) >> 20;
    println!("{cpu:.2} ms of a core a round in {rounds} rounds, {grown} MiB more at the most");
    assert!(cpu < 20.0, "{cpu} ms a round");
    assert!(grown < 16, "{grown} MiB");
    slow.into_iter().map(|(_, seen, _)| seen).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_ended() {
    let process = Process::start("").await;
    for seen in trickle(&process, "GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await {
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.is_empty() || seen.starts_with("HTTP/1.1 4"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_byte_by_byte_is_ended() {
    let process = Process::start("[ingest]\nbody_timeout = \"1s\"").await;
    let head = "POST /api/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
    for seen in trickle(&process, head).await {
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.starts_with("HTTP/1.1 408"), "{seen}");
        assert!(seen.contains("ingest.body_timeout"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_different_filters_are_capped_and_their_memory_comes_back() {
    let process = Process::start("[stream]\nmax_views = 500").await;
    let mut sizes = Vec::new();
    for round in 0..10 {
        let ask = |i: usize| {
            let url = process.url(&format!("/api/events/metrics?names=m{round}_{i},*"));
            async {
                within("an answer", process.http.get(url).send())
                    .await
                    .unwrap()
            }
        };
        let mut open = Vec::new();
        for part in 0..10 {
            let answers = join_all((part * 50..part * 50 + 50).map(ask)).await;
            assert!(answers.iter().all(|answer| answer.status() == 200));
            open.extend(answers);
        }
        assert_eq!(process.metric("tickwire_views").await, 500.0);
        for part in 10..20 {
            for answer in join_all((part * 50..part * 50 + 50).map(ask)).await {
                assert!(answer.headers().contains_key("retry-after"));
                problem(answer, 503).await;
            }
        }
        process.sample("m", round).await;
        drop(open);
        process.until_zero("tickwire_views").await;
        sizes.push(process.resident() >> 10);
    }
    println!("KiB resident after each thousand: {sizes:?}");
    assert!(sizes[9] < sizes[2] + (4 << 10), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_come_and_go_at_once_leave_nothing_behind() {
    let process = Process::start("[stream]\nheartbeat = \"1s\"").await;
    let mut other = process.stream("/api/events/metrics").await;
    let get = "GET /api/events/all HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let limit = "GET /api/events/all?since=earliest&limit=1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let head = "HEAD /api/events/all HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let old = "GET /api/events/all HTTP/1.0\r\nhost: localhost\r\n\r\n";
    let socket = handshake("/ws");
    let requests = ["", "GET /api", get, limit, head, old, &socket];
    process.sample("m", 0).await;
    let mut seen = Vec::new();
    for round in 0..6 {
        for request in requests {
            for (reset, reads) in [(false, false), (true, false), (false, true), (true, true)] {
                let comers = (0..20).map(|_| async {
                    let mut socket = TcpStream::connect(process.address).await.unwrap();
                    if reset {
                        let socket = SockRef::from(&socket);
                        socket.set_linger(Some(Duration::ZERO)).unwrap();
                    }
                    socket.write_all(request.as_bytes()).await.unwrap();
                    if reads && request.contains("\r\n\r\n") {
                        let _ = within("an answer", socket.read_u8()).await;
                    }
                });
                join_all(comers).await;
            }
        }
        process.sample("m", round + 1).await;
        other.event("metric").await;
        // Those that the kernel has not handed over yet count too, so that is waited for.
        let one = async { while process.metric(SSE).await != 1.0 {} };
        within("the others to be gone", one).await;
        process
            .until_zero("tickwire_clients{kind=\"websocket\"}")
            .await;
        let few = async {
            while process.descriptors() > 40 {
                process.metric(SSE).await;
            }
        };
        within("the descriptors to be given back", few).await;
        seen.push((process.resident() >> 10, process.descriptors()));
    }
    println!("KiB resident and descriptors after each round: {seen:?}");
    // Nothing that they left behind goes on working: until the next heartbeat is a second in which nothing happens.
    process.sample("m", 7).await;
    other.event("metric").await;
    let cpu = process.cpu_seconds();
    other.event("heartbeat").await;
    let cpu = process.cpu_seconds() - cpu;
    assert!(cpu < 0.25, "{cpu} s of a core in a second of rest");
    assert!(seen[5].0 < seen[1].0 + (4 << 10), "{seen:?}");
}
