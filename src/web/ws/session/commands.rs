//! What the commands of a socket do.

use std::sync::Arc;

use super::{Session, Subscription, gone};
use crate::{
    control,
    stream::{
        cursor::{Cursor, Missed},
        encode,
        filter::{Filter, Topic},
        log::Start,
        view::{Encoding, Notation, Shape, ViewSpec},
    },
    web::{
        limits::Limit,
        query::Since,
        start,
        state::State,
        ws::{
            cbor,
            command::{self, Command, Refusal, Subscribe},
            initial::Initial,
            peer::Peer,
        },
    },
};

/// A frame with a command in it, or so it is hoped.
pub enum Message<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
}

impl Message<'_> {
    /// The `id` of a command that is not done, if it is cheaply had.
    fn id(&self) -> Option<String> {
        match self {
            Message::Text(text) => {
                command::id_of(text.as_bytes(), |text| serde_json::from_slice(text).ok())
            }
            Message::Binary(bytes) => command::id_of(bytes, |bytes| cbor::object(bytes).ok()),
        }
    }
}

/// Does what a frame asks for and answers it.
pub async fn command(peer: &Peer, state: &State, message: Message<'_>) {
    if !peer.session().within_rate(|| message.id()) {
        return;
    }
    let notation = peer.session().notation;
    let parsed = match (notation, message) {
        (Notation::Json, Message::Text(text)) => command::parse(text),
        (Notation::Cbor, Message::Binary(bytes)) => command::parse_cbor(bytes),
        (notation, _) => Err(other_kind(notation)),
    };
    let frame = match parsed {
        Ok(frame) => frame,
        Err(refusal) => return peer.session().refuse(&refusal),
    };
    let id = frame.id;
    let control = match frame.command {
        Command::Source(name, action) => control::Command::Source { name, action },
        Command::Acknowledge(alert) => control::Command::Acknowledge(alert),
        Command::Dismiss(alert) => control::Command::Dismiss(alert),
        Command::Clear => control::Command::Clear,
        own => {
            let mut session = peer.session();
            if let Err((code, message)) = session.own(own, id.as_deref()) {
                session.refuse(&Refusal { id, code, message });
            }
            return;
        }
    };
    let kind = control.done_word();
    let by = peer.session().person.clone();
    let done = tokio::select! {
        biased;
        done = state.control().execute(control, by) => done,
        // It is done all the same; the connection must not stay open for the answer.
        () = gone(peer) => return,
    };
    let mut session = peer.session();
    match done {
        Ok(changed) => session.say(kind, id.as_deref(), &format!(",\"changed\":{changed}")),
        Err(error) => session.refuse(&Refusal {
            id,
            code: error.code(),
            message: error.to_string(),
        }),
    }
}

impl Session {
    /// Does what concerns this session alone.
    fn own(&mut self, command: Command, id: Option<&str>) -> Result<(), (&'static str, String)> {
        match command {
            Command::Ping => {
                let now = self.state.now();
                self.say("pong", id, &format!(",\"timestamp\":\"{now}\""));
            }
            Command::Subscribe(subscribe) => self.subscribe(*subscribe, id)?,
            Command::Unsubscribe(name) => {
                let at = self.find(&name)?;
                self.subscriptions.remove(at);
                self.say("unsubscribed", id, &named(&name));
            }
            Command::Pause(name) => {
                for at in self.of(name.as_deref())? {
                    self.subscriptions[at].cursor.pause();
                }
                self.say(
                    "paused",
                    id,
                    &name.as_deref().map(named).unwrap_or_default(),
                );
            }
            Command::Resume(name, missed) => {
                let skipped = self.resume(name.as_deref(), missed)?;
                let name = name.as_deref().map(named).unwrap_or_default();
                self.say("resumed", id, &format!("{name},\"skipped\":{skipped}"));
            }
            Command::RequestMetrics(filter) => self.newest(&filter, id),
            Command::Source(..)
            | Command::Acknowledge(_)
            | Command::Dismiss(_)
            | Command::Clear => {}
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        wanted: Subscribe,
        id: Option<&str>,
    ) -> Result<(), (&'static str, String)> {
        let max = self.state.websocket().max_subscriptions;
        if self.subscriptions.len() >= max {
            self.state.limits().count(Limit::Subscriptions);
            let message = format!("{max} subscriptions a socket (key websocket.max_subscriptions)");
            return Err(("too_many_subscriptions", message));
        }
        let stream = self.state.stream().clone();
        let name: Arc<str> = format!("s{}", self.named + 1).into();
        let spec = ViewSpec {
            topics: wanted.topics,
            filter: wanted.filter.clone(),
            shape: Shape::Batch,
            period: wanted.period,
            encoding: Encoding::Socket(name.clone(), self.notation),
        };
        let view = stream.views().get(spec, None);
        let view = view.map_err(|error| {
            let refusal = self.state.limits().refuse(Limit::Views, &error.to_string());
            ("too_many_views", refusal.to_string())
        })?;
        let until = wanted.until.map(|until| start::until(&stream, until));
        let until = until.transpose().map_err(|accepted| {
            let message = format!("until: {accepted}");
            ("bad_until", message)
        })?;
        self.named += 1;
        let metrics = wanted.topics.contains(Topic::Metrics);
        let (start, initial) = if wanted.since.is_none() && metrics {
            let live = self.state.live().read();
            let position = stream.log().position();
            let initial = Initial::new(&live, &wanted.filter, position);
            let start = Start::after(position.seq);
            (start, Some(Box::new(initial)))
        } else {
            (
                start::resolve(&self.state, wanted.since.as_ref(), wanted.topics),
                None,
            )
        };
        let cursor = Cursor::new(&stream, view, start, None, until).paced(&stream, wanted.speed);
        let fields = format!(
            "{},\"topics\":{},\"metrics\":{},\"hosts\":{},\"position\":\"{}\"",
            named(&name),
            json(&wanted.topics.iter().map(Topic::as_str).collect::<Vec<_>>()),
            json(&wanted.filter.names),
            json(&wanted.filter.hosts),
            cursor.position(&stream),
        );
        self.say("subscribed", id, &fields);
        let requested = match &wanted.since {
            Some(Since::Position(position)) => position.to_string(),
            _ => String::new(),
        };
        self.subscriptions.push(Subscription {
            name,
            cursor,
            initial,
            requested,
            status_version: 0,
            over: false,
        });
        Ok(())
    }

    fn resume(
        &mut self,
        name: Option<&str>,
        missed: Missed,
    ) -> Result<u64, (&'static str, String)> {
        let stream = self.state.stream().clone();
        let mut skipped = 0;
        for at in self.of(name)? {
            skipped += self.subscriptions[at].cursor.resume(&stream, missed);
        }
        Ok(skipped)
    }

    /// Answers with the newest value of each series that passes.
    fn newest(&mut self, filter: &Filter, id: Option<&str>) {
        let mut data = encode::List::new(self.notation);
        let position = {
            let live = self.state.live().read();
            for window in live
                .windows
                .iter()
                .filter(|w| filter.series(w.series.key()))
            {
                let (timestamp, value) = window.newest();
                data.push(&window.series, value, timestamp);
            }
            self.state.stream().log().position()
        };
        let id = id.map(|id| format!(",\"id\":{id}")).unwrap_or_default();
        let before = format!("\"type\":\"metrics\"{id},\"position\":\"{position}\"");
        self.answer(data.frame(&before, ""));
    }

    fn find(&self, name: &str) -> Result<usize, (&'static str, String)> {
        let at = self.subscriptions.iter().position(|s| &*s.name == name);
        at.ok_or_else(|| {
            let names: Vec<&str> = self.subscriptions.iter().map(|s| &*s.name).collect();
            let name: String = name.chars().take(80).collect();
            let message = format!("there is no subscription {name:?}; there are {names:?}");
            ("unknown_subscription", message)
        })
    }

    fn of(&self, name: Option<&str>) -> Result<Vec<usize>, (&'static str, String)> {
        match name {
            Some(name) => Ok(vec![self.find(name)?]),
            None => Ok((0..self.subscriptions.len()).collect()),
        }
    }
}

/// The refusal of a text frame where binary ones are spoken, and the other way round.
fn other_kind(notation: Notation) -> Refusal {
    let message = match notation {
        Notation::Json => {
            "commands are JSON in text frames; binary frames with CBOR are spoken with the subprotocol tickwire.v1.cbor"
        }
        Notation::Cbor => {
            "commands are CBOR in binary frames; text frames with JSON are spoken with the subprotocol tickwire.v1.json"
        }
    };
    Refusal {
        id: None,
        code: "bad_frame",
        message: message.to_owned(),
    }
}

fn named(subscription: &str) -> String {
    format!(",\"subscription\":\"{subscription}\"")
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
