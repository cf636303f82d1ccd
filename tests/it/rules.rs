//! Rules that people make, change and take out while the server runs, and a configuration that is read again.

use serde_json::{Value, json};

use crate::support::{Server, http::problem, process::Process, rules::CPU_HIGH, within};

async fn send(
    server: &Server,
    method: reqwest::Method,
    path: &str,
    body: Value,
) -> reqwest::Response {
    let request = server.http.request(method, server.url(path)).json(&body);
    within(path, request.send()).await.expect("an answer")
}

fn warm(fire: u32) -> Value {
    json!({
        "name": "warm", "metric": "heat", "warning": { "fire": fire, "clear": fire - 5 },
        "message": "{{ value }} degrees", "tags": { "team": "ovens" },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_made_works_at_once_and_after_a_restart() {
    let server = Server::start().await;
    server.sample("heat", 95).await;
    let made = send(
        &server,
        reqwest::Method::POST,
        "/api/rules?by=Ada",
        warm(90),
    )
    .await;
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["location"], "/api/rules/warm");
    server.sample("heat", 95).await;
    let open = server.open_alerts().await;
    assert_eq!(open[0]["message"], "95 degrees");
    assert_eq!(open[0]["tags"], json!({ "team": "ovens" }));

    let folder = server.stop().await;
    let server = Server::on(&folder, "").await;
    assert_eq!(server.open_alerts().await[0]["id"], open[0]["id"]);
    let rules = server.json("/api/rules").await;
    let rule = &rules["rules"][0];
    assert_eq!(
        (&rule["origin"], &rule["changed_by"], &rule["open"]),
        (&json!("made"), &json!("Ada"), &json!(1))
    );
    // What is read can be written.
    let same = send(
        &server,
        reqwest::Method::PUT,
        "/api/rules/warm",
        rule["rule"].clone(),
    )
    .await;
    let same: Value = same.json().await.unwrap();
    assert_eq!(same, json!({ "changed": 0 }));

    let mut stream = server.stream("/api/events/alerts").await;
    let gone = send(
        &server,
        reqwest::Method::DELETE,
        "/api/rules/warm",
        json!(null),
    )
    .await;
    assert_eq!(gone.status(), 200);
    let resolved = stream.event("alert").await.data;
    assert_eq!(resolved["reason"], "rule_removed");
    let folder = server.stop().await;
    let server = Server::on(&folder, "").await;
    assert_eq!(server.json("/api/rules").await["rules"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_the_alert_and_its_removal_brings_the_files_rule_back() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/alerts").await;
    server.sample("cpu", 95).await;
    let fired = stream.event("alert").await.data;
    let mut rule = server.json("/api/rules/cpu_high").await["rule"].clone();
    rule["warning"] = json!({ "fire": 50, "clear": 40 });
    let put = send(&server, reqwest::Method::PUT, "/api/rules/cpu_high", rule).await;
    assert_eq!(put.status(), 200);
    server.sample("cpu", 45).await;
    assert_eq!(
        server.open_alerts().await[0]["id"],
        fired["id"],
        "it goes on"
    );
    assert_eq!(
        server.json("/api/rules/cpu_high").await["origin"],
        "changed"
    );
    let back = send(
        &server,
        reqwest::Method::DELETE,
        "/api/rules/cpu_high",
        json!(null),
    )
    .await;
    assert_eq!(back.status(), 200);
    server.sample("cpu", 45).await;
    let resolved = stream.event("alert").await.data;
    assert_eq!(
        (&resolved["reason"], &resolved["id"]),
        (&json!("recovered"), &fired["id"])
    );
    assert_eq!(server.json("/api/rules/cpu_high").await["origin"], "file");
    let file = send(
        &server,
        reqwest::Method::DELETE,
        "/api/rules/cpu_high",
        json!(null),
    )
    .await;
    let conflict = problem(file, 409).await;
    assert!(
        conflict["detail"]
            .as_str()
            .unwrap()
            .contains("comes from the configuration")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_disabled_resolves_its_alert_and_fires_anew_when_enabled() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/alerts").await;
    server.sample("cpu", 95).await;
    let first = stream.event("alert").await.data;
    let (status, _) = server.tell("/api/rules/cpu_high/disable?by=Ada", "").await;
    assert_eq!(status, 200);
    let resolved = stream.event("alert").await.data;
    assert_eq!(resolved["reason"], "rule_removed");
    server.sample("cpu", 95).await;
    assert!(server.open_alerts().await.is_empty());
    let (_, again) = server.tell("/api/rules/cpu_high/enable", "").await;
    assert_eq!(again, json!({ "changed": 1 }));
    server.sample("cpu", 95).await;
    let second = stream.event("alert").await.data;
    assert_eq!(second["transition"], "fired");
    assert_ne!(second["id"], first["id"]);
    let feed = server
        .stream("/api/events/all?topics=activity&since=earliest&limit=2")
        .await;
    let lines = feed.rest().await;
    let lines: Vec<String> = lines
        .iter()
        .filter(|event| event.event == "activity")
        .map(|event| event.data["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(lines[0], "Ada disabled the rule cpu_high");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_rule_is_said_and_nothing_changes() {
    let server = Server::with(CPU_HIGH).await;
    let bad = json!({ "name": "a b", "metric": "m", "warning": { "fire": 1, "clear": 2 }, "colour": "red" });
    for (method, path) in [
        (reqwest::Method::POST, "/api/rules"),
        (reqwest::Method::POST, "/api/rules/check"),
    ] {
        let refused = problem(send(&server, method, path, bad.clone()).await, 422).await;
        let faults = refused["faults"].as_array().unwrap().iter();
        let keys: Vec<_> = faults.map(|fault| fault["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["colour", "name", "warning.clear"], "{refused}");
    }
    let taken = send(
        &server,
        reqwest::Method::POST,
        "/api/rules",
        json!({ "name": "cpu_high", "metric": "m", "warning": { "fire": 1 } }),
    )
    .await;
    problem(taken, 409).await;
    let other = send(
        &server,
        reqwest::Method::PUT,
        "/api/rules/cpu_high",
        warm(90),
    )
    .await;
    problem(other, 422).await;
    let nobody = server.post("/api/rules/nobody/enable", "").await;
    problem(nobody, 404).await;
    server.sample("heat", 1).await;
    let (status, checked) = server.tell("/api/rules/check", warm(90).to_string()).await;
    assert_eq!((status, &checked["series"]), (200, &json!(1)), "{checked}");
    let rules = server.json("/api/rules").await;
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_window_knows_what_was_before_it() {
    let server = Server::start().await;
    let now = tickwire::model::Clock::default().now().as_millis();
    let samples: Vec<_> = (0..60)
        .map(|n| json!({ "name": "heat", "value": 80, "timestamp": now - 60_000 + n * 1000 }))
        .collect();
    server.push(samples).await;
    let rule = json!({
        "name": "warm", "metric": "heat", "aggregate": "avg", "window": "50s", "warning": { "fire": 70 },
    });
    send(&server, reqwest::Method::POST, "/api/rules", rule).await;
    server.sample("heat", 80).await;
    let open = server.open_alerts().await;
    assert_eq!(open[0]["why"]["samples"], 50, "{open:?}");
    server.stop().await;
}

async fn activity(stream: &mut crate::support::Stream, kind: &str) -> String {
    loop {
        let line = stream.event("activity").await.data;
        if line["kind"] == kind {
            return line["message"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_read_again_and_a_bad_one_changes_nothing() {
    let process = Process::start(CPU_HIGH).await;
    let mut alerts = process.stream("/api/events/alerts").await;
    let mut feed = process.stream("/api/events/all?topics=activity").await;
    process.sample("cpu", 95).await;
    let fired = alerts.event("alert").await.data;

    let config = process.folder.path().join("config.toml");
    std::fs::write(&config, CPU_HIGH.replace("clear = 75", "clear = \"low\"")).unwrap();
    let refused = activity(&mut feed, "config_refused").await;
    assert!(
        refused.contains("config.toml:6: rules[cpu_high].warning.clear"),
        "{refused}"
    );
    let status = process
        .http
        .get(process.url("/api/config"))
        .send()
        .await
        .unwrap();
    let status: Value = status.json().await.unwrap();
    assert_eq!(status["in_effect"], false);
    assert_eq!(status["faults"][0]["line"], 6);
    let page = process.http.get(process.url("/status")).send();
    let page = page.await.unwrap().text().await.unwrap();
    assert!(page.contains("no, the one before is"), "{page}");
    assert!(
        page.contains("config.toml:6: rules[cpu_high].warning.clear"),
        "{page}"
    );

    let better = CPU_HIGH.replace("clear = 75", "clear = 20");
    std::fs::write(&config, format!("{better}\n[windows]\npoints = 10\n")).unwrap();
    let read = activity(&mut feed, "config_reloaded").await;
    assert!(
        read.contains("a change of its file: 1 rules; with a restart also that of [windows]"),
        "{read}"
    );
    let page = process.http.get(process.url("/status")).send();
    let page = page.await.unwrap().text().await.unwrap();
    assert!(!page.contains("no, the one before is"), "{page}");
    assert!(page.contains("[windows]"), "{page}");
    // Neither the stream nor the alert has noticed, but for what it compares with.
    process.sample("cpu", 50).await;
    process.sample("cpu", 10).await;
    let resolved = alerts.event("alert").await.data;
    assert_eq!(
        (&resolved["id"], &resolved["value"]),
        (&fired["id"], &json!(10.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_the_api_read_the_configuration_again() {
    let process = Process::start(CPU_HIGH).await;
    let mut feed = process.stream("/api/events/all?topics=activity").await;
    let config = process.folder.path().join("config.toml");
    std::fs::write(&config, CPU_HIGH.replace("fire = 90", "fire = 89")).unwrap();
    process.hang_up();
    let read = activity(&mut feed, "config_reloaded").await;
    // Whoever comes first, the signal or the look at the file.
    assert!(read.contains("1 rules"), "{read}");
    std::fs::write(&config, "rules = []\nmaintenance = 5").unwrap();
    let request = process.http.post(process.url("/api/config/reload"));
    let refused = problem(request.send().await.unwrap(), 422).await;
    assert_eq!(refused["faults"][0]["key"], "maintenance");
    std::fs::write(&config, "rules = []").unwrap();
    let request = process.http.post(process.url("/api/config/reload"));
    let read: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&read["rules"], &read["in_effect"]),
        (&json!(0), &json!(true))
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_hangs_holds_up_nobody_and_least_of_all_a_stop() {
    let config = format!("{CPU_HIGH}\n[server]\nshutdown_timeout = \"100ms\"\n");
    let mut process = Process::start(&config).await;
    let pipe = process.folder.path().join("secret");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let channel = format!(
        "[[channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = {{ file = \"{}\" }}\n",
        pipe.display()
    );
    let file = process.folder.path().join("config.toml");
    std::fs::write(file, format!("{config}{channel}")).unwrap();
    process.hang_up();
    // It can be opened for writing once somebody reads it.
    let reading = async {
        loop {
            match tokio::net::unix::pipe::OpenOptions::new().open_sender(&pipe) {
                Ok(writer) => return writer,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let _writes_nothing = within("the secret to be read", reading).await;

    process.hang_up();
    let reload = process.http.post(process.url("/api/config/reload"));
    let waits = tokio::spawn(reload.send());
    assert_eq!(process.metric("tickwire_config_in_effect").await, 1.0);
    let status = process.http.get(process.url("/api/config")).send();
    let status: Value = within("an answer", status)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(status["in_effect"], true);
    process.sample("cpu", 95).await;
    process.terminate();
    assert!(process.stopped().await.success());
    within("the end of the connection", waits)
        .await
        .unwrap()
        .unwrap_err();
}
