//! A block in the making: groups, their columns, head and parts.

use super::{Encoded, PART_BYTES, Shape, VERSION, put_series};
use crate::{
    model::varint::put_u64,
    store::{
        bytes::seal,
        column::{Encoder, MAX_ROWS, Plain},
    },
};

/// A block in the making.
#[derive(Debug)]
pub struct Writer {
    shape: Shape,
    encoder: Encoder,
    thorough: bool,
    /// The columns of the group that others may be stored beside.
    plain: Plain,
    groups: u64,
    head: Vec<u8>,
    rows: usize,
    series: Vec<u32>,
    lengths: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

impl Writer {
    /// A block of groups of this shape. `thorough` takes longer and makes it smaller.
    pub fn new(shape: Shape, thorough: bool) -> Self {
        Self {
            shape,
            encoder: Encoder::default(),
            thorough,
            plain: Plain::default(),
            groups: 0,
            head: Vec::new(),
            rows: 0,
            series: Vec::new(),
            lengths: Vec::new(),
            parts: vec![Vec::new()],
        }
    }

    /// Begins a group of `rows` rows, at least one; its shared columns follow, then its series.
    pub fn group(&mut self, rows: usize) {
        debug_assert!((1..=MAX_ROWS).contains(&rows));
        self.end_group();
        self.groups += 1;
        self.rows = rows;
        self.plain = Plain::default();
    }

    /// A shared column of the group.
    pub fn whole_numbers(&mut self, values: &[i64]) {
        let column = self.encoder.whole_numbers(values, self.thorough);
        self.column(&column);
    }

    /// The next series of the group; its columns follow.
    pub fn series(&mut self, number: u32) {
        self.series.push(number);
    }

    /// A column of the series.
    pub fn values(&mut self, values: &[f64]) {
        let column = match self.thorough {
            true => self.encoder.beside(values, &mut self.plain),
            false => self.encoder.values(values, false),
        };
        self.column(&column);
    }

    fn column(&mut self, column: &[u8]) {
        put_u64(&mut self.lengths, column.len() as u64);
        let full = self
            .parts
            .last()
            .is_some_and(|part| !part.is_empty() && part.len() + column.len() > PART_BYTES);
        if full {
            self.parts.push(Vec::new());
        }
        if let Some(part) = self.parts.last_mut() {
            part.extend_from_slice(column);
        }
    }

    fn end_group(&mut self) {
        if self.rows > 0 {
            put_u64(&mut self.head, self.rows as u64);
            put_u64(&mut self.head, self.series.len() as u64);
            put_series(&mut self.head, &self.series);
            self.head.append(&mut self.lengths);
            self.rows = 0;
            self.series.clear();
        }
    }

    /// How much of it there is so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// The block.
    pub fn finish(mut self) -> Encoded {
        self.end_group();
        let codec = self.encoder.header();
        let mut head = vec![VERSION];
        put_u64(&mut head, codec.len() as u64);
        head.extend_from_slice(&codec);
        put_u64(&mut head, self.shape.shared as u64);
        put_u64(&mut head, self.shape.each as u64);
        put_u64(&mut head, self.groups);
        head.append(&mut self.head);
        Encoded {
            head: seal(head),
            parts: self.parts.into_iter().map(seal).collect(),
        }
    }
}
