//! A store from outside, also while a server works on it: a copy, whether all of it can be read, and reading in it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{
    Counts, FILE, OpenError,
    block::ReadError,
    catalogue::Catalogue,
    compactor,
    past::unpacked::Unpacked,
    readers::Stored,
    rows::{self, AGGREGATES, Block, SAMPLES},
    schema,
};
use crate::model::{Epoch, Position};

/// Why it could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// There is no database, or it cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The database.
        file: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The copy would be where something is.
    #[error("{} is there already; a backup does not overwrite", .0.display())]
    Exists(PathBuf),
    /// The copy cannot be written.
    #[error("cannot write {}", file.display())]
    Unwritable {
        /// The copy.
        file: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// It was written by a newer tickwire.
    #[error(transparent)]
    Newer(OpenError),
}

/// What a look at everything has found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Blocks of samples, and of coarser tiers.
    pub blocks: u64,
    /// Rows of the journal.
    pub rows: u64,
    /// Samples in both.
    pub samples: u64,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

fn open(folder: &Path) -> Result<(PathBuf, Connection), CareError> {
    let file = folder.join(FILE);
    let unreadable = |source| CareError::Unreadable {
        file: file.clone(),
        source,
    };
    let database = compactor::open(&file).map_err(unreadable)?;
    let found: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(unreadable)?;
    match found > schema::VERSION {
        true => Err(CareError::Newer(OpenError::newer(&file, found))),
        false => Ok((file, database)),
    }
}

/// Copies the store in `folder` to a new file, whole and as of one moment, also while a server writes to it. The copy is as small as
/// it can be, and a data folder that has it under its usual name goes on from there.
pub fn backup(folder: &Path, to: &Path) -> Result<(), CareError> {
    let (_, database) = open(folder)?;
    if to.exists() {
        return Err(CareError::Exists(to.to_owned()));
    }
    let unwritable = |source| CareError::Unwritable {
        file: to.to_owned(),
        source,
    };
    // It is the copy that is written.
    database
        .pragma_update(None, "query_only", false)
        .map_err(unwritable)?;
    let copied = database.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
    copied.map(|_| ()).map_err(unwritable)
}

/// Reads in the store in `folder`. What reads is told the position of the newest that is stored.
pub fn read<T>(
    folder: &Path,
    read: impl FnOnce(&Stored<'_>, Position) -> T,
) -> Result<T, CareError> {
    let (file, database) = open(folder)?;
    let known = Catalogue::load(&database).and_then(|known| Ok((known, newest(&database)?)));
    let (catalogue, position) = known.map_err(|source| CareError::Unreadable { file, source })?;
    let stored = Stored {
        database: &database,
        catalogue: &catalogue,
        counts: &Counts::default(),
        unpacked: &Unpacked::default(),
    };
    Ok(read(&stored, position))
}

fn newest(database: &Connection) -> rusqlite::Result<Position> {
    let newest = "SELECT boot, suffix, coalesce(
            (SELECT max(last_seq) FROM journal WHERE journal.boot = epochs.boot),
            (SELECT max(last_seq) FROM blocks WHERE tier = 0 AND blocks.boot = epochs.boot), 0)
        FROM epochs ORDER BY boot DESC LIMIT 1";
    database.query_row(newest, [], |row| {
        let epoch = Epoch {
            boot: row.get(0)?,
            suffix: row.get(1)?,
        };
        let seq: i64 = row.get(2)?;
        Ok(Position {
            epoch,
            seq: seq.max(0).cast_unsigned(),
        })
    })
}

/// Reads all there is, and says what cannot be read or does not fit.
pub fn verify(folder: &Path) -> Result<Verified, CareError> {
    let (file, database) = open(folder)?;
    let mut verified = Verified::default();
    look(&database, &mut verified).map_err(|source| CareError::Unreadable { file, source })?;
    Ok(verified)
}

fn look(database: &Connection, verified: &mut Verified) -> rusqlite::Result<()> {
    // One transaction: what a server moves meanwhile is seen once.
    let database = database.unchecked_transaction()?;
    let mut check = database.prepare("PRAGMA integrity_check")?;
    let mut check = check.query([])?;
    while let Some(row) = check.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            verified.faults.push(format!("the database: {said}"));
        }
    }
    for meta in rows::journal(&database, "TRUE ORDER BY id", [])? {
        verified.rows += 1;
        match rows::journal_row(&database, meta.id) {
            Ok(row) => {
                let samples: usize = row.batches.iter().map(|batch| batch.values.len()).sum();
                verified.count(
                    meta.samples,
                    samples as u64,
                    &format!("row {} of the journal", meta.id),
                );
            }
            Err(error) => verified
                .faults
                .push(format!("row {} of the journal: {error}", meta.id)),
        }
    }
    for meta in rows::blocks(&database, "TRUE ORDER BY id", [])? {
        verified.blocks += 1;
        let what = format!(
            "block {} ({} to {}{})",
            meta.id,
            meta.from,
            meta.to,
            if meta.tier == 0 { "" } else { ", coarser" }
        );
        match block(&database, meta.id, meta.tier) {
            Ok(samples) if meta.tier == 0 => verified.count(meta.samples, samples, &what),
            Ok(_) => {}
            Err(error) => verified.faults.push(format!("{what}: {error}")),
        }
    }
    Ok(())
}

/// Reads every column of a block; how many values of samples it has.
fn block(database: &Connection, id: i64, tier: i64) -> Result<u64, ReadError> {
    let Block { head, mut parts } = Block::open(database, id)?;
    let shape = if tier == 0 { SAMPLES } else { AGGREGATES };
    let mut values = 0;
    for group in &head.groups {
        for column in 0..shape.shared {
            head.whole_numbers(&mut parts, group, column)?;
        }
        for at in 0..group.series.len() {
            for column in 0..shape.each {
                values += head.values(&mut parts, group, at, column)?.len() as u64;
            }
        }
    }
    Ok(values)
}

impl Verified {
    fn count(&mut self, said: u64, found: u64, what: &str) {
        self.samples += found;
        if said != found {
            self.faults.push(format!(
                "{what}: {found} samples where it should have {said}"
            ));
        }
    }
}
