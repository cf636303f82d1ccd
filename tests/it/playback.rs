//! Pages of the past: a page as it was at a moment, the same going on from there as a stream, and the page of history.

use std::sync::Arc;

use reqwest::{StatusCode, redirect::Policy};
use serde_json::json;
use tempfile::TempDir;
use tickwire::model::{Clock, Timestamp};

use crate::support::{Server, http::problem, within};

/// Fires over 90, is over below 75.
const RULE: &str = r#"
[[rules]]
name = "busy"
metric = "cpu_usage"
when = "above"
warning = { fire = 90, clear = 75 }
message = "{{ name }} at {{ value }} on {{ host }}"
"#;

/// A moment that everything before is older than, and everything after younger.
async fn moment() -> Timestamp {
    let clock = Clock::default();
    let begun = clock.now();
    let mut now = begun;
    while now.as_millis() < begun.as_millis() + 4 {
        tokio::task::yield_now().await;
        now = clock.now();
    }
    Timestamp::from_millis(begun.as_millis() + 2)
}

async fn cpu(server: &Server, value: f64) {
    let sample = json!({ "name": "cpu_usage", "value": value, "unit": "%", "host": "web1" });
    server.push(sample).await;
}

/// Asks until a moment is far enough back to be the past, and answers with the page.
async fn page(server: &Server, path: &str, at: Timestamp) -> String {
    let url = server.url(&format!("{path}?at={at}"));
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none());
    let client = client.build().unwrap();
    let asked = async {
        loop {
            let response = client.get(&url).send().await.unwrap();
            match response.status() {
                StatusCode::OK => return response.text().await.unwrap(),
                // Not the past yet: the present has another address.
                StatusCode::SEE_OTHER => assert_eq!(response.headers()["location"], path),
                status => panic!("{status}: {}", response.text().await.unwrap()),
            }
        }
    };
    within("the past", asked).await
}

async fn text(server: &Server, path: &str) -> String {
    let response = server.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    within("the whole stream", response.text()).await.unwrap()
}

/// What the card of the processor says.
fn shows(page: &str, value: &str) -> bool {
    page.contains(&format!("<text x=\"50\" y=\"55\">{value}</text>"))
}

/// A life in which the processor gets busy and calms down again, with a moment before each change.
async fn life(server: &Server) -> [Timestamp; 4] {
    cpu(server, 10.0).await;
    let calm = moment().await;
    cpu(server, 98.0).await;
    let busy = moment().await;
    let deploy = json!({ "kind": "deploy", "message": "shop 1.4.2 <is> out", "host": "web1" });
    let (status, _) = server.tell("/api/annotations", deploy.to_string()).await;
    assert_eq!(status, 201);
    let deployed = moment().await;
    cpu(server, 20.0).await;
    [calm, busy, deployed, moment().await]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_drawn_as_it_was_at_a_moment() {
    let server = Server::with(RULE).await;
    let [calm, busy, deployed, over] = life(&server).await;
    let then = page(&server, "/hosts/web1", calm).await;
    assert!(shows(&then, "10.0"), "{then}");
    assert!(then.contains("All quiet"));
    let then = page(&server, "/hosts/web1", busy).await;
    assert!(shows(&then, "98.0"));
    assert!(then.contains("cpu_usage at 98 on web1"));
    // Nothing can be done about it any more, and the deploy is still to come.
    assert!(!then.contains("Acknowledge") && !then.contains("Dismiss"));
    assert!(!then.contains("shop 1.4.2"));
    let then = page(&server, "/hosts/web1", deployed).await;
    assert!(then.contains("shop 1.4.2 &#60;is&#62; out"));
    for path in ["/hosts/web1", "/", "/alerts"] {
        let then = page(&server, path, busy).await;
        assert!(then.contains("cpu_usage at 98 on web1"), "{path}");
        let then = page(&server, path, over).await;
        assert!(then.contains("All quiet"), "{path}");
    }
    // The same after a restart, in which the present has forgotten nothing either.
    let folder = server.stop().await;
    let server = Server::on(&folder, RULE).await;
    let then = page(&server, "/hosts/web1", busy).await;
    assert!(shows(&then, "98.0") && then.contains("cpu_usage at 98 on web1"));
    let now = text(&server, "/alerts").await;
    let link = now
        .split("href=\"/hosts/web1?at=")
        .nth(1)
        .expect("a link to its minute");
    let at = Timestamp::parse_rfc3339(link.split('#').next().unwrap()).expect("a time");
    let before = busy.since(at).as_secs();
    assert!((15..=25).contains(&before), "{before} s before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_from_a_moment_as_it_went_on_then() {
    let folder = Arc::new(TempDir::new().unwrap());
    let server = Server::on(&folder, RULE).await;
    let [calm, ..] = life(&server).await;
    server.stop().await;
    let server = Server::on(&folder, RULE).await;
    cpu(&server, 30.0).await;
    let second = moment().await;
    page(&server, "/", second).await;
    let url = format!("/pages/stream?page=host&host=web1&at={calm}&speed=1000");
    let replayed = text(&server, &url).await;
    let place = |what: &str| {
        let found = replayed.find(what);
        found.unwrap_or_else(|| panic!("{what} in {replayed}"))
    };
    // The samples of the charts, the alert, the time without a server, what came after it, and the end.
    let order = [
        "\"value\":98",
        "event: alert",
        "\"value\":20",
        "event: gap",
        "\"value\":30",
        "event: end",
    ];
    let places = order.map(place);
    assert!(places.is_sorted(), "{places:?} in {replayed}");
    // And the page drawn for them, without anything to be done.
    assert!(shows(&replayed, "30.0"), "{replayed}");
    assert!(replayed.contains("shop 1.4.2"));
    assert!(replayed.contains("id=\"moment\""));
    assert!(!replayed.contains("Acknowledge"));
    // It is one more client of the streams, and leaves nothing behind.
    server.until_zero("tickwire_clients{kind=\"sse\"}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_past_that_cannot_be_says_why() {
    let server = Server::with("[stream]\nmax_playbacks = 1\nmax_views = 3").await;
    cpu(&server, 10.0).await;
    let then = moment().await;
    let empty = page(&server, "/", Timestamp::from_millis(1_000_000_000_000)).await;
    assert!(empty.contains("Nothing was recorded then"));
    for (path, parameter) in [
        ("/?at=yesterday", "at"),
        ("/hosts/web1?at=-5m", "at"),
        ("/pages/stream?page=overview&at=noon", "at"),
        ("/pages/stream?page=overview&at=5m&speed=0", "speed"),
        ("/pages/stream?page=overview&at=5m&speed=fast", "speed"),
        ("/pages/stream?page=overview&host=web1", "host"),
        ("/pages/stream?page=sources&at=5m", "at"),
        ("/pages/stream?page=history&host=web1&speed=2", "speed"),
        ("/pages/stream?page=host&host=web1&names=cpu_usage", "names"),
        (
            "/history?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "to",
        ),
        ("/history?from=soon", "from"),
    ] {
        let said = problem(server.get(path).await, 400).await;
        assert_eq!(said["parameter"], parameter, "{path}: {said}");
    }
    problem(server.get("/hosts/nobody?at=1h").await, 404).await;
    problem(server.get("/history?host=nobody").await, 404).await;

    // The next sample is received seconds later, ten times as many at this pace: the stream stays open.
    page(&server, "/", then).await;
    cpu(&server, 11.0).await;
    page(&server, "/", moment().await).await;
    let early = then.minus(std::time::Duration::from_secs(3600));
    let url = format!("/pages/stream?page=overview&at={early}&speed=0.1");
    let open = server.get(&url).await;
    assert_eq!(open.status(), 200);
    let said = problem(server.get(&format!("/?at={then}")).await, 503).await;
    assert_eq!(said["limit"], "stream.max_playbacks", "{said}");
    // Its place is free when it is gone.
    drop(open);
    server.until_zero("tickwire_clients{kind=\"sse\"}").await;
    page(&server, "/", then).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_draws_what_was_kept_with_what_happened() {
    let server = Server::with(RULE).await;
    life(&server).await;
    let shown = async {
        loop {
            let page = text(&server, "/history?host=web1&from=10m&compare=1").await;
            // The newest half second may not be kept yet.
            if page.contains("\"bounds\":") {
                return page;
            }
        }
    };
    let shown = within("the history", shown).await;
    for expected in [
        "data-chart",
        "\"thresholds\":[{\"value\":90.0,\"level\":\"warning\"}]",
        "cpu_usage at 98 on web1; now 20.0 %",
        "data-mark=\"warning\"",
        "data-mark=\"deploy\"",
        "shop 1.4.2 &#60;is&#62; out",
        "data-stream=\"/pages/stream?page=history&#38;host=web1",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    // What can be had as a file is what is drawn.
    let export = shown.split("href=\"/api/history").nth(1).unwrap();
    let export = export.split('"').next().unwrap().replace("&#38;", "&");
    let table = text(&server, &format!("/api/history{export}")).await;
    assert!(
        table.lines().count() > 1 && table.contains("web1"),
        "{table}"
    );
    // Without a host it is the one there is; metrics can be picked.
    let picked = text(&server, "/history?names=cpu_*,nothing").await;
    assert!(picked.contains("<h3>cpu_usage</h3>"));
    let none = text(&server, "/history?host=web1&names=nothing").await;
    assert!(none.contains("that matches nothing"), "{none}");
    // Its stream has the samples of its charts.
    let url = "/pages/stream?page=history&host=web1&names=cpu_*";
    let mut live = server.get(url).await;
    cpu(&server, 42.0).await;
    let mut heard = String::new();
    while !heard.contains("\"value\":42") {
        let piece = within("a sample", live.chunk()).await.unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(&piece));
    }
}
