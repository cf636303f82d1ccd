//! A rule, tried on the past: it must have done what the backtest says it would have.

use serde_json::{Value, json};

use crate::support::{Server, http::problem, rules::CPU_HIGH, within};

/// What a transition was, without ids, and without what only production knows.
fn essence(event: &Value) -> Value {
    let keys = [
        "rule",
        "transition",
        "level",
        "state",
        "reason",
        "value",
        "threshold",
        "message",
        "host",
        "labels",
        "since",
        "timestamp",
        "flapping",
    ];
    keys.into_iter()
        .map(|key| (key.to_owned(), event[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Waits until the store has so many samples.
async fn settled(server: &Server, samples: u32) {
    let stored = async {
        let metric = "tickwire_store_samples_total";
        while server.metric(metric).await < f64::from(samples) {}
    };
    within("the store", stored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_what_happened() {
    let rules = format!(
        "{CPU_HIGH}\n[[rules]]\nname = \"average\"\nmetric = \"cpu\"\naggregate = \"avg\"\nwindow = \"1s\"\nwarning = {{ fire = 60, clear = 55 }}\n"
    );
    let server = Server::with(&rules).await;
    let mut live = server.stream("/api/events/alerts").await;
    for step in 0..400_u32 {
        let wave = |phase: u32| f64::from((step * 7 + phase * 31) % 100);
        let samples: Vec<_> = (0..3)
            .map(|host| json!({ "name": "cpu", "value": wave(host), "host": format!("web{host}") }))
            .collect();
        server.push(samples).await;
    }
    server.sample("end", 1).await;
    settled(&server, 1201).await;
    for rule in ["cpu_high", "average"] {
        let asked = json!({ "name": rule, "from": "10m" }).to_string();
        let (status, report) = server.tell("/api/rules/backtest", asked).await;
        assert_eq!(status, 200, "{report}");
        assert_eq!(
            (&report["series"], &report["samples"]),
            (&json!(3), &json!(1200))
        );
        let said: Vec<Value> = report["rule"]["first"]
            .as_array()
            .unwrap()
            .iter()
            .map(essence)
            .collect();
        assert!(rule == "average" || said.len() > 50, "{}", said.len());
        assert_eq!(report["rule"]["transitions"], said.len());
        let history = server
            .stream(&format!(
                "/api/events/alerts?rules={rule}&since=earliest&limit={}",
                said.len().max(1)
            ))
            .await;
        if said.is_empty() {
            continue;
        }
        let happened: Vec<Value> = history
            .rest()
            .await
            .iter()
            .filter(|e| e.event == "alert")
            .map(|e| essence(&e.data))
            .collect();
        assert_eq!(said, happened);
    }
    // Every transition of the live stream was among them.
    assert_eq!(live.event("alert").await.data["transition"], "fired");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_rule_is_compared_with_the_saved_one_and_a_threshold_is_found() {
    let server = Server::with(CPU_HIGH).await;
    for step in 0..200_u32 {
        // Twenty peaks, the highest at 99.
        let value = if step % 10 == 5 {
            80.0 + f64::from(step / 10)
        } else {
            20.0
        };
        server.sample("cpu", value).await;
    }
    settled(&server, 200).await;
    let rule = json!({
        "name": "cpu_high", "metric": "cpu", "warning": { "fire": 70, "clear": 60 }, "flapping": { "after": 0 },
    });
    let asked = json!({ "rule": rule, "from": "1h", "compare": true, "per_week": 700 }).to_string();
    let (status, report) = server.tell("/api/rules/backtest", asked).await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["rule"]["alerts"], 20);
    assert_eq!(
        report["rule"]["notifications"], 40,
        "each is told, and its end"
    );
    assert_eq!(report["saved"]["alerts"], 9, "those over 90");
    // 700 a week are 4 in this hour: two peaks, and their ends.
    let suggested = &report["suggested"];
    assert!(
        suggested["notifications"].as_u64().unwrap() <= 4,
        "{suggested}"
    );
    let fire = suggested["warning"]["fire"].as_f64().unwrap();
    assert!((96.0..98.5).contains(&fire), "{suggested}");
    assert!((suggested["warning"]["clear"].as_f64().unwrap() - fire + 10.0).abs() < 1e-9);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_streamed_and_the_report_comes_last() {
    let server = Server::with(CPU_HIGH).await;
    for value in 0..100 {
        server.sample("cpu", value).await;
    }
    settled(&server, 100).await;
    let request = server
        .http
        .post(server.url("/api/rules/backtest"))
        .header("accept", "application/x-ndjson")
        .body(json!({ "name": "cpu_high", "from": "1h" }).to_string());
    let answer = within("an answer", request.send()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = within("a body", answer.text()).await.unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (last, progress) = lines.split_last().unwrap();
    assert_eq!(
        (&last["type"], &last["rule"]["alerts"]),
        (&json!("report"), &json!(1))
    );
    assert!(progress.iter().all(|line| line["type"] == "progress"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_is_refused_with_a_reason() {
    let server = Server::with(CPU_HIGH).await;
    for (body, said) in [
        (json!({}), "either rule"),
        (
            json!({ "name": "nobody" }),
            "the name of a rule that there is",
        ),
        (json!({ "rule": { "name": "x" } }), "metric"),
        (json!({ "name": "cpu_high", "from": "soon" }), "RFC 3339"),
        (
            json!({ "name": "cpu_high", "from": "400d" }),
            "at most 366 days",
        ),
        (json!({ "name": "cpu_high", "colour": 1 }), "unknown field"),
    ] {
        let refused = server.post("/api/rules/backtest", body.to_string()).await;
        let refused = problem(refused, 422).await;
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{refused}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_at_which_thresholds_it_would_not_have_fired() {
    let server = Server::with(CPU_HIGH).await;
    // Another series, which is worse, is none of its business.
    server
        .push(json!({ "name": "cpu", "value": 99.9, "host": "other" }))
        .await;
    for value in [20, 92, 93, 20] {
        server.sample("cpu", value).await;
    }
    server.sample("cpu", 20).await;
    settled(&server, 6).await;
    let alerts = server.json("/api/alerts?state=all&hosts=push").await;
    let id = alerts["alerts"][0]["id"].as_str().unwrap();
    let quiet = server.json(&format!("/api/alerts/{id}/quiet")).await;
    let fire = quiet["levels"]["warning"]["fire"].as_f64().unwrap();
    assert!((93.0..=93.3).contains(&fire), "{quiet}");
    assert_eq!(
        quiet["levels"]["warning"]["clear"].as_f64().unwrap() + 15.0,
        fire
    );
    assert_eq!(quiet["rule"], "cpu_high");
    // With these it is so.
    let rule = json!({ "name": "a", "metric": "cpu", "hosts": ["push"], "warning": quiet["levels"]["warning"] });
    let asked = json!({ "rule": rule, "from": "1h" }).to_string();
    let (_, report) = server.tell("/api/rules/backtest", asked).await;
    assert_eq!(report["rule"]["alerts"], 0, "{report}");
    for path in [
        format!("/alerts/{id}/quiet"),
        format!("/alerts/{id}?quiet=1"),
    ] {
        let page = server.get(&path).await.text().await.unwrap();
        assert!(
            page.contains("It would not have fired with warning above 93"),
            "{page}"
        );
    }
    server.stop().await;
}
