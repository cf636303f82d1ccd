//! Incoming webhooks of chats: Slack and what understands the same, Mattermost, Discord, Microsoft Teams.
//!
//! Texts are escaped as each of them asks, so that a host or a label cannot mention everybody or make a link.

use reqwest::{Client, RequestBuilder, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{
    model::{Level, Secret},
    notify::message::{Message, Mood},
};

/// Characters of a text that every one of them takes.
const MOST: usize = 3000;

pub(super) fn slack(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let body = json!({
        "text": for_slack(&message.title()),
        "attachments": [{
            "color": colour(message.mood()),
            "text": for_slack(&cut(&message.text())),
            "fallback": for_slack(&message.title()),
        }],
    });
    post(http, url, &body)
}

pub(super) fn mattermost(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let body = json!({
        "text": for_markdown(&message.title()),
        "attachments": [{
            "color": colour(message.mood()),
            "text": for_markdown(&cut(&message.text())),
            "fallback": message.title(),
        }],
    });
    post(http, url, &body)
}

pub(super) fn discord(http: &Client, url: &Secret, message: &Message<'_>) -> RequestBuilder {
    let colour = u32::from_str_radix(&colour(message.mood())[1..], 16).unwrap_or(0);
    let title: String = message.title().chars().take(250).collect();
    let body = json!({
        // Whatever the text says, it calls nobody.
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": for_markdown(&title),
            "description": for_markdown(&cut(&message.text())),
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
    let lines = cut(&message.text()).replace('\n', "\n\n");
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
                        "type": "TextBlock", "text": for_markdown(&message.title()),
                        "weight": "Bolder", "size": "Medium", "wrap": true, "color": colour,
                    },
                    { "type": "TextBlock", "text": for_markdown(&lines), "wrap": true },
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

fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(MOST).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// As Slack asks for it: three characters.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What would be formatting is itself. Addresses, which begin with a scheme, are left as they are.
fn for_markdown(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n']);
    words
        .map(
            |word| match word.starts_with("http://") || word.starts_with("https://") {
                true => word.to_owned(),
                false => escaped(word),
            },
        )
        .collect()
}

fn escaped(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '*' | '_' | '`' | '~' | '[' | ']' | '<' | '>' | '\\' | '|' | '#' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // It calls somebody where it stands before a name.
            '@' => escaped.push_str("@\u{200b}"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_formatting_or_calls_anybody() {
        assert_eq!(
            for_slack("<!channel> & <@U1>"),
            "&lt;!channel&gt; &amp; &lt;@U1&gt;"
        );
        assert_eq!(
            for_markdown("**a** @here [x](y)"),
            "\\*\\*a\\*\\* @\u{200b}here \\[x\\](y)"
        );
        assert_eq!(
            for_markdown("see https://a.example/b_c_d now"),
            "see https://a.example/b_c_d now"
        );
    }
}
