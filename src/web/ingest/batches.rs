//! Samples that came one by one, as batches.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::sample::Item;
use crate::{
    model::{Batch, HostName, SeriesKey, SeriesSpec, Timestamp},
    pipeline::push_source,
};

/// Items as batches of one host and one timestamp, in the order in which these came; each with the lines of its samples.
/// A series that comes twice in a batch begins another one, so that the last wins.
pub fn batches(items: Vec<Item>) -> Vec<(Batch, Vec<usize>)> {
    struct Group {
        timestamp: Timestamp,
        specs: Vec<SeriesSpec>,
        values: Vec<f64>,
        lines: Vec<usize>,
    }
    let mut groups: Vec<Group> = Vec::new();
    for (at, item) in group_numbers(&items).into_iter().zip(items) {
        if at == groups.len() {
            groups.push(Group {
                timestamp: item.timestamp,
                specs: Vec::new(),
                values: Vec::new(),
                lines: Vec::new(),
            });
        }
        groups[at].specs.push(item.spec);
        groups[at].values.push(item.value);
        groups[at].lines.push(item.line);
    }
    let source = push_source();
    groups
        .into_iter()
        .map(|group| {
            let batch = Batch {
                source: source.clone(),
                timestamp: group.timestamp,
                interval: None,
                layout: Arc::from(group.specs),
                values: group.values,
            };
            (batch, group.lines)
        })
        .collect()
}

/// The number of the group that each item belongs to, counted in the order in which groups begin.
fn group_numbers(items: &[Item]) -> Vec<usize> {
    // Most pushes are one sample.
    if items.len() == 1 {
        return vec![0];
    }
    let mut groups = 0;
    let mut open: HashMap<(&HostName, Timestamp), usize> = HashMap::new();
    let mut taken: HashSet<(usize, &SeriesKey)> = HashSet::new();
    let mut numbers = Vec::with_capacity(items.len());
    for item in items {
        let key = &item.spec.key;
        let at = open.entry((&key.host, item.timestamp)).or_insert(groups);
        if !taken.insert((*at, key)) {
            *at = groups;
            taken.insert((groups, key));
        }
        groups = groups.max(*at + 1);
        numbers.push(*at);
    }
    numbers
}
