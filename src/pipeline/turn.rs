//! One turn in the making, and what its events look like in JSON.

use std::sync::Arc;

use super::live::LiveState;
use crate::{
    entry::{Entry, What},
    model::{Activity, AlertEvent, DeliveryEvent, Timestamp, alert::Busy},
};

/// One turn in the making.
pub(super) struct Turn<'a> {
    /// When it began; the same for everything in it.
    pub now: Timestamp,
    /// The present, which nobody reads before the turn is done.
    pub state: &'a mut LiveState,
    /// The number given out last.
    pub head: u64,
    /// What it will append to the log.
    pub entries: Vec<Arc<Entry>>,
    /// Whether there are transitions among it.
    pub has_alerts: bool,
}

impl Turn<'_> {
    /// Gives `what` the next `count` numbers.
    pub fn push(&mut self, count: u64, what: What) {
        let first = self.head + 1;
        self.head += count;
        self.entries.push(Arc::new(Entry {
            first,
            last: self.head,
            received: self.now,
            what,
        }));
    }

    /// A line of the feed.
    pub fn activity(&mut self, activity: Activity) {
        let activity = Arc::new(activity);
        self.push(
            1,
            What::Activity {
                json: activity_fields(&activity).into(),
                activity: activity.clone(),
            },
        );
        self.state.add_activity(activity);
    }

    /// What became of a message to people.
    pub fn delivery(&mut self, event: DeliveryEvent) {
        let event = Arc::new(event);
        self.push(
            1,
            What::Delivery {
                json: fields(&*event).into(),
                event: event.clone(),
            },
        );
        self.state.add_delivery(event);
    }

    /// A transition. It gets to know what its host is busy with.
    pub fn alert(&mut self, mut event: AlertEvent) {
        if event.is_new_value() {
            let rows = self.state.processes(&event.series.host);
            event.why.busiest = Busy::of(&rows);
        }
        let event = Arc::new(event);
        self.push(
            1,
            What::Alert {
                json: alert_fields(&event).into(),
                event: event.clone(),
            },
        );
        self.has_alerts = true;
        self.state.add_alert(event);
    }
}

/// The JSON fields of an alert event after its type: `,"id":…`.
pub fn alert_fields(event: &AlertEvent) -> String {
    fields(event)
}

/// The JSON fields of a line of the feed after its type: `,"kind":…`.
pub fn activity_fields(activity: &Activity) -> String {
    fields(activity)
}

fn fields(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    match json
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(fields) => format!(",{fields}"),
        None => String::new(),
    }
}
