//! Sending a message: one file a kind of channel.
//!
//! Each makes of a [`Message`] what its receiver understands. None of them retries, and none shows a secret: what they answer
//! has no address in it.

mod chat;
mod command;
mod fit;
mod mail;
mod ntfy;
mod webhook;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
    redirect::Policy,
};

use super::message::Message;
use crate::{
    config::notify::{Channel, Kind},
    model::{Attempt, Delivery, Timestamp},
};

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it; what it said.
    Taken(String),
    /// It may be taken another time; why not now, and how long the receiver asks to be left alone.
    Again(String, Option<Duration>),
    /// It never will be; why.
    Never(String),
}

/// What sends.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Or why there is none: then whatever needs it waits until the machine has what is missing and the server starts anew.
    http: Result<Client, Arc<str>>,
}

impl Default for Sender {
    /// A sender. Without certificates of authorities on the machine it cannot send over HTTP, and says so.
    fn default() -> Self {
        // Only the first one counts; all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")))
            // A message that is sent somewhere else than was said has not arrived.
            .redirect(Policy::none())
            .build();
        Self {
            http: http.map_err(|error| {
                let why = chain(&error);
                tracing::warn!("channels that are told over HTTP will not work: {why}");
                why.into()
            }),
        }
    }
}

impl Sender {
    /// Makes one attempt, which takes as long as the channel allows at most.
    pub async fn send(&self, channel: &Channel, message: &Message<'_>, now: Timestamp) -> Outcome {
        let attempt = async {
            let http = match (&channel.kind, &self.http) {
                (Kind::Mail(mail), _) => return mail::send(mail, message, channel.timeout).await,
                (Kind::Command(arguments), _) => return command::run(arguments, message).await,
                (_, Ok(http)) => http,
                (_, Err(why)) => return Outcome::Again(why.to_string(), None),
            };
            let request = match &channel.kind {
                Kind::Webhook { url, secret, body } => {
                    let (secret, body) = (secret.as_ref(), body.as_ref());
                    webhook::request(http, url, secret, body, message, now)
                }
                Kind::Slack(url) => chat::slack(http, url, message),
                Kind::Mattermost(url) => chat::mattermost(http, url, message),
                Kind::Discord(url) => chat::discord(http, url, message),
                Kind::Teams(url) => chat::teams(http, url, message),
                Kind::Ntfy { url, topic, token } => {
                    ntfy::request(http, url, topic, token.as_ref(), message)
                }
                // They need no HTTP.
                Kind::Mail(_) | Kind::Command(_) => return Outcome::Never(String::new()),
            };
            answered(request).await
        };
        let outcome = tokio::time::timeout(channel.timeout, attempt).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let why = format!("no answer within {:?}", channel.timeout);
            Outcome::Again(why, None)
        });
        outcome.on_one_line()
    }
}

/// Tries a channel without a server.
pub async fn test(channel: &Channel, base: &str, now: Timestamp) -> Outcome {
    let delivery = Delivery::test(channel.name.clone(), now);
    let message = Message {
        delivery: &delivery,
        base,
    };
    Sender::default().send(channel, &message, now).await
}

impl Outcome {
    fn on_one_line(self) -> Self {
        match self {
            Self::Taken(answer) => Self::Taken(one_line(&answer)),
            Self::Again(why, asked) => Self::Again(one_line(&why), asked),
            Self::Never(why) => Self::Never(one_line(&why)),
        }
    }
}

/// A text of somebody else's, on one line and not too long.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    let clean = line.chars().filter(|c| !c.is_control());
    clean.take(Attempt::MAX_ANSWER).collect()
}

/// Sends a request and judges the answer: 2xx is taken; a receiver that is busy, or not well, is tried again; what it calls
/// our mistake is not repeated.
async fn answered(request: RequestBuilder) -> Outcome {
    let response = match request.send().await {
        Ok(response) => response,
        // Without the address, which may let in whoever knows it.
        Err(error) => return Outcome::Again(chain(&error.without_url()), None),
    };
    let status = response.status();
    let asked = retry_after(&response);
    let body = beginning(response).await;
    let said = match body.is_empty() {
        true => status.to_string(),
        false => format!("{status}: {body}"),
    };
    match status {
        _ if status.is_success() => Outcome::Taken(said),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Again(said, asked)
        }
        _ if status.is_server_error() => Outcome::Again(said, asked),
        _ => Outcome::Never(said),
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let header: &HeaderValue = response.headers().get(RETRY_AFTER)?;
    let seconds = header.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The first of an answer; a receiver may send for ever.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < Attempt::MAX_ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(4096)]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
