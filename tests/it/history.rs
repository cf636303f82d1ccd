//! `/api/history`: the past series by series, whole or in steps, in three formats.

use std::time::Duration;

use serde_json::{Value, json};
use tickwire::model::{Clock, Timestamp};

use crate::support::{Server, http::problem, rules::CPU_HIGH, within};

/// Half an hour of a series, a sample each second, the newest now; and another one with a hole of five minutes.
async fn recorded(server: &Server) -> (i64, Vec<(i64, f64)>) {
    let now = Clock::default().now().as_millis() / 1000 * 1000;
    let value = |i: i64| match i {
        700 => 9999.0,
        _ => ((i * 7919) % 1000) as f64 / 10.0,
    };
    let samples: Vec<(i64, f64)> = (0..1800)
        .map(|i| (now - (1799 - i) * 1000, value(i)))
        .collect();
    for part in samples.chunks(500) {
        let batch: Vec<Value> = part
            .iter()
            .flat_map(|(time, value)| {
                let first =
                    json!({ "name": "wave", "value": value, "timestamp": time, "unit": "%" });
                let labels = json!({ "n": "a,\"b\"" });
                let hole = (now - 900_000..now - 600_000).contains(time);
                let second =
                    json!({ "name": "holed", "value": 1, "timestamp": time, "labels": labels });
                [Some(first), (!hole).then_some(second)]
            })
            .flatten()
            .collect();
        server.push(batch).await;
    }
    stored(server, 1800 + 1500).await;
    (now, samples)
}

/// Waits until so many samples are written.
async fn stored(server: &Server, samples: u64) {
    let written = async {
        while server.metric("tickwire_store_samples_total").await < samples as f64 {
            tokio::task::yield_now().await;
        }
    };
    within("the store", written).await;
}

fn points(series: &Value) -> Vec<(Timestamp, Vec<f64>)> {
    let points = series["points"].as_array().unwrap().iter();
    points
        .map(|point| {
            let cells = point.as_array().unwrap();
            let time = Timestamp::parse_rfc3339(cells[0].as_str().unwrap()).unwrap();
            (
                time,
                cells[1..].iter().map(|c| c.as_f64().unwrap()).collect(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_there_and_no_step_loses_a_peak() {
    let server = Server::start().await;
    let (now, samples) = recorded(&server).await;
    let raw = server.json("/api/history?names=wave&step=raw").await;
    let raw = &raw["series"][0];
    assert_eq!(raw["columns"], json!(["timestamp", "value"]));
    let read: Vec<_> = points(raw)
        .iter()
        .map(|(t, v)| (t.as_millis(), v[0]))
        .collect();
    assert_eq!(read, samples);

    for (query, step) in [
        ("step=10s", 10_000),
        ("points=40", 37_500),
        ("step=7m", 420_000),
    ] {
        let path = format!(
            "/api/history?names=wave&to={now}&from={}&{query}&agg=avg,min,max,last,sum,count",
            now - 1_500_000
        );
        let answer = server.json(&path).await;
        let series = &answer["series"][0];
        assert_eq!(
            series["step_seconds"].as_f64(),
            Some(step as f64 / 1000.0),
            "{query}"
        );
        let within = |time: &i64| (now - 1_500_000..now).contains(time);
        let of: Vec<_> = samples.iter().filter(|(time, _)| within(time)).collect();
        let expected = of.chunk_by(|a, b| a.0 / step == b.0 / step).map(|of| {
            let values: Vec<f64> = of.iter().map(|(_, value)| *value).collect();
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(0.0, f64::max);
            (
                of[0].0 / step * step,
                min,
                max,
                values[values.len() - 1],
                values.len() as f64,
            )
        });
        let read = points(series);
        let figures = read
            .iter()
            .map(|(t, v)| (t.as_millis(), v[1], v[2], v[3], v[5]));
        assert!(figures.eq(expected), "{query}: {read:?}");
        // Sums of decimals are exact, and means the nearest numbers to the exact ones.
        let tenths = of.chunk_by(|a, b| a.0 / step == b.0 / step).map(|of| {
            let whole = |(_, value): &&(i64, f64)| (value * 10.0).round() as i64;
            of.iter().map(whole).sum::<i64>() as f64
        });
        for ((_, v), tenths) in read.iter().zip(tenths) {
            assert_eq!((v[4], v[0]), (tenths / 10.0, tenths / (10.0 * v[5])));
        }
        assert!(read.iter().any(|(_, v)| v[2] == 9999.0), "the peak");
    }
    // A series that has few samples is answered with them.
    server.sample("rare", 3.5).await;
    stored(&server, 3301).await;
    let rare = server.json("/api/history?names=rare").await;
    assert_eq!(rare["series"][0]["step_seconds"], 0);
    assert_eq!(points(&rare["series"][0])[0].1, [3.5, 3.5, 3.5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_said_and_formats_say_the_same() {
    let server = Server::start().await;
    let (now, _) = recorded(&server).await;
    let path = "/api/history?names=holed&points=100&agg=max,count";
    let answer = server.json(path).await;
    let series = &answer["series"][0];
    let gaps = series["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let at = |name: &str| Timestamp::parse_rfc3339(gaps[0][name].as_str().unwrap()).unwrap();
    let missing = at("to").since(at("from"));
    assert!(
        missing > Duration::from_secs(200) && missing <= Duration::from_secs(300),
        "{missing:?}"
    );
    assert!(at("from").as_millis() >= now - 900_000 && at("to").as_millis() <= now - 600_000);

    let expected: Vec<(String, f64, f64)> = points(series)
        .into_iter()
        .map(|(time, v)| (time.to_string(), v[0], v[1]))
        .collect();
    let lines = server.get(&format!("{path}&format=ndjson")).await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let lines = lines.text().await.unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_line = |line: &Value| {
        assert_eq!(line["labels"], json!({ "n": "a,\"b\"" }));
        let time = line["timestamp"].as_str().unwrap().to_owned();
        (
            time,
            line["max"].as_f64().unwrap(),
            line["count"].as_f64().unwrap(),
        )
    };
    let of_lines: Vec<_> = lines.iter().map(of_line).collect();
    // Between two answers time passes, and with it the first and the last stretch change.
    assert_eq!(of_lines[2..40], expected[2..40]);
    let table = server
        .http
        .get(server.url(path))
        .header("accept", "text/csv");
    let table = table.send().await.unwrap().text().await.unwrap();
    let mut rows = table.split("\r\n");
    assert_eq!(
        rows.next(),
        Some("timestamp,host,name,labels,unit,max,count")
    );
    let row = rows.nth(2).unwrap();
    let (time, max, count) = &expected[2];
    assert_eq!(
        row,
        format!("{time},push,holed,\"{{\"\"n\"\":\"\"a,\\\"\"b\\\"\"\"\"}}\",,{max},{count}")
    );

    // What was exported can be pushed again.
    let lines = server
        .get("/api/history?names=holed&step=raw&format=ndjson")
        .await;
    let lines = lines.text().await.unwrap();
    let (status, report) = server.tell("/api/ingest", lines).await;
    assert_eq!((status, report["accepted"].as_u64()), (200, Some(1500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_said() {
    let server = Server::start().await;
    let (now, _) = recorded(&server).await;
    for (query, parameter) in [
        ("from=5m&to=1h", "to"),
        ("step=0", "step"),
        ("agg=p99", "agg"),
    ] {
        let problem = problem(server.get(&format!("/api/history?{query}")).await, 400).await;
        assert_eq!(problem["parameter"], parameter);
        assert!(problem["accepted"].is_string());
    }
    let long = format!("/api/history?from={}&step=1ms", now - 10_000_000);
    let problem = problem(server.get(&long).await, 413).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("larger steps"), "{detail}");
    let none = server.json("/api/history?names=nothing").await;
    assert_eq!(none["series"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn series_and_alerts_of_earlier_lives_are_listed() {
    // What is older than the windows is not taken for alive after a restart.
    let toml = format!("[windows]\nspan = \"1s\"\n{CPU_HIGH}");
    let server = Server::with(&toml).await;
    for value in [10, 99, 1] {
        server.sample("cpu", value).await;
    }
    let begun = Clock::default().now();
    let all = server.json("/api/alerts?state=all").await;
    let alert = all["alerts"][0].clone();
    while Clock::default().now().since(begun) < Duration::from_millis(1100) {
        server.sample("other", 1).await;
    }
    let folder = server.stop().await;
    let server = Server::on(&folder, &toml).await;
    server.sample("other", 2).await;
    let listed = server.json("/api/series").await;
    let listed = listed["series"].as_array().unwrap();
    let of: Vec<_> = listed
        .iter()
        .map(|s| (s["name"].as_str().unwrap(), s["live"].as_bool().unwrap()))
        .collect();
    assert_eq!(of, [("other", true), ("cpu", false)]);
    assert!(listed[1]["first_seen"].as_str() <= listed[1]["last_seen"].as_str());
    // Also one that was dismissed.
    let id = alert["id"].as_str().unwrap();
    let dismissed = server.post(&format!("/api/alerts/{id}/dismiss"), "").await;
    assert_eq!(dismissed.status(), 200);
    let past = server.json("/api/alerts?from=10m").await;
    assert_eq!(past["alerts"], json!([alert]));
    let later = begun.plus(Duration::from_millis(1));
    let later = format!("/api/alerts?from={later}");
    assert_eq!(server.json(&later).await["alerts"], json!([]));
    assert_eq!(
        server.json("/api/alerts?from=1h&to=30m").await["alerts"],
        json!([])
    );
    problem(server.get("/api/alerts?from=soon").await, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_that_does_not_come_back_after_a_restart_was_seen_until_its_last_sample() {
    let server = Server::start().await;
    let now = Clock::default().now().as_millis();
    let batch: Vec<Value> = (0..600)
        .map(|i| json!({ "name": "gone", "value": i, "timestamp": now - (600 - i) * 1000 }))
        .collect();
    server.push(batch).await;
    let server = Server::on(&server.stop().await, "").await;
    let made = async { while server.metric("tickwire_store_blocks_made_total").await < 1.0 {} };
    within("a block", made).await;
    let newest = Timestamp::from_millis(now - 1000).to_string();
    let seen = async {
        loop {
            let series = server.json("/api/series").await;
            if series["series"][0]["last_seen"] == newest.as_str() {
                return series;
            }
        }
    };
    let series = within("its last sample", seen).await;
    let oldest = Timestamp::from_millis(now - 600_000).to_string();
    assert_eq!(series["series"][0]["first_seen"], oldest);
    let history = server
        .json("/api/history?names=gone&from=5m&step=raw")
        .await;
    let points = history["series"][0]["points"].as_array().unwrap();
    assert!(points.len() > 250, "{}", points.len());
}
