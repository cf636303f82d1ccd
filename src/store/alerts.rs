//! The alerts of the past, each by its newest transition.

use rusqlite::params;
use uuid::Uuid;

use super::{block::ReadError, readers::Stored, writer::number};
use crate::{
    entry::past::Place,
    model::{AlertEvent, Seq, Timestamp},
};

/// Alerts that fit, that something happened to at or after `from` and that began before `to`, newest first; at most `most`.
pub fn read(
    stored: &Stored<'_>,
    from: Timestamp,
    to: Timestamp,
    most: usize,
    fits: impl Fn(&AlertEvent) -> bool,
) -> Result<Vec<AlertEvent>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT event FROM alert_events AS this WHERE at_ms >= ?1 AND NOT EXISTS (
            SELECT 1 FROM alert_events AS later
            WHERE later.alert = this.alert AND (later.boot, later.seq) > (this.boot, this.seq))
         ORDER BY boot DESC, seq DESC",
    )?;
    let mut found = found.query(params![from.as_millis()])?;
    let mut alerts = Vec::new();
    while alerts.len() < most
        && let Some(row) = found.next()?
    {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let event = serde_json::from_str::<AlertEvent>(text);
        alerts.extend(event.ok().filter(|event| event.since < to && fits(event)));
    }
    Ok(alerts)
}

/// All transitions of one alert, oldest first; the newest `most` of them.
pub fn of(stored: &Stored<'_>, alert: Uuid, most: usize) -> Result<Vec<AlertEvent>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT event FROM alert_events WHERE alert = ?1 ORDER BY boot DESC, seq DESC LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = found.query(params![alert.to_string(), most])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        events.extend(serde_json::from_str::<AlertEvent>(text));
    }
    events.reverse();
    Ok(events)
}

/// The transitions after a place in its life of the server, up to a number, oldest first; the first `most` of them, each with its
/// number. One that makes no sense is left out, and said.
pub fn after(
    stored: &Stored<'_>,
    place: Place,
    upto: Seq,
    most: usize,
) -> Result<Vec<(Seq, AlertEvent)>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT seq, event FROM alert_events WHERE boot = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let (after, upto) = (number(place.after), number(upto));
    let mut found = found.query(params![place.boot, after, upto, most])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(0)?;
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        match serde_json::from_str(text) {
            Ok(event) => events.push((seq.max(0).cast_unsigned(), event)),
            Err(error) => stored.unreadable(&error),
        }
    }
    Ok(events)
}

/// Where each alert stood at a moment, by its newest transition up to then, oldest first; the `most` to which something
/// happened last.
pub fn at(stored: &Stored<'_>, at: Timestamp, most: usize) -> Result<Vec<AlertEvent>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT event FROM alert_events AS this WHERE at_ms <= ?1 AND NOT EXISTS (
            SELECT 1 FROM alert_events AS later
            WHERE later.alert = this.alert AND later.at_ms <= ?1
              AND (later.boot, later.seq) > (this.boot, this.seq))
         ORDER BY boot DESC, seq DESC LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = found.query(params![at.as_millis(), most])?;
    let mut alerts = Vec::new();
    while let Some(row) = found.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        alerts.extend(serde_json::from_str::<AlertEvent>(text));
    }
    alerts.reverse();
    Ok(alerts)
}
