//! `[ingest]`: what others may push.

use std::time::Duration;

use super::{
    accept::{Size, Span, Whole},
    table::Table,
};

/// The inlet for pushed samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingest {
    /// The largest request body as it is sent, in bytes.
    pub max_body: usize,
    /// The largest request body once decompressed, in bytes.
    pub max_decompressed: usize,
    /// How long a request body may take to come.
    pub body_timeout: Duration,
    /// How old a sample's own timestamp may be.
    pub accept_past: Duration,
    /// How far in the future a sample's own timestamp may lie.
    pub accept_future: Duration,
    /// Batches that may wait for the pipeline; when it is full, requests are told to come back.
    pub queue: usize,
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            max_body: 1 << 20,
            max_decompressed: 8 << 20,
            body_timeout: Duration::from_secs(30),
            accept_past: Duration::from_secs(3600),
            accept_future: Duration::from_secs(10),
            queue: 256,
        }
    }
}

impl Ingest {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let body = Size(1 << 10..=1 << 30);
        let ingest = Self {
            max_body: table.value("max_body", &body, default.max_body),
            max_decompressed: table.value("max_decompressed", &body, default.max_decompressed),
            body_timeout: table.value(
                "body_timeout",
                &Span::seconds(1, 3600),
                default.body_timeout,
            ),
            accept_past: table.value(
                "accept_past",
                &Span::seconds(0, 365 * 86_400),
                default.accept_past,
            ),
            accept_future: table.value(
                "accept_future",
                &Span::seconds(0, 3600),
                default.accept_future,
            ),
            queue: table.value("queue", &Whole(1..=100_000), default.queue),
        };
        if ingest.max_decompressed < ingest.max_body {
            if table.has("max_decompressed") {
                table.refuse("max_decompressed", "a size not below ingest.max_body");
            } else {
                table.refuse("max_body", "a size not above ingest.max_decompressed");
            }
        }
        table.close();
        ingest
    }
}
