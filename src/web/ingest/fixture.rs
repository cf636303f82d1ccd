//! What the tests of both formats begin with, and how they look at what was taken.

use std::time::Duration;

use super::{Known, Limits, Pushed};
use crate::model::{HostName, SeriesSpec, Timestamp};

pub const NOW: i64 = 1_700_000_000_000;

pub fn limits() -> Limits {
    Limits {
        now: Timestamp::from_millis(NOW),
        past: Duration::from_secs(3600),
        future: Duration::from_secs(10),
    }
}

pub fn known() -> Known {
    Known::new(HostName::parse("push").unwrap())
}

/// A sample as it was taken: line, series, time, value.
pub type Taken = (usize, SeriesSpec, i64, f64);

pub fn taken(pushed: &Pushed) -> Vec<Taken> {
    let mut all = Vec::new();
    for (batch, lines) in &pushed.batches {
        assert_eq!(batch.layout.len(), batch.values.len());
        assert_eq!(lines.len(), batch.values.len());
        for (i, line) in lines.iter().enumerate() {
            let spec = batch.layout[i].clone();
            all.push((*line, spec, batch.timestamp.as_millis(), batch.values[i]));
        }
    }
    all.sort_by_key(|(line, ..)| *line);
    all
}

/// What was taken, as `line: series unit time value`, and the reasons of what was not.
pub fn said(pushed: Pushed) -> (Vec<String>, Vec<(usize, String)>) {
    let said = taken(&pushed).into_iter().map(|(line, spec, time, value)| {
        let unit = spec.unit.as_str();
        format!("{line}: {} {unit:?} {} {value}", spec.key, time - NOW)
    });
    let said = said.collect();
    let (faults, _) = pushed.faults.into_parts();
    let faults = faults.into_iter().map(|f| (f.line, f.reason));
    (said, faults.collect())
}
