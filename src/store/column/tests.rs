use super::*;
use crate::model::decimal::{EXACT, POWERS};
use proptest::{collection::vec, prelude::*};

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn again(values: &[f64]) -> (Vec<u8>, Vec<u64>) {
    let encoder = Encoder::default();
    let decoder = Decoder::new(&encoder.header()).unwrap();
    let quick = encoder.values(values, false);
    let read = decoder.values(&quick, values.len()).unwrap();
    assert_eq!(bits(&read), bits(values));
    let small = encoder.values(values, true);
    let read = decoder.values(&small, values.len()).unwrap();
    (small, bits(&read))
}

#[test]
fn what_never_changes_takes_next_to_nothing() {
    for (value, bytes) in [(0.0, 1), (1.0, 3), (100.0, 3), (-0.0, 2), (0.1, 9)] {
        let (column, read) = again(&[value; 3600]);
        assert_eq!(column.len(), bytes, "{value}");
        assert_eq!(read, bits(&[value; 3600]));
    }
}

#[test]
fn decimals_are_smaller_than_as_floating_point_numbers() {
    let wave = |i: i64| (5000 + i * i % 997) as f64 / 100.0;
    let values: Vec<f64> = (0..3600).map(wave).collect();
    let (column, read) = again(&values);
    assert_eq!(read, bits(&values));
    let floats = Encoder::default().floats(&values);
    assert!(
        column.len() < floats.len(),
        "{} {}",
        column.len(),
        floats.len()
    );
}

#[test]
fn what_stays_for_long_takes_what_its_changes_take() {
    let steps = |i: i64| (i / 97 * 7919 % 1000) as f64 / 10.0;
    let values: Vec<f64> = (0..9700).map(steps).collect();
    let (column, read) = again(&values);
    assert_eq!(read, bits(&values));
    assert!(column.len() < 250, "{}", column.len());
    // Beside another that goes with it, too.
    let noise: Vec<f64> = (0..9700).map(|i| (i * i % 997) as f64 / 10.0).collect();
    let both = noise.iter().zip(&values);
    let sums: Vec<f64> = both
        .map(|(a, b)| (a * 10.0 + b * 10.0).round() / 10.0)
        .collect();
    let (encoder, mut plain) = (Encoder::default(), Plain::default());
    let stored = [&noise, &sums].map(|column| encoder.beside(column, &mut plain));
    let decoder = Decoder::new(&encoder.header()).unwrap();
    assert_eq!(beside(&stored[1]).unwrap(), Some(1));
    assert!(stored[1].len() < 300, "{}", stored[1].len());
    let read = decoder.values_beside(&stored[1], &stored[0], 9700).unwrap();
    assert_eq!(bits(&read), bits(&sums));
}

/// Values as they are measured, and any others.
fn reading() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-100_000i64..100_000, 0usize..6).prop_map(|(n, power)| n as f64 / POWERS[power]),
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 8.0),
        Just(EXACT),
    ]
}

#[test]
fn what_adds_up_takes_next_to_nothing_beside_each_other() {
    let used = |i: i64| (i * i * 7919) % 100_003;
    let columns: [Vec<f64>; 3] = [
        (0..3600).map(|i| used(i) as f64 / 100.0).collect(),
        (0..3600)
            .map(|i| (800_000 - used(i)) as f64 / 100.0)
            .collect(),
        (0..3600).map(|i| (used(i) + 17) as f64 / 100.0).collect(),
    ];
    let encoder = Encoder::default();
    let decoder = Decoder::new(&encoder.header()).unwrap();
    let mut plain = Plain::default();
    let stored = columns
        .each_ref()
        .map(|column| encoder.beside(column, &mut plain));
    assert!(stored[0].len() > 1000);
    for (i, column) in [(1, 1), (2, 2)] {
        assert!(stored[i].len() < 20, "{}", stored[i].len());
        assert_eq!(beside(&stored[i]).unwrap(), Some(i));
        let read = decoder.values_beside(&stored[i], &stored[0], 3600).unwrap();
        assert_eq!(bits(&read), bits(&columns[column]));
    }
}

#[test]
fn nothing_is_stored_beside_what_is_smaller_as_floating_point_numbers() {
    // Powers of two: long as decimals, short in binary.
    let half = |i: u64| 0.5f64.powi((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as i32 % 12);
    let first: Vec<f64> = (0..3000).map(half).collect();
    let second: Vec<f64> = first.iter().map(|value| value + 1.0).collect();
    let encoder = Encoder::default();
    let decoder = Decoder::new(&encoder.header()).unwrap();
    let mut plain = Plain::default();
    let stored = [&first, &second].map(|column| encoder.beside(column, &mut plain));
    assert_eq!(stored[0][0], FLOATS);
    assert_eq!(beside(&stored[1]).unwrap(), None);
    for (stored, column) in stored.iter().zip([first, second]) {
        assert_eq!(bits(&decoder.values(stored, 3000).unwrap()), bits(&column));
    }
}

proptest! {
    #[test]
    fn columns_beside_each_other_read_back_as_themselves(
        values in vec(vec(reading(), 200), 2..5),
        moved in -1000i64..1000,
    ) {
        let mut columns = values;
        // One that goes with the first, and one that goes against it.
        let first = columns[0].clone();
        columns.push(first.iter().map(|v| v + moved as f64).collect());
        columns.push(first.iter().map(|v| moved as f64 - v).collect());
        let encoder = Encoder::default();
        let decoder = Decoder::new(&encoder.header()).unwrap();
        let mut plain = Plain::default();
        let stored: Vec<_> = columns.iter().map(|c| encoder.beside(c, &mut plain)).collect();
        for (i, column) in columns.iter().enumerate() {
            let read = match beside(&stored[i])? {
                Some(before) => decoder.values_beside(&stored[i], &stored[i - before], 200)?,
                None => decoder.values(&stored[i], 200)?,
            };
            prop_assert_eq!(bits(&read), bits(column));
        }
    }

    #[test]
    fn values_read_back_as_themselves(values in vec(reading(), 1..300)) {
        let (_, read) = again(&values);
        prop_assert_eq!(read, bits(&values));
    }

    #[test]
    fn runs_read_back_as_themselves(runs in vec((reading(), 1usize..60), 1..40)) {
        let run = |(value, length): &(f64, usize)| std::iter::repeat_n(*value, *length);
        let values: Vec<f64> = runs.iter().flat_map(run).collect();
        let (_, read) = again(&values);
        prop_assert_eq!(read, bits(&values));
    }

    #[test]
    fn decimals_read_back_as_themselves(values in vec(-1_000_000i64..1_000_000, 1..300), power in 0usize..9) {
        let values: Vec<f64> = values.iter().map(|n| *n as f64 / POWERS[power]).collect();
        let (_, read) = again(&values);
        prop_assert_eq!(read, bits(&values));
    }

    #[test]
    fn whole_numbers_read_back_as_themselves(values in vec(any::<i64>(), 1..200), near in vec(0i64..1000, 1..200)) {
        let encoder = Encoder::default();
        let decoder = Decoder::new(&encoder.header()).unwrap();
        for values in [values, near] {
            for thorough in [false, true] {
                let column = encoder.whole_numbers(&values, thorough);
                prop_assert_eq!(&decoder.whole_numbers(&column, values.len())?, &values);
            }
        }
    }

    #[test]
    fn nothing_that_is_read_panics(
        mut bytes in vec(any::<u8>(), 0..200),
        rows in 0usize..1000,
        kind in 0u8..9,
    ) {
        // Few would have a kind that there is.
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        let decoder = Decoder::new(&Encoder::default().header()).unwrap();
        let _ = decoder.values(&bytes, rows);
        let _ = decoder.whole_numbers(&bytes, rows);
        let _ = decoder.values_beside(&bytes, &bytes, rows);
    }
}
