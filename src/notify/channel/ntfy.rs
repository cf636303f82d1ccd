//! A topic of an ntfy server, as JSON, which keeps every character of a title.

use reqwest::{Client, RequestBuilder, header::CONTENT_TYPE};
use serde_json::json;

use super::fit::{bytes, bytes_of_json, characters, fit, is_cut};
use crate::{
    model::{Level, Secret},
    notify::message::{Message, Mood},
};

/// Bytes of a text: of one with more than 4,096 an ntfy server makes an attachment, or refuses it.
const TEXT: usize = 4000;
/// Bytes of a text and of a title in JSON; of all of it a server takes twice as much as of a text.
const TEXT_OF_JSON: usize = 6800;
const TITLE_OF_JSON: usize = 500;

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
    let title = fit(characters(&message.title()), TITLE_OF_JSON, bytes_of_json);
    let text = fit(characters(&message.text_below(is_cut(&title))), TEXT, bytes);
    let body = json!({
        "topic": topic,
        "title": title,
        "message": fit(characters(&text), TEXT_OF_JSON, bytes_of_json),
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
