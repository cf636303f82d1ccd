//! The fourteen mistakes that users of other alert engines report, each tried here, in the order of the list.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tickwire::{
    alerts::Engine,
    config::rule_from_json,
    model::{HostName, Kind, Labels, MetricName, SeriesKey, SeriesSpec, SourceId, Timestamp, Unit},
    series::Registry,
};

use crate::support::{Server, Stream, receiver::Receiver, within};

/// Fires over 90, is over at 75; one channel that gathers nothing. `more` is of the rule.
fn config(receiver: &Receiver, more: &str) -> String {
    format!(
        "[[rules]]\nname = \"hot\"\nmetric = \"heat\"\nwarning = {{ fire = 90, clear = 75 }}\n{more}\n[[channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"{}\"\ngroup = \"0s\"\n",
        receiver.url()
    )
}

async fn world(more: &str) -> (Server, Receiver, Stream) {
    let receiver = Receiver::start().await;
    let server = Server::with(&config(&receiver, more)).await;
    let alerts = server.stream("/api/events/alerts").await;
    (server, receiver, alerts)
}

async fn transition(alerts: &mut Stream) -> Value {
    alerts.event("alert").await.data
}

/// What was told next, and nothing else of it.
async fn told(receiver: &mut Receiver) -> String {
    let told = receiver.next().await.told();
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].0.clone()
}

/// Waits until exactly this was told, in this order, and taken. What comes quickly may be in one message.
async fn ledger(server: &Server, expected: &[&str]) {
    let over = async {
        loop {
            let ledger = server.json("/api/notifications").await;
            let entries = ledger["notifications"].as_array().unwrap().clone();
            let notices = entries
                .iter()
                .rev()
                .flat_map(|e| e["notices"].as_array().unwrap());
            let told: Vec<_> = notices
                .map(|n| n["what"].as_str().unwrap().to_owned())
                .collect();
            assert!(told.len() <= expected.len(), "{told:?}");
            if told.len() == expected.len() && entries.iter().all(|e| e["state"] == "sent") {
                assert_eq!(told, expected);
                return;
            }
        }
    };
    within("the ledger", over).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_01_missing_data_is_read_as_recovery() {
    let (server, mut receiver, mut alerts) = world("no_data = { after = \"1s\" }").await;
    server.sample("heat", 95).await;
    assert_eq!(transition(&mut alerts).await["transition"], "fired");
    let silent = transition(&mut alerts).await;
    assert_eq!(
        (&silent["transition"], &silent["state"]),
        (&json!("no_data"), &json!("no_data"))
    );
    // The next sample says that it still fires: it is the same alert, and nobody is told anew.
    server.sample("heat", 95).await;
    let back = transition(&mut alerts).await;
    assert_eq!(
        (&back["transition"], &back["id"]),
        (&json!("fired"), &silent["id"])
    );
    assert_eq!(told(&mut receiver).await, "firing");
    ledger(&server, &["firing"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_02_an_alert_is_stuck_because_its_host_is_off() {
    let more = "no_data = { after = \"1s\", then = \"resolve\" }";
    let (server, mut receiver, mut alerts) = world(more).await;
    server.sample("heat", 95).await;
    transition(&mut alerts).await;
    let over = transition(&mut alerts).await;
    assert_eq!(
        (&over["transition"], &over["reason"]),
        (&json!("resolved"), &json!("series_gone"))
    );
    assert_eq!(told(&mut receiver).await, "firing");
    assert_eq!(told(&mut receiver).await, "resolved");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_03_no_data_does_not_wait_and_ripens_a_hold() {
    let more = "for = \"2s\"\nno_data = { after = \"3s\", then = \"fire\" }";
    let (server, _receiver, mut alerts) = world(more).await;
    let begun = std::time::Instant::now();
    server.sample("heat", 95).await;
    let silent = transition(&mut alerts).await;
    // Two seconds of a breach that nobody saw go on are no breach of two seconds.
    assert_eq!(silent["transition"], "no_data");
    assert!(
        begun.elapsed() >= Duration::from_millis(2900),
        "{:?}",
        begun.elapsed()
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_04_a_restart_forgets_holds() {
    let receiver = Receiver::start().await;
    let config = config(&receiver, "for = \"2s\"");
    let server = Server::with(&config).await;
    let begun = std::time::Instant::now();
    server.sample("heat", 95).await;
    let folder = server.stop().await;
    let down = std::time::Instant::now();
    let server = Server::on(&folder, &config).await;
    let down = down.elapsed();
    let fires = async {
        while server.open_alerts().await.is_empty() {
            server.sample("heat", 95).await;
        }
    };
    within("it to fire", fires).await;
    let held = begun.elapsed() - down;
    // Had it begun anew, it would be two seconds from the restart on.
    assert!(held < Duration::from_millis(3500), "{held:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_05_resolved_is_delayed_or_never_sent_also_after_a_silence() {
    let (server, mut receiver, mut alerts) = world("").await;
    server.sample("heat", 95).await;
    assert_eq!(told(&mut receiver).await, "firing");
    server
        .tell("/api/silences", r#"{"everything":true,"for":"1h"}"#)
        .await;
    server.sample("heat", 10).await;
    let resolved = receiver.next().await.json()["alerts"][0].clone();
    assert_eq!(resolved["what"], "resolved");
    // It left with the transition: well within a second.
    let tried = async {
        loop {
            // It is written down once the receiver has answered.
            let ledger = server.json("/api/notifications?count=1").await;
            let made = &ledger["notifications"][0];
            if made["attempts"][0]["at"].is_string() {
                break made.clone();
            }
        }
    };
    let made = within("the ledger", tried).await;
    let at = |value: &Value| Timestamp::parse_rfc3339(value.as_str().unwrap()).unwrap();
    let delay = at(&made["attempts"][0]["at"]).since(at(&resolved["timestamp"]));
    assert!(delay < Duration::from_secs(1), "{delay:?}");
    let _ = transition(&mut alerts).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_06_resolved_comes_without_a_firing_or_a_firing_without_its_end() {
    let (server, _receiver, _alerts) = world("flapping = { after = 0 }").await;
    let (_, silence) = server
        .tell("/api/silences", r#"{"everything":true,"for":"1h"}"#)
        .await;
    // Begins and ends in the silence: nobody hears of it.
    for value in [95, 10, 95, 10] {
        server.sample("heat", value).await;
    }
    let path = format!("/api/silences/{}", silence["id"].as_str().unwrap());
    let ended = server.http.delete(server.url(&path)).send();
    within("an answer", ended).await.unwrap();
    for value in [95, 10, 95, 10] {
        server.sample("heat", value).await;
    }
    ledger(&server, &["firing", "resolved", "firing", "resolved"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_07_quiet_hours_drop_what_still_fires_after_them() {
    let (server, mut receiver, mut alerts) = world("").await;
    server
        .tell("/api/silences", r#"{"everything":true,"for":"2s"}"#)
        .await;
    server.sample("heat", 95).await;
    assert_eq!(transition(&mut alerts).await["silenced"], true);
    assert_eq!(transition(&mut alerts).await["transition"], "unsilenced");
    assert_eq!(told(&mut receiver).await, "firing");
    ledger(&server, &["firing"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_08_a_silence_outlives_the_incident() {
    let (server, mut receiver, mut alerts) = world("").await;
    server.sample("heat", 95).await;
    let id = transition(&mut alerts).await["id"].clone();
    assert_eq!(told(&mut receiver).await, "firing");
    let silence = json!({ "alert": id, "for": "90d", "until_resolved": true });
    server.tell("/api/silences", silence.to_string()).await;
    // Seen and silenced: both end with the alert.
    server
        .tell(
            &format!("/api/alerts/{}/acknowledge", id.as_str().unwrap()),
            "",
        )
        .await;
    server.sample("heat", 10).await;
    assert_eq!(told(&mut receiver).await, "resolved");
    server.sample("heat", 95).await;
    assert_eq!(told(&mut receiver).await, "firing");
    let open = server.open_alerts().await;
    assert_eq!(
        (&open[0]["silenced"], &open[0]["acknowledged"]),
        (&json!(false), &json!(false))
    );
    // And there is none without an end.
    let (status, _) = server.tell("/api/silences", r#"{"everything":true}"#).await;
    assert_eq!(status, 422);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_09_rules_below_a_minute_are_evaluated_late() {
    let (server, _receiver, _alerts) = world("").await;
    let mut all = server
        .stream("/api/events/all?topics=metrics,alerts&shape=batch")
        .await;
    // The transition is in the turn of the sample that caused it: the very next number.
    for value in [10, 95, 10, 95] {
        server.sample("heat", value).await;
    }
    let seq = |id: &str| id.rsplit('-').next().unwrap().parse::<u64>().unwrap();
    let mut found = 0;
    let mut before = 0;
    while found < 3 {
        let event = all.next().await.expect("it goes on");
        match event.event.as_str() {
            "metrics" => before = seq(event.id()),
            "alert" => {
                assert_eq!(seq(event.id()), before + 1);
                found += 1;
            }
            _ => {}
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_10_a_notification_at_every_evaluation() {
    let (server, _receiver, _alerts) = world("").await;
    for step in 0..200 {
        server.sample("heat", 95 + step % 5).await;
    }
    server.sample("heat", 10).await;
    ledger(&server, &["firing", "resolved"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_11_flapping_around_one_threshold() {
    let (server, _receiver, _alerts) = world("flapping = { after = 3, within = \"1h\" }").await;
    // Inside the band nothing happens at all.
    for step in 0..50 {
        server
            .sample("heat", if step % 2 == 0 { 91 } else { 80 })
            .await;
    }
    // And right through it, it is held after the third time.
    for step in 0..100 {
        server
            .sample("heat", if step % 2 == 0 { 10 } else { 95 })
            .await;
    }
    ledger(
        &server,
        &["firing", "resolved", "firing", "resolved", "firing"],
    )
    .await;
    assert_eq!(server.open_alerts().await[0]["flapping"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_12_one_level_a_metric() {
    let (server, _receiver, mut alerts) = world("critical = { fire = 97, clear = 85 }").await;
    for (value, transition_is, level) in [
        (95, "fired", "warning"),
        (99, "escalated", "critical"),
        (80, "deescalated", "warning"),
        (10, "resolved", "warning"),
    ] {
        server.sample("heat", value).await;
        let event = transition(&mut alerts).await;
        assert_eq!(
            (&event["transition"], &event["level"]),
            (&json!(transition_is), &json!(level))
        );
    }
    // That it eased is no reason to call somebody.
    ledger(&server, &["firing", "firing", "resolved"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistake_13_a_template_runs_a_shell_or_breaks_json() {
    let mut receiver = Receiver::start().await;
    let channel = format!(
        "{}body = '{{\"text\": \"{{{{ message }}}}\"}}'\n",
        config(&receiver, "message = \"{{ labels.oven }}\"")
    );
    let server = Server::with(&channel).await;
    let evil = "\", \"x\": \"\\\" $(id) `id` {{ link }} ${HOME} <script>\u{1f600}\t";
    server
        .push(json!({ "name": "heat", "value": 95, "labels": { "oven": evil } }))
        .await;
    assert_eq!(receiver.next().await.json(), json!({ "text": evil }));
    server.stop().await;
}

#[test]
fn mistake_14_a_stepped_clock_fires_or_clears() {
    let rule = json!({
        "name": "hot", "metric": "heat", "warning": { "fire": 90, "clear": 75 }, "for": "1m", "keep_firing_for": "1m",
        "no_data": { "after": "15s", "then": "fire" },
    });
    let rule = Arc::new(rule_from_json(&rule).unwrap());
    let mut engine = Engine::new(vec![rule], 1, Duration::from_secs(60));
    let (_, mut writer) = Registry::new(1);
    let spec = SeriesSpec {
        key: SeriesKey {
            host: HostName::parse("a").unwrap(),
            name: MetricName::parse("heat").unwrap(),
            labels: Labels::default(),
        },
        unit: Unit::parse("").unwrap(),
        kind: Kind::Gauge,
    };
    let series = writer
        .resolve(&SourceId::new("a"), &[spec])
        .remove(0)
        .unwrap();
    let second = Duration::from_secs(1);
    let hour = Duration::from_secs(3600);
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let run = |engine: &mut Engine, now: Timestamp, value: f64| {
        let mut events = engine.observe(now, now, Some(second), [(&series, value)].into_iter());
        events.extend(engine.tick(now));
        events.len()
    };
    // Half a minute of a breach, a step of an hour, and the rest of the minute but for a second.
    for _ in 0..30 {
        now = now.plus(second);
        assert_eq!(run(&mut engine, now, 95.0), 0);
    }
    now = now.plus(hour);
    for _ in 0..31 {
        assert_eq!(
            run(&mut engine, now, 95.0),
            0,
            "the step counted, or was silence"
        );
        now = now.plus(second);
    }
    assert_eq!(run(&mut engine, now, 95.0), 1);
    // Back by an hour: nothing is known to be over, and nothing is silent.
    let back = now.minus(hour);
    for n in 0..100_u32 {
        assert_eq!(run(&mut engine, back.plus(second * n), 10.0), 0);
    }
    assert_eq!(engine.open().count(), 1);
}
