//! Columns that others are stored beside, and which one.

use std::collections::VecDeque;

use super::RELATED;
use crate::store::{Damaged, bytes::Reader};

/// Columns of fewer bytes are left as they are.
pub(super) const WORTH_RELATING: usize = 64;
/// Columns that others are tried beside.
const PLAIN: usize = 64;
/// Pairs of values that are looked at to guess which column is the closest.
const LOOKS: usize = 128;

/// The columns of a group so far that are whole numbers, and stored by themselves; the newest of them.
#[derive(Debug, Default)]
pub struct Plain {
    columns: VecDeque<Decimals>,
    pub(super) next: usize,
}

#[derive(Debug)]
pub(super) struct Decimals {
    /// Its place in the group.
    pub at: usize,
    pub power: u8,
    pub whole: Vec<i64>,
}

impl Plain {
    pub(super) fn push(&mut self, column: Decimals) {
        if self.columns.len() >= PLAIN {
            self.columns.pop_front();
        }
        self.columns.push_back(column);
    }

    /// The column that these values move with, or against (then the sign is negative), the most.
    pub(super) fn closest(&self, power: u8, whole: &[i64]) -> Option<(&Decimals, i64)> {
        let step = (whole.len() / LOOKS).max(1);
        let bits = |by: i64| u64::from(64 - by.unsigned_abs().leading_zeros());
        let moves = |of: &[i64], at: usize| of[at + 1].wrapping_sub(of[at]);
        let looks = || (0..whole.len().saturating_sub(1)).step_by(step);
        let alone: u64 = looks().map(|at| bits(moves(whole, at))).sum();
        let of_same = self.columns.iter().filter(|other| other.power == power);
        let tried = of_same.flat_map(|other| [(other, 1i64), (other, -1)]);
        let bits_beside = |(other, sign): &(&Decimals, i64)| -> u64 {
            let beside = looks().map(|at| {
                let by = sign.wrapping_mul(moves(&other.whole, at));
                bits(moves(whole, at).wrapping_sub(by))
            });
            beside.sum()
        };
        let (bits, closest) = tried
            .map(|pair| (bits_beside(&pair), pair))
            .min_by_key(|(bits, _)| *bits)?;
        (bits * 4 < alone * 3).then_some(closest)
    }
}

/// The column that a column is stored beside: how many places before it; none for one that is stored by itself.
pub fn beside(column: &[u8]) -> Result<Option<usize>, Damaged> {
    let mut reader = Reader::new(column);
    match reader.u8()? {
        RELATED => {
            reader.u8()?;
            Ok(Some(reader.u64()? as usize))
        }
        _ => Ok(None),
    }
}
