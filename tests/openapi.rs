//! The contract (src/web/openapi.json) against the running server: no route without a description, no description
//! without a route, and every answer as it is described.

use std::{collections::BTreeSet, path::Path, sync::LazyLock, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tickwire::{
    app::App,
    config::{Config, Overrides},
    model::Clock,
};
use tokio_tungstenite::tungstenite::Message;

/// Longer than anything here takes; a stream that says nothing fails the test instead of holding it.
const PATIENCE: Duration = Duration::from_secs(20);

static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&tickwire::web::openapi::DOCUMENT).unwrap());

/// A server with something to tell: the machine, the simulated world, and an alert that fires at once.
struct Server {
    app: App,
    client: Client,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let text = r#"
            [server]
            listen = "127.0.0.1:0"
            workers = 1
            [stream]
            heartbeat = "1s"
            [sources.host]
            enabled = true
            interval = "100ms"
            name = "contract"
            [sources.simulated]
            enabled = true
            interval = "100ms"
            [[rules]]
            name = "always"
            metric = "uptime"
            hosts = "contract"
            labels = { core = "" }
            warning = { fire = -1, clear = -2 }
            [[rules]]
            name = "windowed"
            metric = "cpu_usage"
            aggregate = "avg"
            window = "1m"
            critical = { fire = 100, clear = 90 }
            and = { metric = "load1", value = 1 }
            [[channels]]
            name = "told"
            type = "command"
            command = ["cat"]
        "#;
        let overrides = Overrides {
            data: Some(data.path().to_owned()),
            ..Overrides::default()
        };
        let config = Config::parse("contract.toml", text, [], &overrides).unwrap();
        let server = Self {
            app: App::start(config, Default::default()).await.unwrap(),
            client: Client::builder().timeout(PATIENCE).build().unwrap(),
            _data: data,
        };
        // Something of each kind has been published, so that no list is empty.
        for path in [
            "/api/events/metrics?since=earliest&limit=1",
            "/api/events/alerts?since=earliest&limit=1",
            "/api/events/notifications?since=earliest&limit=2",
        ] {
            server.get(path).send().await.unwrap().text().await.unwrap();
        }
        server
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.app.address());
        self.client.request(method, url)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.ask(Method::GET, path)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.ask(Method::POST, path)
    }
}

/// What the contract says about a method of a path.
fn operation(method: &Method, path: &str) -> &'static Value {
    let operation = &CONTRACT["paths"][path][method.as_str().to_lowercase()];
    assert!(operation.is_object(), "{method} {path} is not described");
    operation
}

/// Follows a `$ref`, if there is one.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let found = CONTRACT.pointer(reference.trim_start_matches('#'));
            found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => value,
    }
}

fn validator(schema: &Value) -> jsonschema::Validator {
    let whole = json!({ "allOf": [schema], "components": CONTRACT["components"] });
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole)
        .unwrap_or_else(|error| panic!("not a schema: {error}: {schema}"))
}

fn assert_valid(schema: &Value, value: &Value, what: &str) {
    let validator = validator(schema);
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|e| format!("{} at {}", e, e.instance_path()))
        .collect();
    assert!(
        faults.is_empty(),
        "{what} is not as described: {faults:#?}\n{value:#}"
    );
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Holds an answer to what is said about it: status, content type, body. Returns the body.
async fn held(response: Response, method: Method, path: &str, status: u16) -> Value {
    let found = response.status().as_u16();
    let content_type = response.headers().get("content-type").cloned();
    let body = response.text().await.unwrap();
    let what = format!("{method} {path}: {found} {body}");
    assert_eq!(found, status, "{what}");
    let described = resolved(&operation(&method, path)["responses"][status.to_string()]);
    assert!(described.is_object(), "not described: {what}");
    let Some(content) = described["content"].as_object() else {
        assert_eq!(body, "", "{what}");
        return Value::Null;
    };
    let content_type = content_type.expect(&what);
    let essence = content_type.to_str().unwrap().split(';').next().unwrap();
    let media = content.get(essence);
    let media = media.unwrap_or_else(|| panic!("{essence} is not described: {what}"));
    if !essence.ends_with("json") {
        return Value::String(body);
    }
    let value: Value = serde_json::from_str(&body).unwrap();
    assert_valid(&media["schema"], &value, &what);
    value
}

fn paths() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let paths = CONTRACT["paths"].as_object().unwrap().iter();
    paths.map(|(path, item)| (path.as_str(), item))
}

/// GETs that answer at once with a document, by their path.
fn snapshots() -> impl Iterator<Item = &'static str> {
    let plain = paths().filter(|(path, item)| {
        let streams = path.starts_with("/api/events/") || path.starts_with("/ws");
        let waits = *path == "/api/wait";
        item["get"].is_object() && !streams && !waits && !path.contains('{')
    });
    plain.map(|(path, _)| path)
}

fn streams() -> impl Iterator<Item = &'static str> {
    let events = paths().filter(|(path, _)| path.starts_with("/api/events/"));
    events.map(|(path, _)| path)
}

/// The routes of the API in the source: every text that begins like one of its paths.
fn routes() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/mod.rs");
    let source = std::fs::read_to_string(file).unwrap();
    let texts = source.split('"').skip(1).step_by(2);
    let of_api = |text: &&str| {
        let roots = ["/api/", "/ws", "/metrics", "/healthz", "/readyz"];
        // The page that shows the contract is for people.
        roots.iter().any(|root| text.starts_with(root)) && *text != "/api/docs"
    };
    texts.filter(of_api).map(str::to_owned).collect()
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let described: BTreeSet<String> = paths().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(routes(), described);
}

#[test]
fn the_contract_is_whole() {
    let mut ids = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut todo: Vec<&Value> = vec![&CONTRACT];
    while let Some(value) = todo.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let found = CONTRACT.pointer(reference.trim_start_matches('#'));
            assert!(found.is_some(), "{reference} leads nowhere");
            used.insert(reference.to_owned());
        }
        if let Some(id) = value.get("operationId").and_then(Value::as_str) {
            assert!(ids.insert(id.to_owned()), "two operations are called {id}");
            let responses = value["responses"].as_object().unwrap();
            for (status, why) in [
                ("421", "have a wrong Host"),
                ("429", "be one too many"),
                ("431", "have too long a head"),
                ("503", "come over one connection too many"),
            ] {
                let said = responses.contains_key(status);
                assert!(said, "{id}: any request may {why}");
            }
        }
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => todo.extend(fields.values()),
            _ => {}
        }
    }
    for (name, described) in CONTRACT["components"]["schemas"].as_object().unwrap() {
        let reference = format!("#/components/schemas/{name}");
        let root = name == "StreamEvent";
        assert!(root || used.contains(&reference), "{name} is used nowhere");
        validator(described);
        for example in described["examples"].as_array().into_iter().flatten() {
            assert_valid(described, example, name);
        }
    }
    assert_eq!(CONTRACT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn every_snapshot_is_as_described() {
    let server = Server::start().await;
    for path in snapshots() {
        let response = server.get(path).send().await.unwrap();
        held(response, Method::GET, path, 200).await;
    }
    let all = server.get("/api/alerts?state=all").send().await.unwrap();
    let all = held(all, Method::GET, "/api/alerts", 200).await;
    assert_eq!(all["alerts"][0]["rule"], "always");
    let served = server.get("/api/openapi.json").send().await.unwrap();
    let served: Value = served.json().await.unwrap();
    assert_eq!(served, *CONTRACT);
    server.app.stop().await;
}

/// A value that a query parameter takes.
fn taken(parameter: &Value) -> (&str, &str) {
    match parameter["name"].as_str().unwrap() {
        "label" => ("label.core", "0"),
        name @ ("names" | "hosts" | "rules" | "kinds") => (name, "cpu_*,contract"),
        "levels" => ("levels", "warning,critical"),
        "topics" => ("topics", "metrics,status"),
        "since" => ("since", "10m"),
        name @ ("until" | "to") => (name, "2100-01-01T00:00:00Z"),
        "from" => ("from", "10m"),
        "speed" => ("speed", "2.5"),
        "step" => ("step", "1m"),
        "agg" => ("agg", "max,count"),
        "alert" => ("alert", "018bcfe5-687b-7fff-8000-000000000000"),
        "channel" => ("channel", "ops"),
        "last_event_id" => ("last_event_id", "e1.0000007f-2"),
        name @ ("limit" | "count" | "per_series" | "points") => (name, "3"),
        "max_rate" => ("max_rate", "2.5"),
        name => {
            let words = &parameter["schema"];
            let word = words["const"].as_str().or(words["enum"][0].as_str());
            (name, word.expect(name))
        }
    }
}

#[tokio::test]
async fn parameters_are_taken_as_described_and_no_others() {
    let server = Server::start().await;
    let heads = streams().map(|path| (Method::HEAD, path));
    for (method, path) in snapshots().map(|path| (Method::GET, path)).chain(heads) {
        let operation = operation(&method, path);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<&Value> = parameters
            .map(resolved)
            .filter(|p| p["in"] == "query")
            .collect();
        let mut described = BTreeSet::new();
        for parameter in &query {
            let (name, value) = taken(parameter);
            described.insert(name.replace("label.core", "label.NAME"));
            let asked = server.ask(method.clone(), &format!("{path}?{name}={value}"));
            let response = asked.send().await.unwrap();
            let status = response.status();
            assert!(
                status.is_success(),
                "{method} {path}?{name}={value}: {status}"
            );
        }
        if query.is_empty() {
            continue;
        }
        let response = server
            .get(&format!("{path}?colour=red"))
            .send()
            .await
            .unwrap();
        let problem = held(response, Method::GET, path, 400).await;
        let accepted = problem["accepted"].as_str().unwrap();
        let (_, names) = accepted.split_once("there are ").unwrap();
        let accepted: BTreeSet<String> = names.split(", ").map(str::to_owned).collect();
        // Every endpoint takes the filters of alerts; where there are none, they change nothing.
        let mut known = described.clone();
        known.extend(["levels".to_owned(), "rules".to_owned()]);
        assert_eq!(
            accepted.union(&known).cloned().collect::<BTreeSet<_>>(),
            known,
            "{path}"
        );
        assert!(described.is_subset(&accepted), "{path}: {described:?}");
    }
    server.app.stop().await;
}

#[tokio::test]
async fn a_wait_is_answered_as_described() {
    let server = Server::start().await;
    let path = "/api/wait";
    let parameters = &operation(&Method::GET, path)["parameters"];
    let mut described = BTreeSet::new();
    for parameter in parameters.as_array().unwrap() {
        let name = resolved(parameter)["name"].as_str().unwrap();
        described.insert(name.replace("label", "label.NAME"));
    }
    for (query, status) in [
        ("name=uptime&host=contract&above=-1&for=200ms", 200),
        (
            "names=load*&hosts=*&label.core=&above=-1&no_data=1m&timeout=20s",
            200,
        ),
        ("name=uptime&below=-1&timeout=500ms", 412),
        ("name=nothing_at_all&below=-1&timeout=1ms", 412),
        ("name=uptime", 400),
        ("name=uptime&below=1&rules=x", 400),
    ] {
        let response = server.get(&format!("{path}?{query}")).send().await.unwrap();
        let said = held(response, Method::GET, path, status).await;
        if let Some((_, names)) = said["accepted"]
            .as_str()
            .and_then(|a| a.split_once("there are "))
        {
            let accepted: BTreeSet<String> = names.split(", ").map(str::to_owned).collect();
            assert_eq!(accepted, described);
        }
    }
    server.app.stop().await;
}

#[tokio::test]
async fn streams_send_what_is_described() {
    let server = Server::start().await;
    let event = json!({ "kind": "deploy", "message": "shop 1.4.2", "host": "contract" });
    server
        .post("/api/events")
        .json(&event)
        .send()
        .await
        .unwrap();
    let mut kinds = BTreeSet::new();
    for path in streams() {
        let media = &operation(&Method::GET, path)["responses"]["200"]["content"];
        for query in [
            "since=earliest&limit=300",
            "since=earliest&shape=batch&limit=20",
            "since=earliest&shape=batch&limit=20&format=ndjson",
            "since=e1.0000007f-2&limit=1",
            "since=e1.0000007f-2&limit=300&format=ndjson",
            "names=nothing_at_all&rules=none&topics=status",
        ] {
            // Alerts and messages are few, and only one endpoint has topics.
            let query = match path {
                "/api/events/alerts" | "/api/events/notifications" => query
                    .replace("limit=300", "limit=1")
                    .replace("limit=20", "limit=1"),
                _ => query.to_owned(),
            };
            let query = match path {
                "/api/events/all" => query,
                "/api/events/notifications" if query.starts_with("names") => String::new(),
                _ => query.replace("&topics=status", ""),
            };
            let response = server.get(&format!("{path}?{query}")).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}?{query}");
            let text = if query.contains("limit") {
                response.text().await.unwrap()
            } else {
                until_heartbeat(response).await
            };
            let ndjson = query.contains("ndjson");
            for (kind, value) in if ndjson { lines(&text) } else { blocks(&text) } {
                let described = if ndjson {
                    assert_valid(&media["application/x-ndjson"]["x-line"], &value, &query);
                    schema("StreamEvent")
                } else {
                    let described = &media["text/event-stream"]["x-events"][&kind];
                    assert!(
                        described.is_object(),
                        "{path}: the event {kind} is not described"
                    );
                    described.clone()
                };
                assert_valid(&described, &value, &format!("{kind} on {path}?{query}"));
                kinds.insert(kind);
            }
        }
        let head = server.ask(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.headers()["content-type"], "text/event-stream");
    }
    let expected = [
        "activity",
        "alert",
        "end",
        "heartbeat",
        "metric",
        "metrics",
        "notification",
        "reset",
        "status",
    ];
    assert_eq!(kinds, expected.map(str::to_owned).into());
    server.app.stop().await;
}

/// A quiet stream up to its first heartbeat.
async fn until_heartbeat(response: Response) -> String {
    let mut pieces = response.bytes_stream();
    let mut text = String::new();
    while !text.contains("\"heartbeat\"") {
        let piece = pieces.next().await.expect("a heartbeat").unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    text
}

fn lines(text: &str) -> Vec<(String, Value)> {
    let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
    values
        .map(|value: Value| (value["type"].as_str().unwrap().to_owned(), value))
        .collect()
}

fn blocks(text: &str) -> Vec<(String, Value)> {
    let field = |block: &str, name: &str| {
        let found = block.lines().find_map(|line| line.strip_prefix(name));
        found.map(|value| value.trim_start_matches(": ").to_owned())
    };
    let events = text.split("\n\n").filter_map(|block| {
        let value = serde_json::from_str(&field(block, "data")?).unwrap();
        Some((field(block, "event").unwrap(), value))
    });
    events.collect()
}

#[tokio::test]
async fn commands_answer_as_described() {
    let server = Server::start().await;
    let alerts: Value = server
        .get("/api/alerts")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let open = alerts["alerts"][0]["id"].as_str().unwrap();
    let nobody = "018bcfe5-687b-7fff-8000-000000000000";
    let alert = "/api/alerts/{id}/{action}";
    let source = "/api/sources/{name}/{action}";
    for (path, filled, status) in [
        (alert, format!("/api/alerts/{open}/acknowledge"), 200),
        (alert, format!("/api/alerts/{open}/dismiss"), 200),
        (alert, format!("/api/alerts/{nobody}/dismiss"), 404),
        (alert, "/api/alerts/none/acknowledge".to_owned(), 404),
        (alert, format!("/api/alerts/{open}/sing"), 404),
        ("/api/alerts/clear", "/api/alerts/clear".to_owned(), 200),
        (source, "/api/sources/simulated/stop".to_owned(), 200),
        (source, "/api/sources/simulated/stop".to_owned(), 200),
        (source, "/api/sources/simulated/start".to_owned(), 200),
        (source, "/api/sources/nobody/start".to_owned(), 404),
        (source, "/api/sources/host/sing".to_owned(), 404),
    ] {
        let response = server.post(&filled).send().await.unwrap();
        held(response, Method::POST, path, status).await;
    }
    server.app.stop().await;
}

#[tokio::test]
async fn one_alert_answers_as_described() {
    let server = Server::start().await;
    let alerts = server.get("/api/alerts").send().await.unwrap();
    let alerts: Value = alerts.json().await.unwrap();
    let open = alerts["alerts"][0]["id"].as_str().unwrap();
    let nobody = "018bcfe5-687b-7fff-8000-000000000000";
    let (one, quiet) = ("/api/alerts/{id}", "/api/alerts/{id}/quiet");
    let notes = "/api/alerts/{id}/notes";
    for (alert, body, status) in [
        (open, json!({ "message": "was expected" }), 201),
        (open, json!({ "message": "" }), 422),
        (open, json!({ "text": "was expected" }), 422),
        (nobody, json!({ "message": "was expected" }), 404),
    ] {
        let path = format!("/api/alerts/{alert}/notes?by=Ada");
        let noted = server.post(&path).json(&body).send().await.unwrap();
        held(noted, Method::POST, notes, status).await;
    }
    for (alert, status) in [(open, 200), (nobody, 404), ("none", 404)] {
        let found = server.get(&format!("/api/alerts/{alert}")).send().await;
        let record = held(found.unwrap(), Method::GET, one, status).await;
        if status == 200 {
            assert_eq!(record["notes"][0]["by"], "Ada");
        }
        let found = server.get(&format!("/api/alerts/{alert}/quiet")).send();
        held(found.await.unwrap(), Method::GET, quiet, status).await;
    }
    server.app.stop().await;
}

#[tokio::test]
async fn rules_silences_and_channels_answer_as_described() {
    let server = Server::start().await;
    let rule = json!({ "name": "made", "metric": "uptime", "warning": { "fire": 1e12 }, "tags": { "a": "b" } });
    let bad = json!({ "name": "made", "metric": "uptime", "colour": 1 });
    let (get, post) = (Method::GET, Method::POST);
    let (put, delete) = (Method::PUT, Method::DELETE);
    let one = "/api/rules/{name}";
    let tried = json!({ "rule": rule, "compare": true, "from": "1h", "per_week": 1 });
    for (method, path, filled, body, status) in [
        (
            post.clone(),
            "/api/rules/check",
            "/api/rules/check",
            rule.clone(),
            200,
        ),
        (
            post.clone(),
            "/api/rules/check",
            "/api/rules/check",
            bad.clone(),
            422,
        ),
        (post.clone(), "/api/rules", "/api/rules", rule.clone(), 201),
        (post.clone(), "/api/rules", "/api/rules", rule.clone(), 409),
        (post.clone(), "/api/rules", "/api/rules", bad.clone(), 422),
        (get.clone(), one, "/api/rules/made", Value::Null, 200),
        (get.clone(), one, "/api/rules/always", Value::Null, 200),
        (get.clone(), one, "/api/rules/nobody", Value::Null, 404),
        (
            put.clone(),
            one,
            "/api/rules/made?by=Ada",
            rule.clone(),
            200,
        ),
        (put, one, "/api/rules/made", bad, 422),
        (
            post.clone(),
            "/api/rules/{name}/{action}",
            "/api/rules/made/disable",
            Value::Null,
            200,
        ),
        (
            post.clone(),
            "/api/rules/{name}/{action}",
            "/api/rules/made/sing",
            Value::Null,
            404,
        ),
        (
            post.clone(),
            "/api/rules/backtest",
            "/api/rules/backtest",
            tried,
            200,
        ),
        (
            post.clone(),
            "/api/rules/backtest",
            "/api/rules/backtest",
            json!({}),
            422,
        ),
        (get.clone(), "/api/rules", "/api/rules", Value::Null, 200),
        (delete.clone(), one, "/api/rules/made", Value::Null, 200),
        (delete.clone(), one, "/api/rules/made", Value::Null, 404),
        (delete.clone(), one, "/api/rules/always", Value::Null, 409),
        (
            post.clone(),
            "/api/silences",
            "/api/silences",
            json!({ "rules": "*", "for": "1h", "tags": { "a": "b" } }),
            201,
        ),
        (
            post.clone(),
            "/api/silences",
            "/api/silences",
            json!({ "for": "1h" }),
            422,
        ),
        (
            get.clone(),
            "/api/silences",
            "/api/silences",
            Value::Null,
            200,
        ),
        (
            delete,
            "/api/silences/{id}",
            "/api/silences/none",
            Value::Null,
            404,
        ),
        (
            post.clone(),
            "/api/channels/{name}/test",
            "/api/channels/nobody/test",
            Value::Null,
            404,
        ),
        (
            post,
            "/api/config/reload",
            "/api/config/reload",
            Value::Null,
            200,
        ),
        (get, "/api/config", "/api/config", Value::Null, 200),
    ] {
        let request = server.ask(method.clone(), filled);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        held(request.send().await.unwrap(), method, path, status).await;
    }
    server.app.stop().await;
}

#[tokio::test]
async fn annotations_answer_as_described() {
    let server = Server::start().await;
    let path = "/api/annotations";
    let written = schema("NewAnnotation");
    let week = Clock::default().now().as_millis() / 1000 - 7 * 86_400;
    let mut ids = Vec::new();
    for (body, valid, status) in [
        (json!({ "message": "a note" }), true, 201),
        (
            json!({ "kind": "deploy", "message": "shop 1.4.2", "host": "web1", "from": week, "to": week + 60 }),
            true,
            201,
        ),
        (json!({ "message": "x", "timestamp": week }), true, 201),
        (
            json!({ "message": "x", "kind": "annotation_removed" }),
            false,
            422,
        ),
        (json!({ "message": "" }), false, 422),
        (json!({ "kind": "deploy" }), false, 422),
        (json!({ "message": "x", "colour": 1 }), false, 422),
        (
            json!({ "message": "x", "from": week, "to": week }),
            true,
            422,
        ),
    ] {
        assert_eq!(validator(&written).is_valid(&body), valid, "{body}");
        let response = server.post(path).json(&body).send().await.unwrap();
        let location = response.headers().get("location").cloned();
        let said = held(response, Method::POST, path, status).await;
        if status == 201 {
            let id = said["id"].as_str().unwrap().to_owned();
            assert_eq!(location.unwrap(), format!("/api/annotations/{id}").as_str());
            ids.push(id);
        }
    }
    for (encoding, status) in [("gzip", 400), ("br", 415)] {
        let asked = server.post(path).header("content-encoding", encoding);
        held(
            asked.body("{}").send().await.unwrap(),
            Method::POST,
            path,
            status,
        )
        .await;
    }
    let large = " ".repeat((1 << 20) + 1);
    let response = server.post(path).body(large).send().await.unwrap();
    held(response, Method::POST, path, 413).await;
    let listed = server.get(path).send().await.unwrap();
    let listed = held(listed, Method::GET, path, 200).await;
    assert_eq!(listed["annotations"].as_array().unwrap().len(), 3);
    let one = "/api/annotations/{id}";
    let known = format!("/api/annotations/{}", ids[0]);
    for (method, filled, status) in [
        (Method::GET, known.as_str(), 200),
        (Method::DELETE, &known, 200),
        (Method::DELETE, &known, 404),
        (Method::GET, &known, 404),
        (Method::DELETE, "/api/annotations/none", 404),
    ] {
        let response = server.ask(method.clone(), filled).send().await.unwrap();
        held(response, method, one, status).await;
    }
    server.app.stop().await;
}

#[tokio::test]
async fn pushes_answer_as_described() {
    let server = Server::start().await;
    let ingest = "/api/ingest";
    let sample = schema("IngestSample");
    for (body, valid, status) in [
        (json!({ "name": "a", "value": 1 }), true, 200),
        (
            json!({ "metric": "a", "value": 1.5, "timestamp": null }),
            false,
            200,
        ),
        (
            json!({ "name": "b", "value": 1, "unit": "B", "host": "web 1", "labels": { "x": "1" }, "type": "metric", "position": "e1.0000007f-2" }),
            true,
            200,
        ),
        (json!({ "name": "a b", "value": 1 }), false, 422),
        (json!({ "name": "a", "value": "1" }), false, 422),
        (json!({ "value": 1 }), false, 422),
        (json!({ "name": "a", "value": 1, "colour": 1 }), false, 422),
        (
            json!({ "name": "a", "value": 1, "labels": { "x": 1 } }),
            false,
            422,
        ),
        (
            json!({ "name": "a", "value": 1, "timestamp": 5 }),
            true,
            422,
        ),
    ] {
        assert_eq!(validator(&sample).is_valid(&body), valid, "{body}");
        let response = server.post(ingest).json(&body).send().await.unwrap();
        held(response, Method::POST, ingest, status).await;
    }
    let many = "nonsense\n".repeat(150);
    let report = server.post(ingest).body(many).send().await.unwrap();
    let report = held(report, Method::POST, ingest, 422).await;
    assert_eq!(report["rejected_more"], 50);
    for (encoding, status) in [("gzip", 400), ("br", 415)] {
        for path in [ingest, "/api/events"] {
            let asked = server.post(path).header("content-encoding", encoding);
            let response = asked.body("{}").send().await.unwrap();
            held(response, Method::POST, path, status).await;
        }
    }
    let large = " ".repeat((1 << 20) + 1);
    let response = server.post(ingest).body(large).send().await.unwrap();
    held(response, Method::POST, ingest, 413).await;

    let event = schema("NewEvent");
    for (body, valid, status) in [
        (json!({ "kind": "deploy", "message": "out" }), true, 202),
        (json!({ "kind": "de ploy", "message": "out" }), false, 422),
        (json!({ "kind": "deploy", "message": "" }), false, 422),
        (json!({ "kind": "deploy" }), false, 422),
        (
            json!({ "kind": "deploy", "message": "out", "x": 1 }),
            false,
            422,
        ),
    ] {
        assert_eq!(validator(&event).is_valid(&body), valid, "{body}");
        let response = server.post("/api/events").json(&body).send().await.unwrap();
        held(response, Method::POST, "/api/events", status).await;
    }

    server.post("/api/sources/push/stop").send().await.unwrap();
    let response = server.post(ingest).body("{}").send().await.unwrap();
    held(response, Method::POST, ingest, 409).await;
    server.app.stop().await;
}

#[tokio::test]
async fn refusals_are_problem_documents_everywhere() {
    let server = Server::start().await;
    for (path, item) in paths() {
        for name in item.as_object().unwrap().keys() {
            let method: Method = name.to_uppercase().parse().unwrap();
            let filled = path.replace("{id}", "none").replace("{name}", "host");
            let filled = filled.replace("{action}", "sing");
            let asked = server.ask(method.clone(), &filled);
            let response = asked.header("host", "evil.example").send().await.unwrap();
            if method != Method::HEAD {
                held(response, method.clone(), path, 421).await;
            }
            if method == Method::POST || method == Method::DELETE {
                let asked = server.ask(method.clone(), &filled);
                let asked = asked.header("origin", "http://evil.example");
                held(asked.send().await.unwrap(), method, path, 403).await;
            }
        }
    }
    for path in ["/ws", "/ws/echo"] {
        let response = server.get(path).send().await.unwrap();
        held(response, Method::GET, path, 400).await;
    }
    for (method, path, status) in [
        (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
        (Method::POST, "/api/stats", StatusCode::NOT_FOUND),
        (
            Method::DELETE,
            "/api/events/all",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
    ] {
        let response = server.ask(method, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let problem: Value = response.json().await.unwrap();
        assert_valid(&schema("Problem"), &problem, path);
    }
    server.app.stop().await;
}

#[tokio::test]
async fn sockets_speak_as_described() {
    let server = Server::start().await;
    let alerts: Value = server
        .get("/api/alerts")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let open = &alerts["alerts"][0]["id"];
    let url = format!("ws://{}/ws", server.app.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (client, frame) = (schema("WsClientFrame"), schema("WsServerFrame"));
    let mut answers = BTreeSet::new();
    let good = [
        json!({ "type": "ping", "id": { "a": [1] } }),
        json!({ "type": "subscribe", "topics": ["metrics", "alerts", "activity", "status"], "metrics": ["cpu_*"], "hosts": ["*"], "max_rate": 50 }),
        json!({ "type": "subscribe", "topics": ["alerts"], "since": "earliest" }),
        json!({ "type": "subscribe", "since": "e1.0000007f-2", "levels": ["critical"], "rules": ["x"], "labels": { "core": ["0"] } }),
        json!({ "type": "subscribe", "since": "earliest", "until": "2026-01-01T00:00:00Z", "speed": 10 }),
        json!({ "type": "request_metrics", "id": 7, "names": ["uptime"] }),
        json!({ "type": "pause", "subscription": "s2" }),
        json!({ "type": "resume", "missed": "replay" }),
        json!({ "type": "unsubscribe", "subscription": "s2" }),
        json!({ "type": "source", "source": "push", "action": "stop" }),
        json!({ "type": "source", "source": "push", "action": "start" }),
        json!({ "type": "acknowledge", "alert": open }),
        json!({ "type": "dismiss", "alert": open }),
        json!({ "type": "clear" }),
        json!({ "type": "unsubscribe", "subscription": "s9" }),
    ];
    let bad = [
        json!([]),
        json!({ "type": "dance" }),
        json!({ "type": "ping", "colour": 1 }),
        json!({ "type": "subscribe", "topics": ["weather"] }),
        json!({ "type": "subscribe", "max_rate": 0 }),
        json!({ "type": "acknowledge" }),
    ];
    for (body, valid) in good
        .iter()
        .map(|b| (b, true))
        .chain(bad.iter().map(|b| (b, false)))
    {
        assert_eq!(validator(&client).is_valid(body), valid, "{body}");
        socket.send(Message::text(body.to_string())).await.unwrap();
    }
    let all = [
        "acknowledged",
        "activity",
        "alert",
        "cleared",
        "dismissed",
        "end",
        "error",
        "hello",
        "initial",
        "metrics",
        "paused",
        "pong",
        "reset",
        "resumed",
        "started",
        "status",
        "stopped",
        "subscribed",
        "unsubscribed",
    ];
    let hear = async {
        while answers.len() < all.len() {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                let value: Value = serde_json::from_str(&text).unwrap();
                assert_valid(&frame, &value, "a frame");
                answers.insert(value["type"].as_str().unwrap().to_owned());
            }
        }
    };
    let heard = tokio::time::timeout(PATIENCE, hear).await;
    assert!(heard.is_ok(), "only {answers:?}");
    assert_eq!(answers, all.map(str::to_owned).into());
    server.app.stop().await;
    let mut last = None;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            last = Some(serde_json::from_str::<Value>(&text).unwrap());
        }
    }
    let last = last.unwrap();
    assert_eq!(last["type"], "draining");
    assert_valid(&frame, &last, "the last frame");
}
