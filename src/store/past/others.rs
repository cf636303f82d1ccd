//! Alerts, lines of the feed and what became of messages, as entries.

use std::sync::Arc;

use rusqlite::params;

use super::Reading;
use crate::{
    entry::{Entry, What, past::Place},
    model::{Activity, AlertEvent, DeliveryEvent, Seq, Timestamp},
    store::{block::ReadError, writer::number},
};

impl Reading<'_> {
    /// With those of them that are wanted, all in the order of their numbers.
    pub(super) fn with_others(
        &self,
        mut entries: Vec<Arc<Entry>>,
        place: Place,
        upto: Seq,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let samples = entries.len();
        let stretch = params![place.boot, number(place.after), number(upto)];
        if self.wanted.alerts {
            let mut found = self.database.prepare_cached(
                "SELECT seq, at_ms, event FROM alert_events WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
            )?;
            let mut found = found.query(stretch)?;
            while let Some(row) = found.next()? {
                let (seq, received, json) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str());
                let json = json.map_err(rusqlite::Error::from)?;
                if let Ok(event) = serde_json::from_str::<AlertEvent>(json) {
                    entries.push(other(
                        seq,
                        received,
                        |json| What::Alert {
                            event: Arc::new(event),
                            json,
                        },
                        json,
                    ));
                }
            }
        }
        if self.wanted.activity {
            let mut found = self.database.prepare_cached(
                "SELECT seq, received_ms, activity FROM activities WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
            )?;
            let mut found = found.query(stretch)?;
            while let Some(row) = found.next()? {
                let (seq, received, json) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str());
                let json = json.map_err(rusqlite::Error::from)?;
                if let Ok(activity) = serde_json::from_str::<Activity>(json) {
                    entries.push(other(
                        seq,
                        received,
                        |json| What::Activity {
                            activity: Arc::new(activity),
                            json,
                        },
                        json,
                    ));
                }
            }
        }
        if self.wanted.notifications {
            let mut found = self.database.prepare_cached(
                "SELECT seq, received_ms, event FROM delivery_events WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
            )?;
            let mut found = found.query(stretch)?;
            while let Some(row) = found.next()? {
                let (seq, received, json) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str());
                let json = json.map_err(rusqlite::Error::from)?;
                if let Ok(event) = serde_json::from_str::<DeliveryEvent>(json) {
                    entries.push(other(
                        seq,
                        received,
                        |json| What::Delivery {
                            event: Arc::new(event),
                            json,
                        },
                        json,
                    ));
                }
            }
        }
        if entries.len() > samples {
            entries.sort_by_key(|entry| entry.first);
        }
        Ok(entries)
    }
}

/// One of them, from its JSON.
fn other(seq: i64, received: i64, what: impl FnOnce(Box<str>) -> What, json: &str) -> Arc<Entry> {
    let fields = json
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let seq = seq.max(0).cast_unsigned();
    Arc::new(Entry {
        first: seq,
        last: seq,
        received: Timestamp::from_millis(received),
        what: what(format!(",{}", fields.unwrap_or_default()).into()),
    })
}
