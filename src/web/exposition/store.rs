//! The store.

use std::sync::atomic::Ordering::Relaxed;

use super::page::Page;
use crate::store::Counts;

pub(super) fn write(page: &mut Page, store: &Counts, series: usize) {
    page.counter(
        "tickwire_store_written_total",
        "Jobs the store has written.",
        store.written.load(Relaxed),
    );
    page.counter(
        "tickwire_store_failed_total",
        "Times that the store could not be written; it is tried again.",
        store.failed.load(Relaxed),
    );
    page.one(
        "tickwire_store_failing",
        "gauge",
        "1 while the store cannot be written.",
        f64::from(u8::from(store.failing.load(Relaxed))),
    );
    page.counter(
        "tickwire_store_samples_total",
        "Samples the store has written.",
        store.samples.load(Relaxed),
    );
    page.counter(
        "tickwire_store_samples_dropped_total",
        "Samples that are not kept, because too much was waiting for the store.",
        store.dropped_samples.load(Relaxed),
    );
    page.one(
        "tickwire_store_log_pages",
        "gauge",
        "Pages that are in the store's write-ahead log alone.",
        store.wal_pages.load(Relaxed) as f64,
    );
    page.one(
        "tickwire_store_compacting",
        "gauge",
        "1 while blocks are made.",
        f64::from(u8::from(store.compacting.load(Relaxed))),
    );
    page.counter(
        "tickwire_store_blocks_made_total",
        "Blocks that the store has made of what it had.",
        store.blocks_made.load(Relaxed),
    );
    page.counter(
        "tickwire_store_blocks_removed_total",
        "Blocks that went by age or size.",
        store.blocks_removed.load(Relaxed),
    );
    page.counter(
        "tickwire_store_unreadable_total",
        "Times that something stored could not be read.",
        store.unreadable.load(Relaxed),
    );
    page.one(
        "tickwire_store_queue_bytes",
        "gauge",
        "Bytes that wait to be written, nearly.",
        store.waiting_bytes.load(Relaxed) as f64,
    );
    page.one(
        "tickwire_store_series",
        "gauge",
        "Series of which something is kept.",
        series as f64,
    );
    page.counter(
        "tickwire_store_dropped_total",
        "Jobs dropped because too much was waiting for the store.",
        store.dropped.load(Relaxed),
    );
}
