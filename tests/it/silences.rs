//! Silences: made, told, ended, kept.

use serde_json::{Value, json};

use crate::support::{Server, Stream, http::problem, rules::CPU_HIGH, within};

async fn silence(server: &Server, body: Value) -> (u16, Value) {
    server.tell("/api/silences?by=Ada", body.to_string()).await
}

async fn transition(stream: &mut Stream) -> (String, bool) {
    let alert = stream.event("alert").await.data;
    let word = alert["transition"].as_str().unwrap().to_owned();
    (word, alert["silenced"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_of_what_it_fits_until_it_is_ended() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/alerts").await;
    server.sample("cpu", 95).await;
    assert_eq!(transition(&mut stream).await, ("fired".to_owned(), false));
    let asked = json!({ "rules": "cpu_*", "hosts": "push", "for": "2h", "reason": "moving house" });
    let (status, made) = silence(&server, asked).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(transition(&mut stream).await, ("silenced".to_owned(), true));
    server.sample("cpu", 99).await;
    assert_eq!(
        transition(&mut stream).await,
        ("escalated".to_owned(), true)
    );
    let listed = server.json("/api/silences").await["silences"][0].clone();
    assert_eq!(listed["id"], made["id"]);
    assert_eq!(
        (&listed["by"], &listed["silenced"]),
        (&json!("Ada"), &json!(1))
    );
    let open = server.open_alerts().await;
    assert_eq!(open[0]["silenced_by"], json!({ "silence": made["id"] }));
    let path = format!("/api/silences/{}", made["id"].as_str().unwrap());
    let ended = within(&path, server.http.delete(server.url(&path)).send())
        .await
        .unwrap();
    assert_eq!(ended.status(), 200);
    assert_eq!(
        transition(&mut stream).await,
        ("unsilenced".to_owned(), false)
    );
    let again = within(&path, server.http.delete(server.url(&path)).send())
        .await
        .unwrap();
    problem(again, 404).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_an_alert_is_of_no_other_and_survives_a_restart() {
    let server = Server::with(CPU_HIGH).await;
    server.sample("cpu", 95).await;
    server
        .push(json!({ "name": "cpu", "value": 95, "host": "web2" }))
        .await;
    let open = server.open_alerts().await;
    let of_push = open.iter().find(|alert| alert["host"] == "push").unwrap();
    let (status, _) = silence(&server, json!({ "alert": of_push["id"], "for": "1h" })).await;
    assert_eq!(status, 201);
    let silenced = |open: &[Value]| -> Vec<String> {
        let silenced = open.iter().filter(|alert| alert["silenced"] == true);
        silenced
            .map(|alert| alert["host"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(silenced(&server.open_alerts().await), ["push"]);
    let folder = server.stop().await;
    let server = Server::on(&folder, CPU_HIGH).await;
    assert_eq!(silenced(&server.open_alerts().await), ["push"]);
    server.sample("anything", 1).await;
    assert_eq!(
        server.json("/api/silences").await["silences"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_an_alert_is_of_its_series_alone_whatever_is_in_its_names() {
    let server = Server::with(CPU_HIGH).await;
    let high = |host: &str, labels: Value| json!({ "name": "cpu", "value": 95, "host": host, "labels": labels });
    let one = json!({ "disk": "sd?[*]", "none": "" });
    let labels = [
        one.clone(),
        json!({ "disk": "sda[*]", "none": "" }),
        json!({ "disk": "sd?*", "none": "" }),
        json!({ "disk": "sd?[*]" }),
        json!({ "disk": "sd?[*]", "none": "", "part": "1" }),
        json!({}),
    ];
    let samples = labels
        .iter()
        .flat_map(|labels| ["web*", "web1"].map(|host| high(host, labels.clone())));
    server.push(samples.collect::<Vec<_>>()).await;
    let silenced = async || -> Vec<Value> {
        let mut open = server.open_alerts().await;
        assert_eq!(open.len(), 12);
        open.retain(|alert| alert["silenced"] == true);
        open
    };
    let open = server.open_alerts().await;
    let of_one = |alert: &&Value| alert["host"] == "web*" && alert["labels"] == one;
    let id = open.iter().find(of_one).unwrap()["id"].clone();
    let (status, made) = silence(&server, json!({ "alert": id, "for": "1h" })).await;
    assert_eq!(status, 201, "{made}");
    let found = silenced().await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &id));
    let matcher = server.json("/api/silences").await["silences"][0]["matcher"].clone();
    assert_eq!(
        matcher,
        json!({
            "rules": ["cpu_high"], "hosts": ["web[*]"], "names": ["cpu"],
            "labels": { "disk": ["sd[?][[*]]"], "none": [""] }, "exact_labels": true,
        })
    );

    let asked = json!({ "hosts": "*", "exact_labels": true, "for": "1h" });
    let (status, made) = silence(&server, asked).await;
    assert_eq!(status, 201, "{made}");
    let mut found = silenced().await;
    found.retain(|alert| alert["id"] != id);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|alert| alert["labels"] == json!({})));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_until_resolved_does_not_outlive_the_incident() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/alerts").await;
    let (status, _) = silence(
        &server,
        json!({ "rules": "cpu_high", "for": "90d", "until_resolved": true }),
    )
    .await;
    assert_eq!(status, 201);
    for (value, expected) in [
        (95, ("fired", true)),
        (70, ("resolved", true)),
        (95, ("fired", false)),
    ] {
        server.sample("cpu", value).await;
        let (word, silenced) = transition(&mut stream).await;
        assert_eq!((word.as_str(), silenced), expected);
    }
    assert_eq!(server.json("/api/silences").await["silences"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_silence_is_refused_with_a_reason() {
    let server = Server::start().await;
    for (body, said) in [
        (json!({ "for": "1h" }), "of which alerts?"),
        (json!({ "hosts": "a" }), "a silence has an end"),
        (
            json!({ "alert": "018bcfe5-687b-7fff-8000-000000000000", "for": "1h" }),
            "an alert that is open",
        ),
    ] {
        let refused = server.post("/api/silences", body.to_string()).await;
        let refused = problem(refused, 422).await;
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{refused}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_alert_has_its_story_and_silences_it() {
    let server = Server::with(CPU_HIGH).await;
    let mut stream = server.stream("/api/events/alerts").await;
    for value in [95, 99] {
        server.sample("cpu", value).await;
    }
    let id = server.open_alerts().await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    server
        .tell(&format!("/api/alerts/{id}/acknowledge?by=Grace"), "")
        .await;
    for expected in ["fired", "escalated", "acknowledged"] {
        assert_eq!(transition(&mut stream).await.0, expected);
    }
    let page = format!("/alerts/{id}");
    let form = server.http.post(server.url(&format!("{page}/silence")));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form = form.header("cookie", "tickwire_name=Ada%20L.");
    let form = form.body("for=4h&until_resolved=true&reason=we+know+%26+wait");
    let answer = within("an answer", form.send()).await.unwrap();
    assert!(
        answer.status().is_success(),
        "sent back to a page: {}",
        answer.status()
    );
    assert_eq!(transition(&mut stream).await, ("silenced".to_owned(), true));
    let silence = server.json("/api/silences").await["silences"][0].clone();
    assert_eq!(
        (
            &silence["by"],
            &silence["reason"],
            &silence["until_resolved"]
        ),
        (&json!("Ada L."), &json!("we know & wait"), &json!(true))
    );
    let told = async {
        loop {
            let text = server.get(&page).await.text().await.unwrap();
            if ["escalated", "seen", "by Grace", "silenced"]
                .iter()
                .all(|word| text.contains(word))
            {
                return text;
            }
        }
    };
    let text = within("its story", told).await;
    assert!(text.contains("the configuration has no channels"), "{text}");
    problem(
        server
            .get("/alerts/018bcfe5-687b-7fff-8000-000000000000")
            .await,
        404,
    )
    .await;
    server.stop().await;
}
