//! `POST /api/ingest`: what is taken, what is refused, and how that is told.

use serde_json::{Value, json};

use crate::support::{
    Server,
    http::{gzip, problem},
    process::Process,
    seq, within,
};

/// The line numbers of a report's faults.
fn lines(report: &Value) -> Vec<u64> {
    let rejected = report["rejected"].as_array().expect("a list");
    rejected
        .iter()
        .map(|r| r["line"].as_u64().expect("a line"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_arrays_lines_and_the_short_form_are_taken() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/metrics").await;
    let now = chrono::Utc::now().timestamp();
    let bodies = [
        (r#"{"name":"a","value":1}"#.to_owned(), 1),
        (r#"[{"name":"a","value":1},{"name":"b","value":-2.5e3}]"#.to_owned(), 2),
        ("{\"name\":\"a\",\"value\":1}\n\n{\"name\":\"b\",\"value\":2}\r\n".to_owned(), 2),
        (format!(r#"{{"metric":"a","value":1,"timestamp":{now}}}"#), 1),
        (format!(r#"{{"name":"a","value":1,"timestamp":{}.25}}"#, now + 1), 1),
        (format!(r#"{{"name":"a","value":1,"timestamp":{}}}"#, now * 1000 + 2000), 1),
        ("\u{feff}{\"name\":\"a\",\"value\":1}".to_owned(), 1),
        (r#"{"name":"a:b_C9","value":1,"unit":"%","host":"web-1.example","labels":{"x":"ä \"b\""}}"#.to_owned(), 1),
    ];
    for (body, count) in bodies {
        let (status, report) = server.tell("/api/ingest", body.clone()).await;
        assert_eq!(
            (status, report),
            (200, json!({ "accepted": count, "rejected": [] })),
            "{body}"
        );
        for _ in 0..count {
            stream.event("metric").await;
        }
    }
    let packed = gzip(br#"[{"name":"packed","value":7}]"#);
    assert_eq!(server.post_gzip(packed).await.status(), 200);
    assert_eq!(stream.event("metric").await.data["name"], "packed");
}

/// What curl sends with `--data-binary`, unless it is told otherwise.
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_text_is_taken_as_exporters_write_it() {
    let server = Server::start().await;
    let mut stream = server.stream("/api/events/metrics").await;
    let now = chrono::Utc::now().timestamp();
    let text = format!(
        "# HELP node_load1 1m load average.\n# TYPE node_load1 gauge\nnode_load1 0.21\r\n\
         node_cpu_seconds_total{{cpu=\"0\",mode=\"idle\"}} 21245.5 {}\n\
         jobs{{queue=\"a \\\"b\\\"\",host=\"web1\"}} 17 {now}.5\n",
        now * 1000 - 250
    );
    let asked = [
        ("", FORM),
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "?host=node%201",
            "application/openmetrics-text; version=1.0.0",
        ),
    ];
    for (query, content_type) in asked {
        let push = server
            .http
            .post(server.url(&format!("/api/ingest{query}")))
            .header("content-type", content_type)
            .body(text.clone());
        let response = within("an answer", push.send()).await.unwrap();
        assert_eq!(response.status(), 200);
        let report: Value = response.json().await.unwrap();
        assert_eq!(report, json!({ "accepted": 3, "rejected": [] }));
        let host = if query.is_empty() { "push" } else { "node 1" };
        let mut samples = Vec::new();
        for _ in 0..3 {
            samples.push(stream.event("metric").await.data);
        }
        assert_eq!(
            (&samples[0]["name"], &samples[0]["value"]),
            (&json!("node_load1"), &json!(0.21))
        );
        assert_eq!(samples[0]["host"], host);
        assert_eq!(samples[1]["labels"], json!({ "cpu": "0", "mode": "idle" }));
        assert_eq!(
            (&samples[1]["value"], &samples[1]["host"]),
            (&json!(21245.5), &json!(host))
        );
        assert_eq!(
            (&samples[2]["labels"], &samples[2]["host"]),
            (&json!({ "queue": "a \"b\"" }), &json!("web1"))
        );
        let at = |seconds: i64, millis: u32| {
            let time = chrono::DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
            json!(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        };
        assert_eq!(samples[1]["timestamp"], at(now - 1, 750));
        assert_eq!(samples[2]["timestamp"], at(now, 500));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_lines_of_text_are_reported_and_the_others_are_taken_each_time() {
    let server = Server::start().await;
    let text =
        "a 1\nb NaN\n\n# TYPE c counter\nc{x=\"1\" 1\na-b 1\nold 1 1000000000000\nd +Inf\ne 2\n";
    for _ in 0..2 {
        let (status, report) = server.tell("/api/ingest", text).await;
        assert_eq!((status, &report["accepted"]), (200, &json!(2)), "{report}");
        assert_eq!(lines(&report), [2, 5, 6, 7, 8], "{report}");
    }
    let (status, report) = server.tell("/api/ingest", "a NaN").await;
    assert_eq!((status, lines(&report)), (422, vec![1]), "{report}");
    for query in ["?host=a%0Ab", "?host=", "?hosts=a"] {
        problem(server.post(&format!("/api/ingest{query}"), text).await, 400).await;
    }
}

/// A body like the one before is read by what is known of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_series_again_and_again_are_all_taken_in_order() {
    let server = Server::start().await;
    let mut seventh = server
        .stream("/api/events/metrics?names=m&label.series=7")
        .await;
    for round in 0..20 {
        let mut text = String::new();
        // Some are left out each time, so that others follow.
        for series in (0..300).filter(|series| series % 20 != round) {
            text += &format!("m{{series=\"{series}\"}} {round}\n");
        }
        let (status, report) = server.tell("/api/ingest", text).await;
        assert_eq!(
            (status, &report["accepted"]),
            (200, &json!(285)),
            "{report}"
        );
        if round != 7 {
            let sample = seventh.event("metric").await.data;
            assert_eq!(sample["value"], f64::from(round));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_streamed_can_be_pushed_again() {
    let server = Server::start().await;
    let body = json!({ "name": "m", "value": 1.25, "unit": "By", "labels": { "a": "b" } });
    server.push(body).await;
    let line = server
        .stream("/api/events/metrics?format=ndjson&since=earliest")
        .await;
    let line = { line }.event("metric").await.data;
    let (status, _) = server.tell("/api/ingest", line.to_string()).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_line_is_reported_by_its_number_and_the_others_are_taken() {
    let server = Server::start().await;
    let long = "x".repeat(300);
    let body = [
        r#"{"name":"ok","value":1}"#,
        "nonsense",
        "",
        r#"{"name":"not ok","value":1}"#,
        r#"{"name":"ok","value":"1"}"#,
        r#"{"name":"ok","value":1e999}"#,
        r#"{"name":"ok"}"#,
        r#"{"value":1}"#,
        r#"{"name":"ok","value":1,"colour":2}"#,
        r#"{"name":"ok","value":1,"host":"a\nb"}"#,
        r#"{"name":"ok","value":1,"labels":{"x":"a\u0000b"}}"#,
        &format!(r#"{{"name":"ok","value":1,"labels":{{"x":"{long}"}}}}"#),
        r#"{"name":"ok","value":1,"labels":{"a:b":"c"}}"#,
        r#"{"name":"ok","value":1,"timestamp":"noon"}"#,
        r#"{"name":"fine","value":2}"#,
    ]
    .join("\n");
    let (status, report) = server.tell("/api/ingest", body).await;
    assert_eq!((status, &report["accepted"]), (200, &json!(2)), "{report}");
    assert_eq!(
        lines(&report),
        [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
        "{report}"
    );

    let array = r#"[{"name":"ok","value":1},{"name":"ok"},{"name":"ok","value":2}]"#;
    let (status, report) = server.tell("/api/ingest", array).await;
    assert_eq!((status, lines(&report)), (200, vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_taken_is_422() {
    let server = Server::start().await;
    for body in ["", "nonsense", "7", r#"{"name":"a b","value":1}"#, "\"x\""] {
        let (status, report) = server.tell("/api/ingest", body).await;
        assert_eq!(
            (status, &report["accepted"]),
            (422, &json!(0)),
            "{body}: {report}"
        );
        assert!(!lines(&report).is_empty(), "{body}");
    }
    let (status, report) = server.tell("/api/ingest", vec![b'{', 0xff, b'}']).await;
    assert_eq!(status, 422);
    assert!(
        report["rejected"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("UTF-8"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_413_and_a_bomb_is_not_unpacked() {
    let server = Server::with("[ingest]\nmax_body = \"4KiB\"\nmax_decompressed = \"8KiB\"").await;
    let large = |bytes: usize| {
        let sample = r#"{"name":"a","value":1}"#;
        format!("{sample}{}", " ".repeat(bytes - sample.len()))
    };
    assert_eq!(server.post("/api/ingest", large(4096)).await.status(), 200);
    problem(server.post("/api/ingest", large(4097)).await, 413).await;
    assert_eq!(
        server
            .post_gzip(gzip(large(8192).as_bytes()))
            .await
            .status(),
        200
    );
    problem(server.post_gzip(gzip(large(8193).as_bytes())).await, 413).await;
    let bomb = gzip(&vec![b' '; 2 << 20]);
    assert!(bomb.len() < 4096, "{}", bomb.len());
    problem(server.post_gzip(bomb).await, 413).await;
    problem(server.post_gzip(b"not gzip".to_vec()).await, 400).await;
    let brotli = server
        .http
        .post(server.url("/api/ingest"))
        .body("x")
        .header("content-encoding", "br");
    problem(within("an answer", brotli.send()).await.unwrap(), 415).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_too_many_is_refused_and_the_known_ones_go_on() {
    let server = Server::with("[series]\nmax = 2").await;
    let body =
        "{\"name\":\"a\",\"value\":1}\n{\"name\":\"b\",\"value\":1}\n{\"name\":\"c\",\"value\":1}";
    let (status, report) = server.tell("/api/ingest", body).await;
    assert_eq!((status, lines(&report)), (200, vec![3]));
    let reason = report["rejected"][0]["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("series.max") && reason.contains('2'),
        "{reason}"
    );
    server.sample("a", 2).await;
    let (status, _) = server
        .tell("/api/ingest", r#"{"name":"d","value":1}"#)
        .await;
    assert_eq!(status, 422);
    assert_eq!(server.metric("tickwire_samples_dropped_total").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_cannot_overwrite_the_hosts_own_series() {
    let server =
        Server::with("[sources.host]\nenabled = true\ninterval = \"100ms\"\nname = \"here\"").await;
    let mut stream = server
        .stream("/api/events/metrics?hosts=here&since=earliest")
        .await;
    let own = stream.event("metric").await.data;
    let body =
        json!({ "name": own["name"], "host": own["host"], "value": 1, "labels": own["labels"] });
    let (status, report) = server
        .tell("/api/ingest", body.to_string().replace("null", "{}"))
        .await;
    assert_eq!(status, 422, "{report}");
    assert!(
        report["rejected"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("host"),
        "{report}"
    );
    server
        .push(json!({ "name": "my_own", "host": "here", "value": 1 }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inlet_answers_503_and_when_to_come_back_and_loses_nothing_it_took() {
    let server = Server::with("[ingest]\nqueue = 1").await;
    let start = server.position().await;
    let body: Vec<_> = (0..2000)
        .map(|i| json!({ "name": format!("m{i}"), "value": i }))
        .collect();
    let body = serde_json::to_string(&body).unwrap();
    let (mut taken, mut busy) = (0, 0);
    while busy == 0 {
        let posts = (0..32).map(|_| server.post("/api/ingest", body.clone()));
        for response in futures_util::future::join_all(posts).await {
            if response.status() == 503 {
                assert_eq!(response.headers()["retry-after"], "1");
                problem(response, 503).await;
                busy += 1;
            } else {
                assert_eq!(response.status(), 200);
                taken += 1;
            }
        }
        assert!(taken < 20_000, "the inlet was never full");
    }
    assert_eq!(seq(&server.position().await) - seq(&start), taken * 2000);
    let refused = "tickwire_refused_total{limit=\"ingest.queue\"}";
    assert_eq!(server.metric(refused).await, f64::from(busy));
}

/// A small push does its own turn, a large one waits for its: neither overtakes what its sender was told of.
#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_pushes_at_once_are_all_taken_in_each_senders_order() {
    let server = Server::with("[ingest]\nqueue = 1000\n[stream]\nslow_after = \"1m\"").await;
    let mut stream = server.stream("/api/events/metrics?names=last").await;
    let mores = [0, 3, 255, 400];
    let senders = (0..8_usize).map(|sender| {
        let server = &server;
        async move {
            for round in 0..50_usize {
                let more = mores[(sender + round) % 4];
                let host = format!("h{sender}");
                let mut samples: Vec<_> = (0..more)
                    .map(|i| json!({ "host": host, "name": format!("m{i}"), "value": round }))
                    .collect();
                samples.push(json!({ "host": host, "name": "last", "value": round }));
                server.push(samples).await;
            }
        }
    });
    let reader = async {
        let mut seen = vec![Vec::new(); 8];
        let mut numbers = Vec::new();
        for _ in 0..8 * 50 {
            let event = stream.event("metric").await;
            let sender = event.data["host"].as_str().unwrap()[1..].parse::<usize>();
            seen[sender.unwrap()].push(event.data["value"].as_f64().unwrap() as usize);
            numbers.push(seq(event.id.as_deref().unwrap()));
        }
        (seen, numbers)
    };
    let (_, (seen, numbers)) =
        futures_util::future::join(futures_util::future::join_all(senders), reader).await;
    let in_order: Vec<usize> = (0..50).collect();
    assert!(seen.iter().all(|values| *values == in_order), "{seen:?}");
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let samples: usize = (0..8)
        .flat_map(|sender| (0..50).map(move |round| mores[(sender + round) % 4] + 1))
        .sum();
    assert_eq!(
        server.metric("tickwire_samples_total").await,
        samples as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_told_is_422() {
    let server = Server::start().await;
    for body in [
        "",
        "7",
        r#"{"kind":"deploy"}"#,
        r#"{"kind":"a b","message":"x"}"#,
        r#"{"kind":"deploy","message":" "}"#,
        r#"{"kind":"deploy","message":"x","host":"a\nb"}"#,
        r#"{"kind":"deploy","message":"x","colour":1}"#,
        r#"{"kind":"deploy","message":"x","timestamp":5}"#,
    ] {
        problem(server.post("/api/events", body).await, 422).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_push_source_takes_nothing_until_it_is_started() {
    let server = Server::start().await;
    assert_eq!(
        server.tell("/api/sources/push/stop", "").await,
        (200, json!({ "changed": 1 }))
    );
    problem(
        server
            .post("/api/ingest", r#"{"name":"a","value":1}"#)
            .await,
        409,
    )
    .await;
    assert_eq!(
        server.tell("/api/sources/push/start", "").await,
        (200, json!({ "changed": 1 }))
    );
    server.sample("a", 1).await;
    problem(server.post("/api/sources/none/start", "").await, 404).await;
    problem(server.post("/api/sources/push/jump", "").await, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_faster_than_it_is_written_waits_and_all_of_it_is_kept() {
    const PUSHES: u64 = 40;
    const SERIES: u64 = 5_000;
    const HALF: f64 = (512 << 10) as f64;
    let process = Process::start("[store]\nqueue = \"1MiB\"").await;
    // While somebody else writes into the database, the server cannot.
    let file = process.folder.path().join("data/tickwire.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (http, url) = (process.http.clone(), process.url("/api/ingest"));
    let pushes = tokio::spawn(async move {
        for push in 0..PUSHES {
            let line = |series| format!("m{{n=\"{series}\"}} {push}\n");
            let body: String = (0..SERIES).map(line).collect();
            let answer = http.post(&url).body(body).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
    });
    let waits = async { while process.metric("tickwire_store_queue_bytes").await <= HALF {} };
    within("the queue to fill", waits).await;
    // Time enough for all of them, if they did not wait.
    let begun = std::time::Instant::now();
    while !pushes.is_finished() && begun.elapsed().as_secs() < 2 {
        process.metric("tickwire_store_queue_bytes").await;
    }
    assert!(!pushes.is_finished());
    other.execute_batch("COMMIT").unwrap();
    within("the pushes", pushes).await.unwrap();
    let all = (PUSHES * SERIES) as f64;
    let kept = async { while process.metric("tickwire_store_samples_total").await < all {} };
    within("all to be kept", kept).await;
    let dropped = process.metric("tickwire_store_samples_dropped_total").await;
    assert_eq!(dropped, 0.0);
}
