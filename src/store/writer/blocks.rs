//! Blocks, put into the database and taken out.

use rusqlite::{Transaction, params};

use super::number;
use crate::store::{block, compactor::Meta};

/// Writes a block; its id.
pub(in crate::store) fn insert_block(
    transaction: &Transaction<'_>,
    meta: &Meta,
    block: &block::Encoded,
) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO blocks (tier, slot, boot, first_seq, last_seq, from_ms, to_ms, oldest_ms, newest_ms, samples, batches, bytes, rolled, head)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            meta.tier,
            meta.slot,
            meta.boot,
            number(meta.first),
            number(meta.last),
            meta.from.as_millis(),
            meta.to.as_millis(),
            meta.oldest.as_millis(),
            meta.newest.as_millis(),
            number(meta.samples),
            number(meta.batches),
            number(meta.bytes),
            meta.rolled,
            block.head,
        ])?;
    let id = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached("INSERT INTO parts (id, data) VALUES (?1, ?2)")?;
    for (i, part) in (0i64..).zip(&block.parts) {
        insert.execute(params![part_id(id, i), part])?;
    }
    Ok(id)
}

/// The id of a part of a block.
pub(in crate::store) fn part_id(block: i64, part: i64) -> i64 {
    block << 16 | part
}

/// Takes a block out.
pub(in crate::store) fn delete_block(
    transaction: &Transaction<'_>,
    id: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM parts WHERE id >= ?1 AND id < ?2")?
        .execute([part_id(id, 0), part_id(id + 1, 0)])?;
    transaction
        .prepare_cached("DELETE FROM blocks WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
