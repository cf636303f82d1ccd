//! Series that nobody measured, shaped like those that somebody does: the same seed makes the same samples.

use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{Batch, DataSet, Series};

/// 2026-01-05 00:00 UTC: no store has a reason to treat it as fresh or as far away.
const BEGIN_MS: i64 = 1_767_571_200_000;
/// The host of all series.
pub const HOST: &str = "synthetic";

/// `series` series, one sample each a second, `seconds` of them. Timestamps are off by a millisecond now and then, as those
/// of a timer are.
pub fn make(series: usize, seconds: usize, seed: u64) -> DataSet {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut shapes: Vec<Shape> = (0..series).map(|i| Shape::nth(i, &mut rng)).collect();
    let table = (0..series).map(|i| Series {
        name: format!("{}_{}", Shape::NAMES[i % 10], i % 30),
        labels: vec![
            ("host".to_owned(), HOST.to_owned()),
            ("instance".to_owned(), format!("{i:05}")),
        ],
    });
    let all: Arc<[u32]> = (0..series as u32).collect();
    let batches = (0..seconds).map(|second| Batch {
        timestamp_ms: BEGIN_MS + 1000 * second as i64 + i64::from(rng.random_ratio(1, 8)),
        series: all.clone(),
        values: shapes
            .iter_mut()
            .map(|shape| shape.next(&mut rng))
            .collect(),
    });
    let batches = batches.collect();
    let minutes = seconds as f64 / 60.0;
    DataSet {
        name: format!("synthetic, seed {seed}, {minutes:.1} min"),
        series: table.collect(),
        batches,
    }
}

/// How the values of a series come about. All are whole numbers of their smallest unit, so that they have the decimals
/// that a program prints.
enum Shape {
    /// A total or a limit: changes once in hours.
    Constant { value: i64 },
    /// So many a second, of a counter: idle for long, then busy around a level.
    Rate { level: f64, busy: bool, scale: f64 },
    /// A load or a temperature: goes up and down within bounds.
    Walk {
        value: i64,
        most: i64,
        step: i64,
        scale: f64,
    },
    /// A queue or a delay: at rest, with spikes that ebb away.
    Spiky { rest: i64, over: f64, scale: f64 },
    /// Memory or disk in pages of bytes: still, or a few pages more or less.
    Pages { pages: i64 },
}

impl Shape {
    /// The names of the ten kinds that follow one another.
    const NAMES: [&str; 10] = [
        "limit",
        "requests",
        "usage_percent",
        "queue",
        "memory_bytes",
        "total",
        "bytes_per_second",
        "temperature",
        "delay_seconds",
        "load",
    ];

    fn nth(i: usize, rng: &mut StdRng) -> Self {
        let level = 10_f64.powf(rng.random_range(0.0..4.0));
        match i % 10 {
            0 | 5 => Self::Constant {
                value: rng.random_range(1..1_000_000_000),
            },
            1 => Self::Rate {
                level,
                busy: false,
                scale: 1.0,
            },
            6 => Self::Rate {
                level: level * 100.0,
                busy: false,
                scale: 10.0,
            },
            2 => Self::Walk {
                value: rng.random_range(0..1000),
                most: 1000,
                step: 30,
                scale: 10.0,
            },
            7 => Self::Walk {
                value: rng.random_range(300..700),
                most: 900,
                step: 2,
                scale: 10.0,
            },
            9 => Self::Walk {
                value: rng.random_range(0..800),
                most: 800,
                step: 4,
                scale: 100.0,
            },
            3 => Self::Spiky {
                rest: rng.random_range(0..4),
                over: 0.0,
                scale: 1.0,
            },
            8 => Self::Spiky {
                rest: rng.random_range(1..50),
                over: 0.0,
                scale: 1000.0,
            },
            _ => Self::Pages {
                pages: rng.random_range(1000..4_000_000),
            },
        }
    }

    fn next(&mut self, rng: &mut StdRng) -> f64 {
        match self {
            Self::Constant { value } => {
                if rng.random_ratio(1, 20_000) {
                    *value += rng.random_range(-100..=100);
                }
                *value as f64
            }
            Self::Rate { level, busy, scale } => {
                if rng.random_ratio(1, 60) {
                    *busy = !*busy;
                }
                if !*busy && rng.random_ratio(19, 20) {
                    return 0.0;
                }
                let noise = rng.random::<f64>() + rng.random::<f64>() - 1.0;
                (*level * (1.0 + 0.3 * noise)).round() / *scale
            }
            Self::Walk {
                value,
                most,
                step,
                scale,
            } => {
                if rng.random_ratio(2, 3) {
                    *value += rng.random_range(-*step..=*step);
                    *value = (*value).clamp(0, *most);
                }
                *value as f64 / *scale
            }
            Self::Spiky { rest, over, scale } => {
                *over *= 0.6;
                if rng.random_ratio(1, 100) {
                    *over += rng.random_range(5.0..200.0);
                }
                (*rest as f64 + *over).round() / *scale
            }
            Self::Pages { pages } => {
                if rng.random_ratio(1, 4) {
                    *pages = (*pages + rng.random_range(-50_i64..=50)).max(0);
                }
                (*pages * 4096) as f64
            }
        }
    }
}
