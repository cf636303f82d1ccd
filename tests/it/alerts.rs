//! Thresholds over pushed samples, and what people do with alerts.

use serde_json::{Value, json};

use crate::support::{Server, Stream, http::problem, rules::CPU_HIGH, within};

async fn transition(stream: &mut Stream) -> (String, String) {
    let alert = stream.event("alert").await.data;
    let word = |key: &str| alert[key].as_str().unwrap().to_owned();
    (word("transition"), word("level"))
}

fn pair(transition: &str, level: &str) -> (String, String) {
    (transition.to_owned(), level.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_fires_escalates_and_resolves_on_both_streams() {
    let server = Server::with(CPU_HIGH).await;
    let mut streams = [
        server.stream("/api/events/alerts").await,
        server.stream("/api/events/all").await,
    ];
    // Between fire and clear nothing changes.
    for value in [90, 91, 80, 98, 86, 99, 84, 76, 75] {
        server.sample("cpu", value).await;
    }
    for stream in &mut streams {
        let fired = stream.event("alert").await.data;
        assert_eq!(
            (&fired["state"], &fired["transition"]),
            (&json!("firing"), &json!("fired"))
        );
        assert_eq!(
            (&fired["value"], &fired["threshold"]),
            (&json!(91.0), &json!(90.0))
        );
        assert_eq!(
            (&fired["host"], &fired["name"]),
            (&json!("push"), &json!("cpu"))
        );
        assert_eq!(transition(stream).await, pair("escalated", "critical"));
        assert_eq!(transition(stream).await, pair("deescalated", "warning"));
        let resolved = stream.event("alert").await.data;
        assert_eq!(
            (&resolved["state"], &resolved["transition"]),
            (&json!("resolved"), &json!("resolved"))
        );
        assert_eq!(resolved["reason"], "recovered");
        assert_eq!(
            (&resolved["id"], &resolved["since"]),
            (&fired["id"], &fired["since"])
        );
    }
    assert!(server.open_alerts().await.is_empty());
    let all = server.json("/api/alerts?state=all").await;
    assert_eq!(all["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn below_is_a_breach_the_other_way_round() {
    let rule = "[[rules]]\nname = \"low\"\nmetric = \"free\"\nwhen = \"below\"\nwarning = { fire = 10, clear = 15 }";
    let server = Server::with(rule).await;
    let mut stream = server.stream("/api/events/alerts").await;
    for value in [10, 9, 12, 16] {
        server.sample("free", value).await;
    }
    assert_eq!(transition(&mut stream).await, pair("fired", "warning"));
    assert_eq!(transition(&mut stream).await, pair("resolved", "warning"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_series_that_matches_has_an_alert_of_its_own() {
    let server = Server::with(CPU_HIGH).await;
    for host in ["web1", "web2"] {
        for core in ["0", "1"] {
            server
                .push(
                    json!({ "name": "cpu", "value": 95, "host": host, "labels": { "core": core } }),
                )
                .await;
        }
    }
    let open = server.open_alerts().await;
    let ids: std::collections::HashSet<_> =
        open.iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert_eq!((open.len(), ids.len()), (4, 4));
    let web1 = server.json("/api/alerts?hosts=web1&label.core=1").await;
    assert_eq!(web1["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_is_filled_in() {
    let server = Server::with(CPU_HIGH).await;
    server
        .push(json!({ "name": "cpu", "value": 95.5, "unit": "%", "host": "web1" }))
        .await;
    assert_eq!(
        server.open_alerts().await[0]["message"],
        "cpu at 95.5 % on web1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_must_last_as_long_as_for_says() {
    let rule = "[[rules]]\nname = \"held\"\nmetric = \"m\"\nwhen = \"above\"\nwarning = { fire = 1 }\nfor = \"1s\"";
    let server = Server::with(rule).await;
    let mut stream = server.stream("/api/events/all?topics=metrics,alerts").await;
    // A breach that ends in between begins again.
    server.sample("m", 2).await;
    server.sample("m", 0).await;
    let begun = std::time::Instant::now();
    server.sample("m", 2).await;
    while server.open_alerts().await.is_empty() {
        assert!(begun.elapsed().as_secs() < 20, "it never fired");
        server.sample("m", 2).await;
    }
    assert!(
        begun.elapsed().as_secs_f64() >= 0.99,
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(transition(&mut stream).await, pair("fired", "warning"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_told_and_is_no_recovery() {
    let rule = r#"
        [[rules]]
        name = "silent"
        metric = "beat"
        when = "above"
        no_data = { after = "1s", then = "fire", level = "critical" }
        [[rules]]
        name = "high"
        metric = "beat"
        when = "above"
        warning = { fire = 1 }
        no_data = { after = "1s" }
    "#;
    let server = Server::with(rule).await;
    let mut stream = server.stream("/api/events/alerts").await;
    server.sample("beat", 2).await;
    let fired = stream.event("alert").await.data;
    assert_eq!(
        (&fired["rule"], &fired["transition"]),
        (&json!("high"), &json!("fired"))
    );
    let mut silent = Vec::new();
    for _ in 0..2 {
        let alert = stream.event("alert").await.data;
        assert_eq!(
            (&alert["state"], &alert["transition"]),
            (&json!("no_data"), &json!("no_data"))
        );
        assert_eq!(alert["value"], Value::Null);
        silent.push(format!(
            "{} {}",
            alert["rule"].as_str().unwrap(),
            alert["level"].as_str().unwrap()
        ));
    }
    silent.sort();
    assert_eq!(silent, ["high warning", "silent critical"]);
    assert_eq!(server.open_alerts().await.len(), 2);
    server.sample("beat", 2).await;
    let mut back: Vec<_> = [transition(&mut stream).await, transition(&mut stream).await].into();
    back.sort();
    assert_eq!(
        back,
        [pair("fired", "warning"), pair("resolved", "critical")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_sample_fires_nothing() {
    let server = Server::with(CPU_HIGH).await;
    let now = chrono::Utc::now().timestamp();
    server
        .push(json!({ "name": "cpu", "value": 1, "timestamp": now }))
        .await;
    server
        .push(json!({ "name": "cpu", "value": 99, "timestamp": now - 10 }))
        .await;
    assert!(server.open_alerts().await.is_empty());
    server
        .push(json!({ "name": "cpu", "value": 99, "timestamp": now + 1 }))
        .await;
    assert_eq!(server.open_alerts().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_acknowledged_once_and_a_rise_of_its_level_takes_that_back() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    let mut stream = server.stream("/api/events/alerts").await;
    let id = server.open_alerts().await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/alerts/{id}/acknowledge");
    assert_eq!(server.tell(&path, "").await, (200, json!({ "changed": 1 })));
    assert_eq!(server.tell(&path, "").await, (200, json!({ "changed": 0 })));
    let event = stream.event("alert").await.data;
    assert_eq!(
        (&event["transition"], &event["acknowledged"]),
        (&json!("acknowledged"), &json!(true))
    );
    assert_eq!(server.open_alerts().await[0]["acknowledged"], true);
    server.sample("cpu", 99).await;
    let event = stream.event("alert").await.data;
    assert_eq!(
        (&event["transition"], &event["acknowledged"]),
        (&json!("escalated"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dismissing_an_open_alert_acknowledges_it_and_a_resolved_one_goes() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    let id = server.open_alerts().await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/alerts/{id}/dismiss");
    assert_eq!(server.tell(&path, "").await, (200, json!({ "changed": 1 })));
    let open = server.open_alerts().await;
    assert_eq!((open.len(), &open[0]["acknowledged"]), (1, &json!(true)));
    server.sample("cpu", 1).await;
    assert_eq!(server.tell(&path, "").await, (200, json!({ "changed": 1 })));
    assert_eq!(
        server.json("/api/alerts?state=all").await["alerts"],
        json!([])
    );
    problem(server.post(&path, "").await, 404).await;
    problem(server.post("/api/alerts/nonsense/dismiss", "").await, 404).await;
    problem(
        server.post(&format!("/api/alerts/{id}/forget"), "").await,
        404,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_acknowledges_what_is_open_and_dismisses_what_is_resolved() {
    let server = Server::with(CPU_HIGH).await;
    for host in ["a", "b", "c"] {
        server
            .push(json!({ "name": "cpu", "value": 95, "host": host }))
            .await;
    }
    server
        .push(json!({ "name": "cpu", "value": 1, "host": "a" }))
        .await;
    assert_eq!(
        server.tell("/api/alerts/clear", "").await,
        (200, json!({ "changed": 3 }))
    );
    let all = server.json("/api/alerts?state=all").await;
    let all = all["alerts"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|a| a["acknowledged"] == true), "{all:?}");
    assert_eq!(
        server.tell("/api/alerts/clear", "").await,
        (200, json!({ "changed": 0 }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_alert_has_its_whole_story_and_the_notes_that_people_wrote() {
    let server = Server::with(CPU_HIGH).await;
    for value in [95, 98, 50] {
        server.sample("cpu", value).await;
    }
    let all = server.json("/api/alerts?state=all").await;
    let id = all["alerts"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/alerts/{id}");
    let (status, noted) = server
        .tell(
            &format!("{path}/notes?by=Ada"),
            r#"{"message":" a fan had stopped "}"#,
        )
        .await;
    assert_eq!(status, 201, "{noted}");
    let told = async {
        loop {
            let story = server.json(&path).await;
            if story["events"].as_array().unwrap().len() == 3 {
                return story;
            }
        }
    };
    let story = within("the store", told).await;
    let transitions = story["events"].as_array().unwrap().iter();
    let transitions: Vec<_> = transitions
        .map(|event| event["transition"].clone())
        .collect();
    assert_eq!(transitions, ["fired", "escalated", "resolved"]);
    assert_eq!(story["alert"]["state"], "resolved");
    let note = &story["notes"][0];
    assert_eq!(
        (&note["message"], &note["by"], &note["alert"], &note["host"]),
        (
            &json!("a fan had stopped"),
            &json!("Ada"),
            &json!(id),
            &json!("push")
        )
    );
    // A note is an annotation: in the feed, listed, and taken back as one.
    let mut feed = server
        .stream("/api/events/all?topics=activity&since=earliest")
        .await;
    let line = feed.event("activity").await;
    assert_eq!(
        (&line.data["kind"], &line.data["by"]),
        (&json!("note"), &json!("Ada"))
    );
    let annotation = format!("/api/annotations/{}", noted["id"].as_str().unwrap());
    assert_eq!(server.json(&annotation).await["alert"], json!(id));
    let removed = server
        .http
        .delete(server.url(&annotation))
        .send()
        .await
        .unwrap();
    assert_eq!(removed.status(), 200);
    assert_eq!(server.json(&path).await["notes"], json!([]));

    for (body, said) in [
        (r#"{"message":""}"#, "text of 1 to 1024 bytes"),
        (r#"{"text":"a"}"#, "a note is"),
    ] {
        let answer = problem(server.post(&format!("{path}/notes"), body).await, 422).await;
        assert!(
            answer["detail"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    let nobody = "/api/alerts/00000000-0000-0000-0000-000000000000";
    problem(server.get(nobody).await, 404).await;
    problem(
        server
            .post(&format!("{nobody}/notes"), r#"{"message":"a"}"#)
            .await,
        404,
    )
    .await;
    server.stop().await;
}
