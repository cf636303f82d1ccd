//! Simulated lines for the activity feed, one every 20 to 40 seconds. Each says that it is simulated.

use super::noise::Noise;
use crate::{model::HostName, sources::Message};

/// What happens: its kind, and its message with `{}` for a number from the range.
const EVENTS: [(&str, &str, (f64, f64)); 6] = [
    ("deploy_finished", "version 1.{} is live", (2.0, 90.0)),
    ("backup_done", "backup of {} MB written", (200.0, 900.0)),
    ("cache_warmed", "{} pages are in the cache", (300.0, 4000.0)),
    (
        "index_rebuilt",
        "search index of {} products rebuilt",
        (900.0, 1500.0),
    ),
    (
        "certificate_checked",
        "certificate is good for {} days",
        (20.0, 90.0),
    ),
    ("queue_drained", "{} waiting mails sent", (5.0, 250.0)),
];
const GAP_SECONDS: (f64, f64) = (20.0, 40.0);

/// When the next message is due.
#[derive(Debug)]
pub(super) struct Messages {
    noise: Noise,
    host: HostName,
    wait_seconds: f64,
}

impl Messages {
    pub(super) fn new(seed: u64, host: HostName) -> Self {
        let mut noise = Noise::new(seed, "messages");
        // The first soon, so that the feed of a demo is not empty for long.
        let wait_seconds = noise.between(3.0, 8.0);
        Self {
            noise,
            host,
            wait_seconds,
        }
    }

    /// `seconds` later: a message, if one was due.
    pub(super) fn step(&mut self, seconds: f64) -> Option<Message> {
        self.wait_seconds -= seconds;
        if self.wait_seconds > 0.0 {
            return None;
        }
        self.wait_seconds = self.noise.between(GAP_SECONDS.0, GAP_SECONDS.1);
        let place = (self.noise.unit() * EVENTS.len() as f64) as usize;
        let (kind, text, (low, high)) = EVENTS[place.min(EVENTS.len() - 1)];
        let number = self.noise.between(low, high).floor().to_string();
        Some(Message {
            kind,
            text: format!("simulated: {}", text.replace("{}", &number)),
            host: Some(self.host.clone()),
        })
    }
}
