//! Those who are told of alerts: an HTTP server that answers as the test wants, and a real mail server.

use std::{
    collections::VecDeque,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::within;

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this status, and this body.
    Status(u16, &'static str),
    /// 503, and to come back after so many seconds.
    Later(u64),
    /// Not before the receiver is dropped.
    Hang,
    /// To go somewhere else.
    Elsewhere(&'static str),
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: String,
}

impl Received {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        let value = value.unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        value.to_str().expect("text")
    }

    /// The transition of each alert in it.
    pub fn told(&self) -> Vec<(String, String)> {
        let alerts = self.json()["alerts"].as_array().expect("alerts").clone();
        let word = |alert: &Value, key: &str| alert[key].as_str().expect("a word").to_owned();
        let told = alerts.iter();
        told.map(|alert| (word(alert, "what"), word(alert, "rule")))
            .collect()
    }
}

struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    received: mpsc::UnboundedSender<Received>,
    over: CancellationToken,
}

/// An HTTP server; ends when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    received: mpsc::UnboundedReceiver<Received>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    /// Likewise, on this address.
    pub async fn at(address: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            received: sender,
            over: CancellationToken::new(),
        });
        let app = Router::new().fallback(take).with_state(shared.clone());
        let task =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self {
            address,
            shared,
            received,
            task,
        }
    }

    /// Answers the next requests so, and takes those after them.
    pub async fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.answers.lock().await.extend(answers);
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next request.
    pub async fn next(&mut self) -> Received {
        let received = within("a request", self.received.recv()).await;
        received.expect("the receiver runs")
    }

    /// What has come and was not looked at.
    pub fn rest(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.over.cancel();
        self.task.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = shared.answers.lock().await.pop_front();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let _ = shared.received.send(Received { headers, body });
    match answer {
        None => (StatusCode::OK, "thank you").into_response(),
        Some(Answer::Status(status, body)) => {
            (StatusCode::from_u16(status).expect("a status"), body).into_response()
        }
        Some(Answer::Later(seconds)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, seconds.to_string())],
        )
            .into_response(),
        Some(Answer::Elsewhere(url)) => {
            (StatusCode::FOUND, [(header::LOCATION, url)]).into_response()
        }
        Some(Answer::Hang) => {
            shared.over.cancelled().await;
            StatusCode::GONE.into_response()
        }
    }
}

/// A real mail server, Debian's msmtpd; killed when dropped.
pub struct MailServer {
    child: Child,
    pub port: u16,
    folder: TempDir,
}

impl MailServer {
    /// One that takes mail for everybody.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        // It cannot be asked for any port, nor which it has.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        // It puts the recipients behind the command: they are arguments of a shell that keeps them with the mail.
        let script = "{ echo \"X-Recipients: $*\"; cat; } > \"$0.$$.part\"; mv \"$0.$$.part\" \"$0.$$.mail\"";
        let file = folder.path().join("a");
        let command = format!("sh -c '{script}' {}", file.display());
        let child = Command::new("msmtpd")
            .arg("--interface=127.0.0.1")
            .arg(format!("--port={port}"))
            .arg(format!("--command={command}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("msmtpd of Debian's msmtp-mta; tests/run installs it");
        let listening = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
            {
                tokio::task::yield_now().await;
            }
        };
        within("the mail server", listening).await;
        Self {
            child,
            port,
            folder,
        }
    }

    /// The next mail, which is taken out.
    pub async fn next(&self) -> String {
        let mail = async {
            loop {
                if let Some(file) = self.files().first() {
                    let mail = std::fs::read_to_string(file).expect("a mail");
                    std::fs::remove_file(file).expect("it goes");
                    return mail;
                }
                tokio::task::yield_now().await;
            }
        };
        within("a mail", mail).await
    }

    /// How many have come and were not taken out.
    pub fn waiting(&self) -> usize {
        self.files().len()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let files = entries.map(|entry| entry.expect("an entry").path());
        let mut mails: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|e| e == "mail"))
            .collect();
        mails.sort();
        mails
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
