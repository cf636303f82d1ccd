//! A client of the streams over HTTP: the block parser of the HTML standard, and NDJSON lines as the same events.

use std::collections::VecDeque;

use serde_json::Value;

use super::{Server, within};

/// One event, as SSE block or NDJSON line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// `event:`; the `type` of a line. Empty in a block that has none.
    pub event: String,
    /// `id:`; the `position` of a line.
    pub id: Option<String>,
    pub retry: Option<u64>,
    /// The data, parsed; null in a block without.
    pub data: Value,
    pub comments: Vec<String>,
}

impl Event {
    /// Its id, which it must have.
    pub fn id(&self) -> &str {
        self.id
            .as_deref()
            .unwrap_or_else(|| panic!("no id in {self:?}"))
    }

    /// The samples in it as name and value, in order, whatever the shape.
    pub fn samples(&self) -> Vec<(String, f64)> {
        let sample = |data: &Value| {
            let name = data["name"].as_str().expect("a name").to_owned();
            (name, data["value"].as_f64().expect("a value"))
        };
        match self.event.as_str() {
            "metric" => vec![sample(&self.data)],
            "metrics" => {
                let data = self.data["data"].as_array();
                data.expect("a list").iter().map(sample).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Turns bytes, cut anywhere, into whole events.
#[derive(Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
    block: Vec<String>,
    ndjson: bool,
}

impl Parser {
    pub fn new(ndjson: bool) -> Self {
        Self {
            ndjson,
            ..Self::default()
        }
    }

    /// The events that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8(line).expect("UTF-8");
            let line = line.trim_end_matches('\n').to_owned();
            if self.ndjson {
                events.push(from_line(&line));
            } else if !line.is_empty() {
                self.block.push(line);
            } else if !self.block.is_empty() {
                events.push(from_block(&std::mem::take(&mut self.block)));
            }
        }
        events
    }
}

fn from_line(line: &str) -> Event {
    let data: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
    Event {
        event: data["type"].as_str().expect("a type").to_owned(),
        id: data["position"].as_str().map(str::to_owned),
        data,
        ..Event::default()
    }
}

fn from_block(lines: &[String]) -> Event {
    let mut event = Event::default();
    let mut data = Vec::new();
    for line in lines {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => event.comments.push(value.to_owned()),
            "event" => value.clone_into(&mut event.event),
            "id" => event.id = Some(value.to_owned()),
            "retry" => event.retry = Some(value.parse().expect("milliseconds")),
            "data" => data.push(value),
            other => panic!("field {other:?} is not of the standard"),
        }
    }
    if !data.is_empty() {
        let text = data.join("\n");
        event.data = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
        assert_eq!(event.data["type"], event.event.as_str(), "{lines:?}");
    }
    event
}

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    response: reqwest::Response,
    parser: Parser,
    waiting: VecDeque<Event>,
}

impl Stream {
    /// Of an answer with status 200.
    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        let ndjson = response.headers()["content-type"] == "application/x-ndjson";
        Self {
            response,
            parser: Parser::new(ndjson),
            waiting: VecDeque::new(),
        }
    }

    /// The next event of any kind; `None` at the end.
    pub async fn next(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            let chunk = within("an event", self.response.chunk()).await;
            let bytes = chunk.expect("the stream does not break off")?;
            self.waiting.extend(self.parser.feed(&bytes));
        }
        self.waiting.pop_front()
    }

    /// The next event of any kind; `None` at the end, and where the connection breaks off.
    pub async fn next_if_any(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            let chunk = within("an event", self.response.chunk()).await;
            self.waiting.extend(self.parser.feed(&chunk.ok()??));
        }
        self.waiting.pop_front()
    }

    /// All there is until the connection breaks off or ends.
    pub async fn until_broken(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next_if_any().await {
            events.push(event);
        }
        events
    }

    /// The next event of this kind; others are passed over.
    pub async fn event(&mut self, kind: &str) -> Event {
        self.find(kind, |event| event.event == kind).await
    }

    /// The next event that is looked for.
    pub async fn find(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let mut passed = Vec::new();
        let search = async {
            loop {
                match self.next().await {
                    Some(event) if wanted(&event) => return event,
                    Some(event) => passed.push(event),
                    None => panic!("the stream ended before {what}; it had {passed:#?}"),
                }
            }
        };
        within(what, search).await
    }

    /// The events of these kinds up to the first that `last` says is the last, it included.
    pub async fn until(&mut self, kinds: &[&str], last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let wanted = |event: &Event| kinds.contains(&event.event.as_str());
        loop {
            let event = self.find("the last event", |e| wanted(e) || last(e)).await;
            let is_last = last(&event);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }

    /// What is left, to the end.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Server {
    /// Opens a stream; when this returns, everything pushed later will come.
    pub async fn stream(&self, path: &str) -> Stream {
        Stream::of(self.get(path).await)
    }

    /// Opens a stream after the event of this id.
    pub async fn resume(&self, path: &str, last_event_id: &str) -> Stream {
        let request = self.http.get(self.url(path));
        let request = request.header("last-event-id", last_event_id).send();
        Stream::of(within(path, request).await.expect("an answer"))
    }
}
