//! Messages to people: what waits to be sent, and the ledger of every attempt.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;

use super::{block::ReadError, readers::Stored};
use crate::model::{AlertEvent, Attempt, Delivery, DeliveryState, Seq, Timestamp};

/// The notifier's place and state.
#[derive(Debug, Clone, PartialEq)]
pub struct Handled {
    /// The life of the server, and in it the number, up to which it has taken transitions.
    pub boot: u32,
    /// See `boot`.
    pub seq: Seq,
    /// What it remembers, as JSON.
    pub state: String,
}

/// What happened to messages, to be written.
#[derive(Debug, Clone)]
pub enum Change {
    /// Transitions up to here were taken.
    Handled(Handled),
    /// A message waits.
    Queued(Delivery),
    /// It was tried.
    Attempt(Attempt),
    /// It will not be tried (again).
    Ended {
        /// Which.
        delivery: uuid::Uuid,
        /// How.
        state: DeliveryState,
        /// When.
        at: Timestamp,
        /// Why.
        answer: String,
    },
}

impl Change {
    /// Resident bytes, nearly.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Handled(handled) => handled.state.len(),
            Self::Queued(delivery) => delivery.notices.len() * 1024,
            Self::Attempt(attempt) => 100 + attempt.answer.len(),
            Self::Ended { answer, .. } => 50 + answer.len(),
        }
    }

    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Handled(handled) => {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO notifier (one, boot, seq, state) VALUES (1, ?1, ?2, ?3)",
                    )?
                    .execute(params![
                        handled.boot,
                        super::writer::number(handled.seq),
                        handled.state
                    ])?;
            }
            Self::Queued(delivery) => {
                let message = serde_json::to_string(delivery).unwrap_or_default();
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO deliveries (id, channel, created_ms, state, attempts, answer, ended_ms, message)
                         VALUES (?1, ?2, ?3, 'queued', 0, '', NULL, ?4)",
                    )?
                    .execute(params![
                        delivery.id.to_string(),
                        delivery.channel,
                        delivery.created.as_millis(),
                        message
                    ])?;
            }
            Self::Attempt(attempt) => {
                let id = attempt.delivery.to_string();
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO attempts (delivery, number, at_ms, attempt) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![
                        id,
                        attempt.number,
                        attempt.at.as_millis(),
                        serde_json::to_string(attempt).unwrap_or_default()
                    ])?;
                let ended = (attempt.state != DeliveryState::Queued)
                    .then(|| attempt.at.plus(attempt.took()).as_millis());
                transaction
                    .prepare_cached(
                        "UPDATE deliveries SET state = ?2, attempts = ?3, answer = ?4, ended_ms = ?5 WHERE id = ?1",
                    )?
                    .execute(params![
                        id,
                        attempt.state.as_str(),
                        attempt.number,
                        attempt.answer,
                        ended
                    ])?;
            }
            Self::Ended {
                delivery,
                state,
                at,
                answer,
            } => {
                transaction
                    .prepare_cached(
                        "UPDATE deliveries SET state = ?2, answer = ?3, ended_ms = ?4 WHERE id = ?1",
                    )?
                    .execute(params![
                        delivery.to_string(),
                        state.as_str(),
                        answer,
                        at.as_millis()
                    ])?;
            }
        }
        Ok(())
    }
}

/// What the last life of the server left.
#[derive(Debug, Default)]
pub struct Left {
    /// Where the notifier was; none if there never was one.
    pub handled: Option<Handled>,
    /// Messages that wait, oldest first, and how often each was tried.
    pub queued: Vec<(Delivery, u32)>,
    /// Transitions after that place, oldest first.
    pub missed: Vec<AlertEvent>,
}

/// Reads it. What makes no sense is left out, and said.
pub(super) fn left(database: &Connection) -> rusqlite::Result<Left> {
    let handled = database
        .query_row("SELECT boot, seq, state FROM notifier", [], |row| {
            Ok(Handled {
                boot: row.get(0)?,
                seq: row.get::<_, i64>(1)?.try_into().unwrap_or(0),
                state: row.get(2)?,
            })
        })
        .optional()?;
    let mut queued = Vec::new();
    let mut found = database
        .prepare("SELECT message, attempts FROM deliveries WHERE state = 'queued' ORDER BY id")?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        match serde_json::from_str(&text) {
            Ok(delivery) => queued.push((delivery, row.get(1)?)),
            Err(error) => tracing::error!(%error, "a message that waits cannot be read"),
        }
    }
    let mut missed = Vec::new();
    if let Some(handled) = &handled {
        let mut found = database.prepare(
            "SELECT event FROM alert_events WHERE (boot, seq) > (?1, ?2) ORDER BY boot, seq",
        )?;
        let seq = super::writer::number(handled.seq);
        let mut rows = found.query(params![handled.boot, seq])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            missed.extend(serde_json::from_str::<AlertEvent>(text).ok());
        }
    }
    Ok(Left {
        handled,
        queued,
        missed,
    })
}

/// A delivery in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// What was, or is to be, told.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Where it stands.
    pub state: DeliveryState,
    /// What was said of it last.
    pub answer: String,
    /// When it was over, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Every attempt, the first one first.
    pub attempts: Vec<Attempt>,
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// To this channel.
    pub channel: Option<String>,
    /// That stand so.
    pub state: Option<DeliveryState>,
    /// That tell of this alert.
    pub alert: Option<uuid::Uuid>,
    /// That were made from this time on.
    pub from: Timestamp,
    /// That were made before.
    pub to: Timestamp,
    /// At most.
    pub most: usize,
}

/// The ledger, newest first.
pub fn ledger(stored: &Stored<'_>, wanted: &Wanted) -> Result<Vec<Entry>, ReadError> {
    let mut found = stored.database.prepare_cached(
        "SELECT id, message, state, answer, ended_ms FROM deliveries
         WHERE created_ms >= ?1 AND created_ms < ?2 AND (?3 IS NULL OR channel = ?3) AND (?4 IS NULL OR state = ?4)
         ORDER BY id DESC",
    )?;
    let mut attempts = stored
        .database
        .prepare_cached("SELECT attempt FROM attempts WHERE delivery = ?1 ORDER BY number")?;
    let mut rows = found.query(params![
        wanted.from.as_millis(),
        wanted.to.as_millis(),
        wanted.channel,
        wanted.state.map(DeliveryState::as_str),
    ])?;
    let mut entries = Vec::new();
    while entries.len() < wanted.most
        && let Some(row) = rows.next()?
    {
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let Ok(delivery) = serde_json::from_str::<Delivery>(text) else {
            continue;
        };
        let is_of = |id| delivery.notices.iter().any(|notice| notice.event.id == id);
        if wanted.alert.is_some_and(|id| !is_of(id)) {
            continue;
        }
        let id: String = row.get(0)?;
        let mut tried = attempts.query([id])?;
        let mut list = Vec::new();
        while let Some(row) = tried.next()? {
            let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            list.extend(serde_json::from_str::<Attempt>(text).ok());
        }
        let state: String = row.get(2)?;
        entries.push(Entry {
            delivery,
            state: DeliveryState::parse(&state).unwrap_or(DeliveryState::Queued),
            answer: row.get(3)?,
            ended: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
            attempts: list,
        });
    }
    Ok(entries)
}
