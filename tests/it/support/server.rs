//! A server of its own for each test.

use std::{path::Path, sync::Arc};

use serde_json::Value;
use tempfile::TempDir;
use tickwire::{
    app::{App, StartError},
    config::{Config, Overrides},
};

use super::within;

/// A running server; stopped by [`Server::stop`], or left to the end of the test.
pub struct Server {
    pub app: App,
    pub folder: Arc<TempDir>,
    pub http: reqwest::Client,
}

impl Server {
    /// With the defaults, but without rules, and with `push` as its only source.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// Likewise, with a `config.toml` on top.
    pub async fn with(toml: &str) -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        Self::on(&Arc::new(folder), toml).await
    }

    /// Likewise, on a folder that may have been used before.
    pub async fn on(folder: &Arc<TempDir>, toml: &str) -> Self {
        Self {
            folder: folder.clone(),
            ..Self::of(config(folder.path(), toml)).await
        }
    }

    /// Of a configuration as it is.
    pub async fn of(config: Config) -> Self {
        let app = start(config).await;
        Self {
            app: app.unwrap_or_else(|error| panic!("the server did not start: {error}")),
            folder: Arc::new(TempDir::new().expect("a folder for the test")),
            http: client(),
        }
    }

    /// The full address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app.address())
    }

    /// Stops it; hands back its folder.
    pub async fn stop(self) -> Arc<TempDir> {
        within("the server to stop", self.app.stop()).await;
        self.folder
    }

    /// The position that everything pushed so far lies before.
    pub async fn position(&self) -> String {
        let stats = self.json("/api/stats").await;
        stats["position"].as_str().expect("a position").to_owned()
    }

    /// Pushes samples that must all be taken.
    pub async fn push(&self, body: impl serde::Serialize) {
        let body = serde_json::to_string(&body).expect("JSON");
        let response = self.post("/api/ingest", body).await;
        let status = response.status();
        let report: Value = within("a report", response.json()).await.expect("JSON");
        assert_eq!(status, 200, "{report}");
        assert_eq!(report["rejected"], serde_json::json!([]), "{report}");
    }

    /// Pushes one sample of host `push`.
    pub async fn sample(&self, name: &str, value: impl Into<f64>) {
        self.push(serde_json::json!({ "name": name, "value": value.into() }))
            .await;
    }
}

/// A client with connections of its own.
pub fn client() -> reqwest::Client {
    // A client asks for one, although nothing here is encrypted. In tests of a process of its own, no server here has set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy();
    builder.build().expect("an HTTP client")
}

/// Starts a server that may fail to.
pub async fn start(config: Config) -> Result<App, StartError> {
    within(
        "the server to start",
        App::start(config, Default::default()),
    )
    .await
}

/// The configuration that tests run with: any port, `push` alone unless the text says otherwise, no rules unless it has
/// some.
pub fn config(folder: &Path, toml: &str) -> Config {
    let overrides = Overrides {
        listen: Some("127.0.0.1:0".to_owned()),
        data: Some(folder.to_owned()),
        demo: false,
    };
    let mut environment = vec![("TICKWIRE_SERVER_WORKERS".to_owned(), "2".to_owned())];
    if !toml.contains("[sources.host]") {
        let name = "TICKWIRE_SOURCES_HOST_ENABLED".to_owned();
        environment.push((name, "false".to_owned()));
    }
    let no_rules = if toml.contains("[[rules]]") {
        ""
    } else {
        "rules = []\n"
    };
    let text = format!("{no_rules}{toml}");
    Config::parse("test.toml", &text, environment, &overrides)
        .unwrap_or_else(|faults| panic!("the test's configuration has faults:\n{faults}"))
}
