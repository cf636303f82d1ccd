//! The past out of a data folder, as `GET /api/history` answers it; also while a server works on the folder.

use std::{io, path::Path, sync::atomic::Ordering};

use super::{
    plan::{Joined, Plan},
    query::HistoryQuery,
};
use crate::store::{
    block::ReadError,
    care::{self, CareError},
};

/// Why the past could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no store that can be read.
    #[error(transparent)]
    Store(#[from] CareError),
    /// It cannot be read any further.
    #[error("the history cannot be read")]
    Unreadable(#[from] ReadError),
    /// It cannot be written.
    #[error("cannot write what was read")]
    Unwritable(#[from] io::Error),
}

/// Writes what is asked for, a piece at a time; how many stretches of the past were left out because they are damaged.
pub fn export(
    folder: &Path,
    query: HistoryQuery,
    out: &mut impl io::Write,
) -> Result<u64, ExportError> {
    care::read(folder, |stored, position| {
        let mut plan = Plan::new(query, stored.catalogue);
        out.write_all(&plan.head(position))?;
        let mut joined = Joined::default();
        for piece in &mut plan {
            out.write_all(&joined.with(piece.read(stored)?))?;
        }
        out.write_all(plan.tail())?;
        out.flush()?;
        Ok(stored.counts.unreadable.load(Ordering::Relaxed))
    })?
}
