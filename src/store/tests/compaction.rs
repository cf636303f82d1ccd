//! What becomes of blocks: larger ones, minutes, hours.

use super::*;

#[test]
fn quarters_become_hours_and_days_and_minutes_and_hours() {
    let known = series(3);
    let mut bench = Bench::open(&Arc::new(TempDir::new().unwrap()), BEGIN, LONG);
    // A sample each minute for 40 days.
    for day in 0..40 {
        let entries = (0..1440).map(|minute| {
            let now = BEGIN + (day * 1440 + minute) * 60_000;
            bench.samples((now, now), &known, &[minute as f64, 1.5, day as f64])
        });
        let entries = entries.collect::<Vec<_>>();
        for quarter in entries.chunks(15) {
            bench.write(quarter.to_vec());
            bench.compact();
        }
    }
    let widths: BTreeMap<i64, usize> =
        bench
            .blocks(0)
            .iter()
            .fold(BTreeMap::new(), |mut widths, block| {
                *widths.entry(block.slot).or_default() += 1;
                widths
            });
    assert!(widths[&14_400] >= 39 * 6, "{widths:?}");
    assert!(widths.get(&900).copied().unwrap_or(0) < 8, "{widths:?}");
    let minutes = bench.blocks(60).len();
    assert!((230..=245).contains(&minutes), "{minutes}");
    let hours = bench.blocks(3600).len();
    assert!((4..=6).contains(&hours), "{hours}");
    let unrolled = bench.blocks(0).iter().filter(|block| !block.rolled).count();
    assert!(unrolled < 12, "{unrolled}");
}

#[test]
fn a_quarter_of_many_samples_becomes_one_block_when_it_is_over() {
    const SERIES: usize = 1_000;
    let known = series(SERIES);
    let mut bench = Bench::open(&Arc::new(TempDir::new().unwrap()), BEGIN, LONG);
    let first = BEGIN.div_euclid(900_000) * 900_000 + 900_000;
    let mut widths = Vec::new();
    let mut written = Vec::new();
    for half_minute in 0..31 {
        let entries = (0..20).map(|i| {
            let now = first + (half_minute * 20 + i) * 1_500;
            let value = |n| n as f64 + i as f64 / 10.0;
            bench.samples(
                (now, now),
                &known,
                &(0..SERIES).map(value).collect::<Vec<_>>(),
            )
        });
        let entries = entries.collect::<Vec<_>>();
        written.extend(entries.iter().map(|entry| said(entry)));
        bench.write(entries);
        bench.compact();
        let blocks = bench.blocks(0);
        widths.push(blocks.iter().map(|block| block.slot).collect::<Vec<_>>());
    }
    assert_eq!(widths[28], [0], "the first before the quarter is over");
    assert_eq!(widths[30], [900]);
    let quarter = &bench.blocks(0)[0];
    assert_eq!(quarter.samples, 600 * SERIES as u64);
    // More than is unpacked at once.
    let read = bench.everything();
    assert!(read.iter().map(|(_, entry)| said(entry)).eq(written));
    assert!(bench.unpacked.is_empty());
}
