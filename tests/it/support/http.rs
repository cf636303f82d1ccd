//! Requests that are answered at once.

use std::io::Write as _;

use serde_json::Value;

use super::{Server, within};

impl Server {
    /// `GET`, whatever comes.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(self.url(path)).send();
        within(path, request).await.expect("an answer")
    }

    /// `GET` of a JSON document that must be there.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let text = within(path, response.text()).await.expect("a body");
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text:.600}"))
    }

    /// `POST`, whatever comes.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.http.post(self.url(path)).body(body).send();
        within(path, request).await.expect("an answer")
    }

    /// `POST /api/ingest` of what is gzip, or says so.
    pub async fn post_gzip(&self, body: Vec<u8>) -> reqwest::Response {
        let request = self.http.post(self.url("/api/ingest")).body(body);
        let request = request.header("content-encoding", "gzip").send();
        within("an answer", request).await.expect("an answer")
    }

    /// `POST` of a body; the status and the JSON that came back.
    pub async fn tell(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let response = self.post(path, body).await;
        let status = response.status().as_u16();
        let text = within(path, response.text()).await.expect("a body");
        let value = serde_json::from_str(&text);
        (status, value.unwrap_or_else(|_| panic!("{path}: {text}")))
    }

    /// The open alerts.
    pub async fn open_alerts(&self) -> Vec<Value> {
        let alerts = self.json("/api/alerts").await;
        alerts["alerts"].as_array().expect("a list").clone()
    }

    /// The value of a metric on `/metrics`, without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let page = within("/metrics", self.get("/metrics").await.text());
        let page = page.await.expect("a body");
        value(&page, name)
    }

    /// Waits until a metric has come down to zero.
    pub async fn until_zero(&self, name: &str) {
        within(name, async { while self.metric(name).await > 0.0 {} }).await;
    }
}

/// The value of a metric on a page of `/metrics`.
pub fn value(page: &str, name: &str) -> f64 {
    let mut values = page
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next().unwrap_or_else(|| panic!("no {name}"));
    value.parse().expect("a number")
}

/// Asserts a problem document (RFC 9457) of this status; hands it back.
pub async fn problem(response: reqwest::Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = within("a problem", response.json()).await.expect("JSON");
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].is_string(), "{problem}");
    assert!(problem["detail"].is_string(), "{problem}");
    problem
}

/// Compressed as well as gzip can.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("room");
    encoder.finish().expect("room")
}
