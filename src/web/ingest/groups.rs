//! Samples that came one by one, as batches.

use std::collections::HashMap;

use super::known::{Id, Known};
use crate::{
    model::{Batch, Timestamp},
    pipeline::push_source,
};

/// Samples by host and time, in the order in which these came. A series that comes twice begins another group, so that the
/// last wins.
#[derive(Default)]
pub struct Groups {
    groups: Vec<Group>,
    /// The newest group of each host and time.
    newest: HashMap<(u32, Timestamp), usize>,
    /// The group of the sample before.
    last: Option<((u32, Timestamp), usize)>,
    /// By series, the first group that it may still be put into.
    free: Vec<usize>,
}

struct Group {
    timestamp: Timestamp,
    ids: Vec<Id>,
    values: Vec<f64>,
    lines: Vec<usize>,
}

impl Groups {
    /// One more sample, of the line `line`; its series is one that `known` has.
    pub fn add(&mut self, known: &Known, id: Id, timestamp: Timestamp, value: f64, line: usize) {
        let of = (known.host_of(id), timestamp);
        let next = self.groups.len();
        let mut at = match self.last {
            Some((last, at)) if last == of => at,
            _ => *self.newest.entry(of).or_insert(next),
        };
        let series = id as usize;
        if self.free.len() <= series {
            self.free.resize(series + 1, 0);
        }
        // Groups are filled in the order in which they begin, or one more begins.
        if at < self.free[series] {
            self.newest.insert(of, next);
            at = next;
        }
        if at == next {
            self.groups.push(Group {
                timestamp,
                ids: Vec::new(),
                values: Vec::new(),
                lines: Vec::new(),
            });
        }
        self.free[series] = at + 1;
        self.last = Some((of, at));
        let group = &mut self.groups[at];
        group.ids.push(id);
        group.values.push(value);
        group.lines.push(line);
    }

    /// The batches, each with the lines of its samples.
    pub fn into_batches(self, known: &mut Known) -> Vec<(Batch, Vec<usize>)> {
        let source = push_source();
        let batches = self.groups.into_iter().map(|group| {
            let batch = Batch {
                source: source.clone(),
                timestamp: group.timestamp,
                interval: None,
                layout: known.layout(&group.ids),
                values: group.values,
            };
            (batch, group.lines)
        });
        batches.collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
