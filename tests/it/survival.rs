//! What of alerts survives a restart.

use serde_json::json;

use crate::support::{Server, http::problem, rules::CPU_HIGH};

#[tokio::test(flavor = "multi_thread")]
async fn an_open_alert_keeps_its_id_and_that_it_was_seen() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    let before = server.open_alerts().await.remove(0);
    let id = before["id"].as_str().unwrap().to_owned();
    server
        .tell(&format!("/api/alerts/{id}/acknowledge"), "")
        .await;

    let server = Server::on(&server.stop().await, CPU_HIGH).await;
    let open = server.open_alerts().await;
    assert_eq!(open.len(), 1);
    for key in ["id", "since", "level", "host", "name"] {
        assert_eq!(open[0][key], before[key], "{key}");
    }
    assert_eq!(open[0]["acknowledged"], true);
    let mut stream = server.stream("/api/events/alerts").await;
    server.sample("cpu", 96).await;
    server.sample("cpu", 10).await;
    let next = stream.event("alert").await.data;
    assert_eq!(
        (&next["transition"], &next["id"]),
        (&json!("resolved"), &before["id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_goes_on_where_it_stood() {
    let rule = "[[rules]]\nname = \"held\"\nmetric = \"m\"\nwhen = \"above\"\nwarning = { fire = 1 }\nfor = \"1s\"";
    let server = Server::with(rule).await;
    let begun = std::time::Instant::now();
    while begun.elapsed().as_millis() < 900 {
        server.sample("m", 2).await;
    }
    assert!(server.open_alerts().await.is_empty());
    let server = Server::on(&server.stop().await, rule).await;
    let restarted = std::time::Instant::now();
    while server.open_alerts().await.is_empty() {
        assert!(restarted.elapsed().as_secs() < 20, "it never fired");
        server.sample("m", 2).await;
    }
    assert!(
        restarted.elapsed().as_millis() < 900,
        "{:?}",
        restarted.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_comes_back_without_what_was_dismissed() {
    let server = Server::with(CPU_HIGH).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        server.sample("cpu", 95).await;
        ids.push(
            server.open_alerts().await[0]["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        server.sample("cpu", 1).await;
    }
    server
        .tell(&format!("/api/alerts/{}/dismiss", ids[1]), "")
        .await;
    let server = Server::on(&server.stop().await, CPU_HIGH).await;
    let all = server.json("/api/alerts?state=all").await;
    let all = all["alerts"].as_array().unwrap();
    let found: Vec<_> = all.iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert_eq!(found, [&ids[2], &ids[0]]);
    assert!(all.iter().all(|a| a["state"] == "resolved"));
    problem(
        server
            .post(&format!("/api/alerts/{}/dismiss", ids[1]), "")
            .await,
        404,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_whose_rule_is_gone_is_resolved_at_the_start() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    let id = server.open_alerts().await[0]["id"].clone();
    let server = Server::on(&server.stop().await, "").await;
    assert!(server.open_alerts().await.is_empty());
    let mut all = server.stream("/api/events/alerts?since=earliest").await;
    assert_eq!(all.event("alert").await.data["state"], "firing");
    let alert = all.event("alert").await.data;
    assert_eq!((&alert["id"], &alert["state"]), (&id, &json!("resolved")));
    assert_eq!(alert["reason"], "rule_removed");
    // Once: the next start knows.
    let server = Server::on(&server.stop().await, CPU_HIGH).await;
    let all = server.json("/api/alerts?state=all").await;
    assert_eq!(all["alerts"][0]["reason"], "rule_removed");
    assert_eq!(all["alerts"].as_array().unwrap().len(), 1);
}
