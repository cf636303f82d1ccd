//! A topic of an ntfy server, as JSON, which keeps every character of a title.

use reqwest::{Client, RequestBuilder, header::CONTENT_TYPE};
use serde_json::json;

use crate::{
    model::{Level, Secret},
    notify::message::{Message, Mood},
};

pub(super) fn request(
    http: &Client,
    url: &Secret,
    topic: &str,
    token: Option<&Secret>,
    message: &Message<'_>,
) -> RequestBuilder {
    // From 1, which makes no sound, to 5, which goes on ringing.
    let (priority, tag) = match message.mood() {
        Mood::Good => (3, "white_check_mark"),
        Mood::Bad(Level::Critical) => (5, "rotating_light"),
        Mood::Bad(Level::Warning) => (4, "warning"),
        Mood::Bad(Level::Info) => (3, "information_source"),
    };
    let body = json!({
        "topic": topic,
        "title": message.title(),
        "message": message.text(),
        "priority": priority,
        "tags": [tag],
        "click": message.page(),
    });
    let request = http
        .post(url.reveal())
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string());
    match token {
        Some(token) => request.bearer_auth(token.reveal()),
        None => request,
    }
}
