//! The one thread that writes: takes what waits, a transaction for each group of jobs.

use std::{
    fs::File,
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
};

use rusqlite::{Connection, Transaction, params};
use uuid::Uuid;

use super::Counts;
use crate::model::{AlertEvent, Epoch, Position, Timestamp};

/// Jobs written in one transaction, at most.
const GROUP: usize = 256;

#[derive(Debug)]
pub(super) enum Job {
    Alerts {
        now: Timestamp,
        events: Vec<(Position, Arc<AlertEvent>)>,
        engine: String,
    },
    Engine {
        now: Timestamp,
        engine: String,
    },
    Dismiss(Vec<Uuid>),
    Close,
}

/// The writer; owns the database and the lock on its folder.
#[derive(Debug)]
pub struct Writer {
    database: Connection,
    _lock: File,
    inlet: Receiver<Job>,
    counts: Arc<Counts>,
    epoch: Epoch,
}

impl Writer {
    pub(super) fn new(
        database: Connection,
        lock: File,
        inlet: Receiver<Job>,
        counts: Arc<Counts>,
        epoch: Epoch,
    ) -> Self {
        Self {
            database,
            _lock: lock,
            inlet,
            counts,
            epoch,
        }
    }

    /// Writes until the store is closed. Blocks; for a thread of its own.
    pub fn run(mut self) {
        let mut failing = false;
        let mut open = true;
        while open && let Ok(first) = self.inlet.recv() {
            let mut jobs = vec![first];
            jobs.extend(self.inlet.try_iter().take(GROUP - 1));
            open = !jobs.iter().any(|job| matches!(job, Job::Close));
            let count = jobs.iter().filter(|job| !matches!(job, Job::Close)).count() as u64;
            let counter = match self.write(&jobs) {
                Ok(()) => {
                    if failing {
                        tracing::info!("the store can be written again");
                    }
                    failing = false;
                    &self.counts.written
                }
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the store cannot be written; alerts go on unrecorded");
                    }
                    failing = true;
                    &self.counts.failed
                }
            };
            counter.fetch_add(count, Ordering::Relaxed);
            self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
        }
        if let Err((_, error)) = self.database.close() {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }

    fn write(&mut self, jobs: &[Job]) -> rusqlite::Result<()> {
        let boot = self.epoch.boot;
        let transaction = self.database.transaction()?;
        for job in jobs {
            match job {
                Job::Alerts {
                    now,
                    events,
                    engine,
                } => {
                    for (position, event) in events {
                        write_event(&transaction, boot, position, event)?;
                    }
                    write_engine(&transaction, *now, engine)?;
                }
                Job::Engine { now, engine } => write_engine(&transaction, *now, engine)?,
                Job::Dismiss(ids) => {
                    let mut delete = transaction
                        .prepare_cached("DELETE FROM alerts WHERE id = ?1 AND is_open = 0")?;
                    for id in ids {
                        delete.execute([id.to_string()])?;
                    }
                }
                Job::Close => {}
            }
        }
        transaction.commit()
    }
}

fn write_event(
    transaction: &Transaction<'_>,
    boot: u32,
    position: &Position,
    event: &AlertEvent,
) -> rusqlite::Result<()> {
    let id = event.id.to_string();
    let json = serde_json::to_string(event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let seq = i64::try_from(position.seq).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO alert_events (boot, seq, alert, at_ms, event) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![boot, seq, id, event.timestamp.as_millis(), json])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO alerts (id, is_open, event) VALUES (?1, ?2, ?3)")?
        .execute(params![id, event.state.is_open(), json])?;
    Ok(())
}

fn write_engine(
    transaction: &Transaction<'_>,
    now: Timestamp,
    engine: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO engine (one, saved_ms, state) VALUES (1, ?1, ?2)")?
        .execute(params![now.as_millis(), engine])?;
    Ok(())
}
