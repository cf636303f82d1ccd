//! What a message says, in words and in fields.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{
    AlertEvent, AlertState, Delivery, Level, Notice, Telling, Template, quantity,
    template::OF_MESSAGES,
};

/// A message as it is sent.
#[derive(Debug)]
pub struct Message<'a> {
    /// What is told.
    pub delivery: &'a Delivery,
    /// What links begin with.
    pub base: &'a str,
}

/// How it looks at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// All of it is over.
    Good,
    /// The worst of what fires is of this level.
    Bad(Level),
}

impl Message<'_> {
    /// The one line that must do.
    pub fn title(&self) -> String {
        if self.delivery.test {
            return "tickwire: this is a test".to_owned();
        }
        match self.delivery.notices.as_slice() {
            [notice] => line(notice),
            notices => {
                let count = notices.len() + self.delivery.more;
                let over = notices.iter().filter(|n| n.what == Telling::Resolved);
                let over = over.count();
                let firing = count - over;
                match (firing, over) {
                    (firing, 0) => format!("{firing} alerts"),
                    (0, over) => format!("{over} alerts resolved"),
                    (1, over) => format!("1 alert, and {over} resolved"),
                    (firing, over) => format!("{firing} alerts, and {over} resolved"),
                }
            }
        }
    }

    /// All of it, a line or a few for each alert.
    pub fn text(&self) -> String {
        if self.delivery.test {
            return format!(
                "If you can read this, the channel {} works. Nothing is wrong.",
                self.delivery.channel
            );
        }
        let notices = &self.delivery.notices;
        let alone = notices.len() == 1;
        let mut lines = Vec::new();
        for notice in notices {
            if !alone {
                lines.push(line(notice));
            }
            lines.extend(details(&notice.event));
            lines.push(self.link(&notice.event));
            if !alone {
                lines.push(String::new());
            }
        }
        if self.delivery.more > 0 {
            lines.push(format!(
                "and {} more: {}/alerts",
                self.delivery.more, self.base
            ));
        }
        lines.join("\n").trim_end().to_owned()
    }

    /// All of it, for below a title; with the title where that had to be cut.
    pub fn text_below(&self, is_title_cut: bool) -> String {
        match is_title_cut {
            true => format!("{}\n{}", self.title(), self.text()),
            false => self.text(),
        }
    }

    /// Where more is to be seen.
    pub fn page(&self) -> String {
        match self.delivery.notices.as_slice() {
            [notice] => self.link(&notice.event),
            _ => format!("{}/alerts", self.base),
        }
    }

    /// The page of an alert.
    fn link(&self, event: &AlertEvent) -> String {
        format!("{}/alerts/{}", self.base, event.id)
    }

    /// How it looks at a glance.
    pub fn mood(&self) -> Mood {
        let notices = self.delivery.notices.iter();
        let firing = notices.filter(|notice| notice.what != Telling::Resolved);
        let worst = firing.map(|notice| notice.event.level).max();
        match worst {
            _ if self.delivery.test => Mood::Bad(Level::Info),
            Some(level) => Mood::Bad(level),
            None => Mood::Good,
        }
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let alerts = self.delivery.notices.iter().map(|notice| {
            let mut fields = serde_json::to_value(&*notice.event).unwrap_or_default();
            fields["what"] = json!(notice.what);
            fields["link"] = json!(self.link(&notice.event));
            fields
        });
        json!({
            "delivery": self.delivery.id,
            "channel": self.delivery.channel,
            "created": self.delivery.created,
            "test": self.delivery.test,
            "title": self.title(),
            "text": self.text(),
            "link": self.page(),
            "more": self.delivery.more,
            "alerts": alerts.collect::<Vec<_>>(),
        })
    }

    /// A template, with what it names of the message, and of the first alert in it.
    pub fn render(&self, template: &Template) -> String {
        let first = self.delivery.notices.first().map(|notice| &*notice.event);
        template.render(|name| self.variable(name, first))
    }

    /// A template of JSON: only its texts are filled in, so it stays JSON whatever they become.
    pub fn fill(&self, body: &Value) -> Value {
        match body {
            Value::String(text) => match Template::parse_with(text, OF_MESSAGES) {
                Ok(template) => Value::String(self.render(&template)),
                Err(_) => body.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(k, v)| (k.clone(), self.fill(v)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    fn variable(&self, name: &str, first: Option<&AlertEvent>) -> Option<String> {
        match name {
            "title" => return Some(self.title()),
            "text" => return Some(self.text()),
            "link" => return Some(self.page()),
            "delivery" => return Some(self.delivery.id.to_string()),
            "count" => {
                return Some((self.delivery.notices.len() + self.delivery.more).to_string());
            }
            "message" if first.is_none() => return Some(self.text()),
            _ => {}
        }
        let event = first?;
        let series = &event.series;
        match name {
            "rule" => Some(event.rule.to_string()),
            "level" => Some(event.level.to_string()),
            "state" => Some(event.state.as_str().to_owned()),
            "host" => Some(series.host.to_string()),
            "name" => Some(series.name.to_string()),
            "labels" => Some(series.labels.to_string()),
            "value" => event.value.map(quantity::number),
            "threshold" => event.threshold.map(quantity::number),
            "unit" => Some(event.unit.clone()),
            "message" => Some(event.message.clone()),
            "since" => Some(event.since.to_string()),
            "duration" => Some(lasting(event.duration())),
            "alert" => Some(event.id.to_string()),
            _ => match name.split_once('.')? {
                ("labels", label) => series.labels.get(label).map(str::to_owned),
                ("tags", tag) => {
                    let mut tags = event.tags.iter();
                    tags.find(|(name, _)| *name == tag)
                        .map(|(_, word)| word.to_owned())
                }
                _ => None,
            },
        }
    }
}

/// An alert in one line.
fn line(notice: &Notice) -> String {
    let event = &*notice.event;
    let lasted = lasting(event.duration());
    match (notice.what, event.state) {
        (Telling::Resolved, _) => format!("Resolved after {lasted}: {}", event.message),
        (Telling::Reminder, _) => {
            format!("Still {} after {lasted}: {}", event.level, event.message)
        }
        (_, AlertState::NoData) => format!("No data ({}): {}", event.level, event.message),
        _ => {
            let level = match event.level {
                Level::Critical => "CRITICAL",
                Level::Warning => "Warning",
                Level::Info => "Info",
            };
            format!("{level}: {}", event.message)
        }
    }
}

/// What is known of an alert, in a few lines.
fn details(event: &AlertEvent) -> Vec<String> {
    let figure = |value| quantity::human(value, &event.unit);
    let mut lines = Vec::new();
    let rule = format!("rule {}, {}", event.rule, event.series);
    match (event.value, event.threshold) {
        (Some(value), Some(threshold)) => {
            let word = match event.state {
                AlertState::Resolved => "over at",
                _ => "fires at",
            };
            lines.push(format!(
                "{rule}: {} ({word} {})",
                figure(value),
                figure(threshold)
            ));
        }
        _ => lines.push(rule),
    }
    lines.push(format!("since {}", event.since));
    if event.flapping {
        lines.push("it wavers, and is held until it is calm".to_owned());
    }
    if !event.why.busiest.is_empty() {
        let busiest = event.why.busiest.iter();
        let busiest = busiest.map(|p| format!("{} {} %", p.name, quantity::number(p.cpu_percent)));
        let busiest: Vec<_> = busiest.collect();
        lines.push(format!("busiest then: {}", busiest.join(", ")));
    }
    lines
}

fn lasting(time: Duration) -> String {
    quantity::human(time.as_secs().max(1) as f64, "s")
}
