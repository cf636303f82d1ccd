//! `/api/annotations`: marks on moments and spans of time, in the feed, over restarts, until they are removed.

use reqwest::Method;
use serde_json::{Value, json};
use tickwire::model::{Clock, Timestamp};

use crate::support::{Server, http::problem, server::config, within};

const FEED: &str = "/api/events/all?topics=activity";

fn now() -> i64 {
    Clock::default().now().as_millis()
}

fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

/// Puts one there that must be taken; its id, and the position of its line.
async fn annotate(server: &Server, body: Value) -> (String, String) {
    let (status, said) = server.tell("/api/annotations", body.to_string()).await;
    assert_eq!(status, 201, "{said}");
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    (text("id"), text("position"))
}

async fn remove(server: &Server, id: &str) -> reqwest::Response {
    let url = server.url(&format!("/api/annotations/{id}"));
    let request = server.http.request(Method::DELETE, url).send();
    within("the removal", request).await.expect("an answer")
}

/// The messages of those that a query finds, in its order.
async fn found(server: &Server, query: &str) -> Vec<String> {
    let list = server.json(&format!("/api/annotations{query}")).await;
    let all = list["annotations"].as_array().unwrap();
    let messages = all.iter().map(|a| a["message"].as_str().unwrap());
    messages.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_and_a_span_are_lines_of_the_feed_with_their_ids() {
    let server = Server::start().await;
    let mut live = server.stream(FEED).await;
    let mut socket = server.socket().await;
    let subscribe =
        json!({ "type": "subscribe", "id": 1, "topics": ["activity"], "since": "latest" });
    socket.ask(subscribe).await;
    let (week, end) = (now() - 7 * 86_400_000, now() + 86_400_000);
    let span = json!({ "kind": "deploy", "message": "shop 1.4.2", "host": "web1", "from": week, "to": time(end) });
    let (moment, at) = annotate(&server, json!({ "message": "a note" })).await;
    let (span, span_at) = annotate(&server, span).await;

    let event = live.event("activity").await;
    assert_eq!(event.id(), at);
    assert_eq!(event.data["id"], moment.as_str());
    assert_eq!(event.data["kind"], "annotation");
    assert_eq!(event.data.get("until"), None);
    let event = live.event("activity").await;
    assert_eq!(event.id(), span_at);
    let expected = json!({
        "type": "activity", "id": span, "kind": "deploy", "message": "shop 1.4.2", "host": "web1",
        "timestamp": time(week), "until": time(end),
    });
    assert_eq!(event.data, expected);
    let frame = socket.frame("activity").await;
    assert_eq!(frame["id"], moment.as_str());
    let frame = socket.frame("activity").await;
    assert_eq!(
        (&frame["id"], &frame["until"]),
        (&json!(span), &json!(time(end)))
    );
    // What is pushed as an event has an id too, and what the server says of itself has none.
    let event = json!({ "kind": "note", "message": "pushed" }).to_string();
    assert_eq!(server.post("/api/events", event).await.status(), 202);
    let pushed = live.find("pushed", |e| e.data["message"] == "pushed").await;
    assert!(pushed.data["id"].is_string(), "{pushed:?}");
    server.post("/api/sources/push/stop", "").await;
    let stopped = live.find("stopped", |e| e.data["kind"] == "source_stopped");
    assert_eq!(stopped.await.data.get("id"), None);

    let one = server.json(&format!("/api/annotations/{span}")).await;
    let expected = json!({
        "id": span, "kind": "deploy", "message": "shop 1.4.2", "host": "web1",
        "from": time(week), "to": time(end),
    });
    assert_eq!(one, expected);
    // The page has what charts need for a mark.
    let page = server.get("/").await.text().await.unwrap();
    let mark = format!(
        "data-mark=\"deploy\" data-host=\"web1\" data-id=\"{span}\" data-until=\"{}\"",
        time(end)
    );
    assert!(page.contains(&mark), "{mark}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_has_those_that_overlap_it() {
    let server = Server::start().await;
    let begin = now() - 3_600_000;
    let minute = |n: i64| begin + n * 60_000;
    for (message, host, from, to) in [
        ("late", None, 40, Some(50)),
        ("early", Some("web1"), 0, None),
        ("long", Some("db"), 5, Some(45)),
        ("short", None, 10, Some(20)),
    ] {
        let kind = if to.is_some() {
            "maintenance"
        } else {
            "deploy"
        };
        let body = json!({
            "kind": kind, "message": message, "host": host, "from": minute(from), "to": to.map(minute),
        });
        annotate(&server, body).await;
    }
    let range = |from: i64, to: i64| format!("?from={}&to={}", minute(from), minute(to));
    for (query, expected) in [
        (String::new(), &["early", "long", "short", "late"][..]),
        ("?from=2h".to_owned(), &["early", "long", "short", "late"]),
        (range(0, 5), &["early"]),
        (range(1, 5), &[]),
        (range(1, 6), &["long"]),
        (range(20, 40), &["long", "short"]),
        (range(21, 40), &["long"]),
        (range(44, 60), &["long", "late"]),
        (range(51, 60), &[]),
        ("?kinds=dep*,nothing".to_owned(), &["early"]),
        ("?hosts=web*".to_owned(), &["early", "short", "late"]),
        (
            "?hosts=db&kinds=maintenance&from=16m".to_owned(),
            &["long", "late"],
        ),
    ] {
        assert_eq!(found(&server, &query).await, expected, "{query}");
    }
    let list = server
        .json(&format!("/api/annotations{}", range(0, 5)))
        .await;
    assert_eq!(list["from"], time(minute(0)));
    assert_eq!(list["to"], time(minute(5)));
    assert_eq!(list["more"], 0);
    assert_eq!(list["position"], server.position().await);
    for (query, parameter) in [
        ("from=yesterday", "from"),
        ("from=10m&to=1h", "to"),
        ("to=1h&from=10m", "from"),
        ("kinds=", "kinds"),
        ("names=x", "names"),
        ("kinds=a&kinds=b", "kinds"),
    ] {
        let problem = problem(server.get(&format!("/api/annotations?{query}")).await, 400).await;
        assert_eq!(problem["parameter"], parameter, "{query}");
        assert!(problem["accepted"].is_string(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_the_newest_thousand_are_listed_and_the_others_counted() {
    let server = Server::start().await;
    let begin = now() - 1_200_000;
    for i in 0..1010 {
        let event =
            json!({ "kind": "note", "message": i.to_string(), "timestamp": begin + i * 1000 });
        assert_eq!(
            server.post("/api/events", event.to_string()).await.status(),
            202
        );
    }
    annotate(&server, json!({ "message": "last" })).await;
    let list = server.json("/api/annotations").await;
    let all = list["annotations"].as_array().unwrap();
    assert_eq!((all.len(), &list["more"]), (1000, &json!(11)));
    assert_eq!(all[0]["message"], "11");
    assert_eq!(all[999]["message"], "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_removed_is_gone_and_the_feed_says_so() {
    let server = Server::start().await;
    let mut live = server.stream(FEED).await;
    let body = json!({ "kind": "deploy", "message": "shop 1.4.2", "host": "web1" });
    let (id, _) = annotate(&server, body).await;
    live.event("activity").await;
    let page = server.get("/").await.text().await.unwrap();
    assert!(page.contains(&id));
    let removed: Value = remove(&server, &id).await.json().await.unwrap();
    assert_eq!(removed, json!({ "changed": 1 }));
    let line = live.event("activity").await.data;
    assert_eq!(line["kind"], "annotation_removed");
    assert_eq!((&line["id"], &line["host"]), (&json!(id), &json!("web1")));
    assert_eq!(line["message"], "removed: shop 1.4.2");
    assert_eq!(found(&server, "").await, [""; 0]);
    let page = server.get("/").await.text().await.unwrap();
    assert!(page.contains("annotation_removed") && !page.contains(&id));
    for id in [&id, "none", "018bcfe5-687b-7fff-8000-000000000000"] {
        let problem = problem(remove(&server, id).await, 404).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("no annotation") && detail.contains(id),
            "{detail}"
        );
    }
    // What was streamed stays as it was.
    let mut again = server.stream(&format!("{FEED}&since=earliest")).await;
    let first = again.find("it", |e| e.data["kind"] == "deploy").await;
    assert_eq!(first.data["id"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_stand_are_there_after_a_restart_and_the_others_are_not() {
    let server = Server::start().await;
    let (gone, _) = annotate(&server, json!({ "message": "gone" })).await;
    // At once: what puts it there and what removes it may be on the way to the store together.
    assert_eq!(remove(&server, &gone).await.status(), 200);
    let (from, to) = (now() - 400 * 86_400_000, now() + 1000);
    let span = json!({ "message": "span", "from": from, "to": to });
    let (span, _) = annotate(&server, span).await;
    let event = json!({ "kind": "note", "message": "pushed" }).to_string();
    assert_eq!(server.post("/api/events", event).await.status(), 202);
    let mut live = server.stream(&format!("{FEED}&since=earliest")).await;
    let is_last = |e: &crate::support::sse::Event| e.data["message"] == "pushed";
    let lines = live.until(&["activity"], is_last).await;
    let mut before = server.json("/api/annotations").await;
    let before = before["annotations"].take();
    assert_eq!(before.as_array().unwrap().len(), 2);
    let server = Server::on(&server.stop().await, "").await;
    assert_eq!(server.json("/api/annotations").await["annotations"], before);
    let mut again = server.stream(&format!("{FEED}&since=earliest")).await;
    let again = again.until(&["activity"], is_last).await;
    let said = |lines: &[crate::support::sse::Event]| -> Vec<_> {
        lines
            .iter()
            .map(|e| (e.id.clone(), e.data.clone()))
            .collect()
    };
    assert_eq!(said(&again), said(&lines));
    assert_eq!(remove(&server, &gone).await.status(), 404);
    assert_eq!(remove(&server, &span).await.status(), 200);
    let server = Server::on(&server.stop().await, "").await;
    assert_eq!(found(&server, "").await, ["pushed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_said_with_field_value_and_what_is_accepted() {
    let server = Server::start().await;
    let far = now() + 31 * 86_400_000;
    let cases = [
        (
            json!({ "message": "x", "kind": "de ploy" }),
            "kind",
            "letters",
        ),
        (
            json!({ "message": "x", "kind": "annotation_removed" }),
            "kind",
            "annotation_removed",
        ),
        (
            json!({ "message": "x", "kind": "k".repeat(65) }),
            "kind",
            "64 bytes",
        ),
        (json!({ "message": "  " }), "message", "1024 bytes"),
        (
            json!({ "message": "x".repeat(1025) }),
            "message",
            "1024 bytes",
        ),
        (json!({ "message": "x", "host": "a,b" }), "host", "commas"),
        (
            json!({ "message": "x", "from": "soon" }),
            "from",
            "RFC 3339",
        ),
        (json!({ "message": "x", "from": true }), "from", "RFC 3339"),
        (
            json!({ "message": "x", "from": -5 }),
            "from",
            "store.keep_hours",
        ),
        (
            json!({ "message": "x", "from": now() + 60_000 }),
            "from",
            "ingest.accept_future",
        ),
        (json!({ "message": "x", "to": "1h" }), "to", "RFC 3339"),
        (
            json!({ "message": "x", "from": 1_795_000_000, "to": 1_795_000_000 }),
            "to",
            "later than from",
        ),
        (json!({ "message": "x", "to": far }), "to", "at most"),
    ];
    for (body, field, accepted) in cases {
        let said = problem(server.post("/api/annotations", body.to_string()).await, 422).await;
        assert_eq!(said["parameter"], field, "{body}: {said}");
        assert!(said["value"].is_string(), "{body}: {said}");
        let taken = said["accepted"].as_str().unwrap();
        assert!(taken.contains(accepted), "{body}: {said}");
    }
    for body in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"message":"x","colour":1}"#,
        r#"{"message":1}"#,
        r#"{"message":"x","from":1,"timestamp":2}"#,
    ] {
        let said = problem(server.post("/api/annotations", body).await, 422).await;
        let detail = said["detail"].as_str().unwrap();
        assert!(
            detail.contains(r#"an annotation is {"message","kind"?"#),
            "{detail}"
        );
    }
    let request = server.http.post(server.url("/api/annotations"));
    let request = request.header("origin", "http://evil.example").body("{}");
    problem(request.send().await.unwrap(), 403).await;
    assert_eq!(found(&server, "").await, [""; 0]);
}

/// Nobody, root included, may write there.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn they_stand_also_where_nothing_can_be_kept() {
    let config = config(std::path::Path::new("/sys/tickwire"), "");
    let server = Server::of(config).await;
    let mut live = server.stream(FEED).await;
    let (id, _) = annotate(&server, json!({ "message": "here" })).await;
    let line = live.find("it", |e| e.data["kind"] == "annotation").await;
    assert_eq!(line.data["id"], id.as_str());
    assert_eq!(found(&server, "?from=1h").await, ["here"]);
    assert_eq!(remove(&server, &id).await.status(), 200);
    assert_eq!(found(&server, "").await, [""; 0]);
}
