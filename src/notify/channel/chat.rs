//! Incoming webhooks of chats: Slack and what understands the same, Mattermost, Discord, Microsoft Teams.
//!
//! Texts are escaped as each of them asks, so that a host or a label cannot mention everybody or make a link, and then cut to
//! what it takes: one that is longer is refused, and nobody would be told.

use reqwest::{Client, RequestBuilder, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::fit::{fit, is_cut, markdown, slack as escape_slack, units};
use crate::{
    model::{Level, Secret},
    notify::message::{Message, Mood},
};

/// Characters of a text, and of a title above it. Slack takes as many of a section. In JSON both are within the 7,900 that older
/// servers of Mattermost take of attachments, and the 28 KB that Teams takes of a message.
const TEXT: usize = 3000;
const TITLE: usize = 500;
/// Characters that Discord takes of an embed: of its title and of its description. Together they are within its 6,000.
const DISCORD_TITLE: usize = 256;
const DISCORD_TEXT: usize = 4096;

pub(super) fn slack(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let title = fit(escape_slack(&message.title()), TITLE, units);
    let text = message.text_below(is_cut(&title));
    let body = json!({
        "text": title,
        "attachments": [{
            "color": colour(message.mood()),
            "text": fit(escape_slack(&text), TEXT, units),
            "fallback": title,
        }],
    });
    post(http, url, &body)
}

pub(super) fn mattermost(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let title = fit(markdown(&message.title()), TITLE, units);
    let text = message.text_below(is_cut(&title));
    let body = json!({
        "text": title,
        "attachments": [{
            "color": colour(message.mood()),
            "text": fit(markdown(&text), TEXT, units),
            "fallback": title,
        }],
    });
    post(http, url, &body)
}

pub(super) fn discord(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let colour = u32::from_str_radix(&colour(message.mood())[1..], 16).unwrap_or(0);
    let title = fit(markdown(&message.title()), DISCORD_TITLE, units);
    let text = message.text_below(is_cut(&title));
    let body = json!({
        // Whatever the text says, it calls nobody.
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": title,
            "description": fit(markdown(&text), DISCORD_TEXT, units),
            "url": message.page(),
            "color": colour,
        }],
    });
    post(http, url, &body)
}

pub(super) fn teams(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let colour = match message.mood() {
        Mood::Good => "Good",
        Mood::Bad(Level::Critical) => "Attention",
        Mood::Bad(Level::Warning) => "Warning",
        Mood::Bad(Level::Info) => "Accent",
    };
    let title = fit(markdown(&message.title()), TITLE, units);
    let text = message.text_below(is_cut(&title));
    // A line of its own takes two.
    let text = text.replace('\n', "\n\n");
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {
                        "type": "TextBlock", "text": title,
                        "weight": "Bolder", "size": "Medium", "wrap": true, "color": colour,
                    },
                    { "type": "TextBlock", "text": fit(markdown(&text), TEXT, units), "wrap": true },
                ],
                "actions": [{ "type": "Action.OpenUrl", "title": "Open", "url": message.page() }],
            },
        }],
    });
    post(http, url, &body)
}

fn post(http: &Client, url: &Secret, body: &Value) -> RequestBuilder {
    http.post(url.reveal())
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string())
}

const fn colour(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "#2e7d32",
        Mood::Bad(Level::Critical) => "#c62828",
        Mood::Bad(Level::Warning) => "#ef6c00",
        Mood::Bad(Level::Info) => "#1565c0",
    }
}
