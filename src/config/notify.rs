//! `[notify]`, `[[channels]]` and `[[routes]]`: who is told of alerts, and how.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::Value;

use crate::model::{Matcher, Secret, Template};

use super::{
    accept::{Argument, BaseUrl, ListOf, LongText, Mailbox, Name, Span, Switch, Text, Whole, Word},
    maintenance::matcher,
    table::Table,
};

/// Telling people.
#[derive(Debug, Clone, PartialEq)]
pub struct Notify {
    /// Where people reach the pages, without a slash at the end; links in messages begin with it. None: the address that is
    /// listened on.
    pub url: Option<String>,
    /// Messages that may wait for a channel.
    pub queue: usize,
    /// For how long a message is tried.
    pub give_up: Duration,
    /// Whom there is to tell.
    pub channels: Vec<Arc<Channel>>,
    /// Who is told of what; the first that fits decides, unless it says that others may too.
    pub routes: Vec<Route>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            url: None,
            queue: 1000,
            give_up: Duration::from_secs(86_400),
            channels: Vec::new(),
            routes: Vec::new(),
        }
    }
}

/// A way to tell people.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// After a message, what else fires is gathered for this long. What is over is told at once.
    pub group: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Whether it is used.
    pub enabled: bool,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A POST of JSON.
    Webhook {
        /// Where to.
        url: Secret,
        /// What signs it.
        secret: Option<Secret>,
        /// A body of the user's own, in whose texts variables stand.
        body: Option<Value>,
    },
    /// An incoming webhook of Slack, or of what understands the same.
    Slack(Secret),
    /// Likewise of Mattermost.
    Mattermost(Secret),
    /// Likewise of Discord.
    Discord(Secret),
    /// A workflow of Microsoft Teams that posts an Adaptive Card.
    Teams(Secret),
    /// A topic of an ntfy server.
    Ntfy {
        /// The server.
        url: Secret,
        /// The topic.
        topic: String,
        /// What lets us in.
        token: Option<Secret>,
    },
    /// Mail by SMTP.
    Mail(Box<Mail>),
    /// A program, with these arguments; never a shell.
    Command(Vec<Template>),
}

impl Kind {
    /// The word in the configuration.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack(_) => "slack",
            Self::Mattermost(_) => "mattermost",
            Self::Discord(_) => "discord",
            Self::Teams(_) => "teams",
            Self::Ntfy { .. } => "ntfy",
            Self::Mail(_) => "mail",
            Self::Command(_) => "command",
        }
    }
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// The server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub tls: Tls,
    /// Whom we say we are.
    pub user: Option<String>,
    /// And that we are.
    pub password: Option<Secret>,
    /// Who it is from.
    pub from: String,
    /// Who it is for.
    pub to: Vec<String>,
}

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: for a server on this machine.
    None,
    /// By STARTTLS, which must succeed.
    StartTls,
    /// From its beginning.
    Always,
}

/// Who is told of some alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Of which.
    pub matcher: Matcher,
    /// The channels, by name.
    pub channels: Vec<Arc<str>>,
    /// The routes after it are looked at too.
    pub and_others: bool,
}

const KINDS: Word<&'static str> = Word(&[
    ("webhook", "webhook"),
    ("slack", "slack"),
    ("mattermost", "mattermost"),
    ("discord", "discord"),
    ("teams", "teams"),
    ("ntfy", "ntfy"),
    ("mail", "mail"),
    ("command", "command"),
]);

const TLS: Word<Tls> = Word(&[
    ("none", Tls::None),
    ("starttls", Tls::StartTls),
    ("tls", Tls::Always),
]);

/// The keys that only some kinds have, each with those.
const OF_KIND: [(&str, &[&str]); 12] = [
    (
        "url",
        &["webhook", "slack", "mattermost", "discord", "teams", "ntfy"],
    ),
    ("secret", &["webhook"]),
    ("body", &["webhook"]),
    ("topic", &["ntfy"]),
    ("token", &["ntfy"]),
    ("server", &["mail"]),
    ("port", &["mail"]),
    ("tls", &["mail"]),
    ("user", &["mail"]),
    ("password", &["mail"]),
    ("from", &["mail"]),
    ("to", &["mail"]),
];

/// Reads all three.
pub(super) fn read(file: &Table<'_>) -> Notify {
    let default = Notify::default();
    let table = file.child("notify");
    let url = table.value("url", &BaseUrl, None);
    let queue = table.value("queue", &Whole(10..=100_000), default.queue);
    let span = Span::seconds(60, 30 * 86_400);
    let give_up = table.value("give_up", &span, default.give_up);
    table.close();
    let channels = channels(file);
    let routes = routes(file, &channels);
    Notify {
        url,
        queue,
        give_up,
        channels,
        routes,
    }
}

fn channels(file: &Table<'_>) -> Vec<Arc<Channel>> {
    let mut names = HashSet::new();
    let mut channels = Vec::new();
    for table in file.children("channels").unwrap_or_default() {
        if let Some(channel) = channel(&table) {
            if !names.insert(channel.name.clone()) {
                table.refuse("name", "a name of its own; another channel has this one");
            }
            channels.push(Arc::new(channel));
        }
        table.close();
    }
    channels
}

fn channel(table: &Table<'_>) -> Option<Channel> {
    let name = table.required("name", &Name);
    let kind = table.required("type", &KINDS);
    // All keys are read, so that all that is wrong is said.
    let url = table.secret("url", is_url);
    let secret = table.secret("secret", anything);
    let body = body(table);
    let topic = table.optional("topic", &Text);
    let token = table.secret("token", anything);
    let server = table.optional("server", &Text);
    let tls = table.value("tls", &TLS, Tls::StartTls);
    let port = table.value("port", &Whole(1..=u16::MAX), port_of(tls));
    let user = table.optional("user", &Text);
    let password = table.secret("password", anything);
    let from = table.optional("from", &Mailbox);
    let to = table.value("to", &ListOf(Mailbox), Vec::new());
    let command = table.value("command", &ListOf(Argument), Vec::new());
    let group = table.value("group", &Span::seconds(0, 86_400), Duration::from_secs(10));
    let timeout = table.value("timeout", &Span::seconds(1, 300), Duration::from_secs(10));
    let enabled = table.value("enabled", &Switch, true);
    let kind = kind?;
    let commanded = [("command", ["command"].as_slice())];
    for (key, kinds) in OF_KIND.into_iter().chain(commanded) {
        if table.has(key) && !kinds.contains(&kind) {
            let hidden = ["url", "secret", "token", "password"].contains(&key);
            let accepted = format!("nothing: it is of type {}", kinds.join(", "));
            match hidden {
                true => table.refuse_hidden(key, accepted),
                false => table.refuse(key, accepted),
            }
        }
    }
    let needs = |key: &str, is_there: bool| {
        if !is_there && !table.has(key) {
            table.refuse(key, format!("needed with type {kind:?}"));
        }
    };
    let kind = match kind {
        "mail" => {
            needs("server", server.is_some());
            needs("from", from.is_some());
            needs("to", !to.is_empty());
            Kind::Mail(Box::new(Mail {
                server: server?,
                port,
                tls,
                user,
                password,
                from: from?,
                to,
            }))
        }
        "command" => {
            if command.is_empty() {
                table.refuse("command", "a list of a program and its arguments, like [\"/usr/local/bin/page\", \"{{ message }}\"]");
            }
            Kind::Command(command)
        }
        other => {
            needs("url", url.is_some());
            match other {
                "webhook" => Kind::Webhook {
                    url: url?,
                    secret,
                    body,
                },
                "slack" => Kind::Slack(url?),
                "mattermost" => Kind::Mattermost(url?),
                "discord" => Kind::Discord(url?),
                "teams" => Kind::Teams(url?),
                _ => {
                    needs("topic", topic.is_some());
                    Kind::Ntfy {
                        url: url?,
                        topic: topic?,
                        token,
                    }
                }
            }
        }
    };
    Some(Channel {
        name: name?,
        kind,
        group,
        timeout,
        enabled,
    })
}

/// `body`: JSON of the user's own, as a text.
fn body(table: &Table<'_>) -> Option<Value> {
    let text = table.optional("body", &LongText)?;
    let checked = serde_json::from_str::<Value>(&text)
        .map_err(|error| error.to_string())
        .and_then(|body| is_template(&body).map(|()| body));
    match checked {
        Ok(body) => Some(body),
        Err(why) => {
            let accepted =
                format!("a text that is JSON, in whose texts variables may stand ({why})");
            table.refuse_hidden("body", accepted);
            None
        }
    }
}

/// Whether all texts in it are templates.
fn is_template(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => {
            let parsed = Template::parse_with(text, crate::model::template::OF_MESSAGES);
            parsed.map(|_| ()).map_err(|error| error.to_string())
        }
        Value::Array(items) => items.iter().try_for_each(is_template),
        Value::Object(fields) => fields.values().try_for_each(is_template),
        _ => Ok(()),
    }
}

fn routes(file: &Table<'_>, channels: &[Arc<Channel>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for table in file.children("routes").unwrap_or_default() {
        let matcher = matcher(&table);
        let names = table.value("channels", &ListOf(Name), Vec::new());
        let and_others = table.value("continue", &Switch, false);
        let unknown = |name: &&Arc<str>| !channels.iter().any(|c| c.name == **name);
        if let Some(name) = names.iter().find(unknown) {
            let known: Vec<_> = channels.iter().map(|c| &*c.name).collect();
            let known = match known.is_empty() {
                true => "there are no channels".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            table.refuse(
                "channels",
                format!("names of channels; {name} is none, {known}"),
            );
        }
        if table.is_present() && !table.has("channels") {
            table.refuse("channels", "names of channels; an empty list tells nobody");
        }
        table.close();
        routes.push(Route {
            matcher,
            channels: names,
            and_others,
        });
    }
    routes
}

fn anything(_: &str) -> Result<(), String> {
    Ok(())
}

fn is_url(text: &str) -> Result<(), String> {
    let fits = ["http://", "https://"].iter().any(|scheme| {
        let rest = text.strip_prefix(scheme);
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
    });
    match fits {
        true => Ok(()),
        false => Err("an address that begins with http:// or https://".to_owned()),
    }
}

const fn port_of(tls: Tls) -> u16 {
    match tls {
        Tls::None => 25,
        Tls::StartTls => 587,
        Tls::Always => 465,
    }
}
