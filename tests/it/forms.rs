//! The forms of the pages about alerts, as a browser without scripts sends them.

use reqwest::{Response, redirect::Policy};
use serde_json::json;

use crate::support::{Server, rules::CPU_HIGH, within};

/// Sends a form from the page at `from`; what comes back is not followed.
async fn send(server: &Server, from: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let client = reqwest::Client::builder().redirect(Policy::none());
    let client = client.no_proxy().build().unwrap();
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, text)| format!("{}={}", encode(name), encode(text)))
        .collect();
    let request = client
        .post(server.url(path))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("referer", server.url(from))
        .body(pairs.join("&"));
    within(path, request.send()).await.unwrap()
}

async fn page(server: &Server, path: &str) -> String {
    let response = server.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    within(path, response.text()).await.unwrap()
}

/// What the page of a rule says to know it again by.
async fn seen(server: &Server, name: &str) -> String {
    let text = page(server, &format!("/rules/edit?name={name}")).await;
    let (_, rest) = text.split_once("name=\"seen\" value=\"").expect("a stamp");
    rest.split('"').next().unwrap().to_owned()
}

async fn rule(server: &Server, name: &str) -> serde_json::Value {
    server.json(&format!("/api/rules/{name}")).await
}

const FIELDS: [(&str, &str); 9] = [
    ("name", "cpu_hot"),
    ("metric", "cpu"),
    ("aggregate", "last"),
    ("when", "above"),
    ("warning.fire", "60"),
    ("warning.clear", "50"),
    ("notify", "routes"),
    ("enabled", "true"),
    ("back", "1h"),
];

/// Those fields with others in their place, or besides.
fn with<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
    let mut fields: Vec<_> = FIELDS
        .into_iter()
        .filter(|(name, _)| !is_other(name))
        .collect();
    fields.extend(others);
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_changed_turned_off_and_taken_out_by_forms() {
    let server = Server::with(CPU_HIGH).await;
    let blank = page(&server, "/rules/edit?metric=cpu").await;
    assert!(blank.contains("name=\"metric\" value=\"cpu\""), "{blank}");
    let made = send(&server, "/rules/edit", "/rules/edit", &FIELDS).await;
    assert_eq!(made.status(), 303);
    assert_eq!(made.headers()["location"], "/rules#rule-cpu_hot");
    let known = rule(&server, "cpu_hot").await;
    assert_eq!(
        (&known["origin"], &known["rule"]["warning"]["fire"]),
        (&json!("made"), &json!(60.0))
    );
    assert!(page(&server, "/rules").await.contains("made here by"));

    // It fires as any other does, and a change keeps what fires.
    server.sample("cpu", 70).await;
    assert_eq!(server.open_alerts().await.len(), 1);
    let stamp = seen(&server, "cpu_hot").await;
    let change = with(&[("was", "cpu_hot"), ("seen", &stamp), ("warning.fire", "65")]);
    assert_eq!(
        send(&server, "/rules", "/rules/edit", &change)
            .await
            .status(),
        303
    );
    assert_eq!(
        rule(&server, "cpu_hot").await["rule"]["warning"]["fire"],
        65.0
    );
    assert_eq!(server.open_alerts().await.len(), 1);

    let edit = page(&server, "/rules/edit?name=cpu_hot").await;
    assert!(
        edit.contains("name=\"warning.fire\" value=\"65\""),
        "{edit}"
    );
    let like = page(&server, "/rules/edit?like=cpu_hot").await;
    assert!(like.contains("value=\"cpu_hot_2\""), "{like}");

    for (action, origin) in [("disable", "made"), ("enable", "made")] {
        let path = format!("/rules/cpu_hot/{action}");
        assert_eq!(send(&server, "/rules", &path, &[]).await.status(), 303);
        let known = rule(&server, "cpu_hot").await;
        assert_eq!(known["rule"]["enabled"], action == "enable");
        assert_eq!(known["origin"], origin);
    }
    assert_eq!(
        send(&server, "/rules", "/rules/cpu_hot/remove", &[])
            .await
            .status(),
        303
    );
    assert_eq!(server.get("/api/rules/cpu_hot").await.status(), 404);

    // One of the file is changed, and the change taken back.
    let stamp = seen(&server, "cpu_high").await;
    let change = with(&[
        ("name", "cpu_high"),
        ("was", "cpu_high"),
        ("seen", &stamp),
        ("warning.fire", "80"),
    ]);
    assert_eq!(
        send(&server, "/rules", "/rules/edit", &change)
            .await
            .status(),
        303
    );
    assert_eq!(rule(&server, "cpu_high").await["origin"], "changed");
    assert_eq!(
        send(&server, "/rules", "/rules/cpu_high/remove", &[])
            .await
            .status(),
        303
    );
    assert_eq!(
        rule(&server, "cpu_high").await["rule"]["warning"]["fire"],
        90.0
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_rule_is_said_beside_what_was_written_and_nothing_is_changed() {
    let server = Server::with(CPU_HIGH).await;
    let wrong = with(&[("warning.fire", "sixty"), ("for", "a while")]);
    let answer = send(&server, "/rules/edit", "/rules/edit", &wrong).await;
    assert_eq!(answer.status(), 422);
    let text = answer.text().await.unwrap();
    for said in [
        "data-fault=\"warning.fire\"",
        "data-fault=\"for\"",
        "value=\"sixty\"",
        "value=\"a while\"",
        "value=\"cpu_hot\"",
    ] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    assert_eq!(server.get("/api/rules/cpu_hot").await.status(), 404);
    // A new one does not take the place of another by accident.
    let taken = with(&[("name", "cpu_high")]);
    let answer = send(&server, "/rules/edit", "/rules/edit", &taken).await;
    assert_eq!(answer.status(), 422);
    let text = answer.text().await.unwrap();
    assert!(text.contains("There is a rule cpu_high already"), "{text}");
    assert_eq!(rule(&server, "cpu_high").await["origin"], "file");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten_unseen() {
    let server = Server::with(CPU_HIGH).await;
    let stamp = seen(&server, "cpu_high").await;
    let disabled = server
        .http
        .post(server.url("/api/rules/cpu_high/disable?by=Ada"));
    assert_eq!(disabled.send().await.unwrap().status(), 200);
    let change = |stamp| {
        with(&[
            ("name", "cpu_high"),
            ("was", "cpu_high"),
            ("seen", stamp),
            ("warning.fire", "80"),
        ])
    };
    let answer = send(&server, "/rules", "/rules/edit", &change(&stamp)).await;
    assert_eq!(answer.status(), 422);
    let text = answer.text().await.unwrap();
    assert!(text.contains("Ada changed this rule at"), "{text}");
    assert!(
        text.contains("name=\"warning.fire\" value=\"80\""),
        "{text}"
    );
    assert_eq!(rule(&server, "cpu_high").await["rule"]["enabled"], false);
    // Whoever has seen it may.
    let (_, rest) = text.split_once("name=\"seen\" value=\"").unwrap();
    let stamp = rest.split('"').next().unwrap();
    let answer = send(&server, "/rules", "/rules/edit", &change(stamp)).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(
        rule(&server, "cpu_high").await["rule"]["warning"]["fire"],
        80.0
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_tried_on_the_past_and_compared_with_the_saved_rule() {
    let server = Server::with(CPU_HIGH).await;
    for value in [10, 95, 10, 70, 10, 98, 10] {
        server.sample("cpu", value).await;
    }
    let stored = async { while server.metric("tickwire_store_samples_total").await < 7.0 {} };
    within("the store", stored).await;
    let fields = with(&[
        ("name", "cpu_high"),
        ("was", "cpu_high"),
        ("flapping.after", "0"),
        ("per_week", "168"),
    ]);
    let answer = send(&server, "/rules/edit", "/rules/try", &fields).await;
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    for said in [
        "It would have fired 3 times",
        "7 samples of 1 series",
        "as it is saved",
        // One an hour at most: beyond 95, by two digits of the way.
        "At most 168 a week",
        "<title>Rule cpu_high",
        "&quot;thresholds&quot;:[{&quot;value&quot;:60.0",
    ] {
        let plain = text.replace("\\\"", "\"");
        let found = plain.contains(said) || plain.replace('"', "&quot;").contains(said);
        assert!(found, "no {said} in {text}");
    }
    assert_eq!(
        text.matches("data-mark=\"warning\"").count(),
        1,
        "one mark: {text}"
    );
    assert_eq!(
        rule(&server, "cpu_high").await["rule"]["warning"]["fire"],
        90.0
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_anything_is_made_by_a_form() {
    let server = Server::with(CPU_HIGH).await;
    server
        .push(json!({ "name": "cpu", "value": 95, "host": "db1", "labels": { "core": "1" } }))
        .await;
    let fields = [
        ("rules", ""),
        ("hosts", "db*, web1"),
        ("labels", "core=1\r\ncore=2\r\n"),
        ("everything", "true"),
        ("levels", "info,warning"),
        ("for", "2h"),
        ("reason", "moving house"),
    ];
    let made = send(&server, "/silences", "/silences", &fields).await;
    assert_eq!(made.status(), 303);
    let silences = server.json("/api/silences").await;
    let silence = &silences["silences"][0];
    assert_eq!(silence["reason"], "moving house");
    assert_eq!(silence["silenced"], 1, "{silence}");
    let text = page(&server, "/silences").await;
    assert!(text.contains("moving house"), "{text}");
    let path = format!("/silences/{}/end", silence["id"].as_str().unwrap());
    assert_eq!(send(&server, "/silences", &path, &[]).await.status(), 303);
    assert_eq!(server.open_alerts().await[0]["silenced"], false);
    // No more than is written, and of everything only if that is said.
    let slip = [("hosts", "db*"), ("labels", "core:1"), ("for", "2h")];
    let refused = send(&server, "/silences", "/silences", &slip).await;
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains("core:1"));
    let refused = send(&server, "/silences", "/silences", &[("for", "2h")]).await;
    assert_eq!(refused.status(), 422);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_kept_and_stands_beside_what_is_done() {
    let server = Server::with(CPU_HIGH).await;
    let kept = send(&server, "/alerts", "/me", &[("name", " Ada Löwe; x=y ")]).await;
    assert_eq!(kept.status(), 303);
    let cookie = kept.headers()["set-cookie"].to_str().unwrap().to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    assert!(cookie.contains("SameSite=Lax"), "{cookie}");
    server.sample("cpu", 95).await;
    let id = server.open_alerts().await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = server
        .http
        .post(server.url(&format!("/alerts/{id}/acknowledge")));
    let done = request.header("cookie", pair).send().await.unwrap();
    assert!(
        done.status().is_success() || done.status().is_redirection(),
        "{done:?}"
    );
    assert_eq!(server.open_alerts().await[0]["by"], "Ada Löwe; x=y");
    let forgotten = send(&server, "/alerts", "/me", &[("name", "")]).await;
    assert!(
        forgotten.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let refused = send(&server, "/alerts", "/me", &[("name", "a\u{7}b")]).await;
    assert_eq!(refused.status(), 422);
    server.stop().await;
}
