//! A clock that is wrong, by a day or by years, before it is set right.

use super::*;

/// A day of a life: a sample each five minutes, and a line of the feed each hour.
fn a_day(bench: &mut Bench, begin: i64, known: &[Arc<Series>], value: f64) {
    for i in 0..288 {
        let now = begin + i * 300_000;
        let mut entries = vec![bench.samples((now, now), known, &[value + i as f64, value])];
        if i % 12 == 0 {
            entries.push(bench.line(now, "an hour"));
        }
        bench.write(entries);
        if i % 3 == 0 {
            bench.compact();
        }
    }
}

#[test]
fn a_clock_that_was_years_ahead_takes_nothing_out_and_what_comes_after_it_is_kept() {
    const DAY: i64 = 86_400_000;
    let known = series(2);
    let retention = Retention {
        samples: Duration::from_secs(7 * 86_400),
        minutes: Duration::from_secs(7 * 86_400),
        hours: Duration::from_secs(7 * 86_400),
        ..LONG
    };
    let folder = Arc::new(TempDir::new().unwrap());
    // Two days; a day that the clock says is ten years later; two days after it was set back.
    let lives = [0, 3652, 2].map(|day| BEGIN + day * DAY);
    let mut written = Vec::new();
    for (life, begin) in (0..).zip(lives) {
        let mut bench = Bench::open(&folder, begin, retention);
        bench.compact();
        for day in 0..2 {
            a_day(
                &mut bench,
                begin + day * DAY,
                &known,
                f64::from(life * 10_000),
            );
        }
        bench.compact();
        let read = bench.everything();
        let of_life = read.iter().filter(|(boot, _)| *boot == life as u32 + 1);
        written.extend(of_life.map(|(_, entry)| said(entry)));
        assert!(
            read.iter()
                .map(|(_, entry)| said(entry))
                .eq(written.iter().cloned())
        );
        bench.close(begin + 2 * DAY);
    }
    assert_eq!(written.len(), 3 * 2 * (288 + 24));
    // What was recorded first goes when so much was recorded since, and not before.
    let mut bench = Bench::open(&folder, BEGIN + 4 * DAY, retention);
    for day in 4..8 {
        a_day(&mut bench, BEGIN + day * DAY, &known, 0.0);
    }
    bench.compact();
    let left = bench.everything();
    let boots: Vec<_> = left.iter().map(|(boot, _)| *boot).collect();
    assert!(boots.is_sorted() && !boots.contains(&1), "{:?}", boots[0]);
    assert!(boots.contains(&3));
    let lines = left
        .iter()
        .filter(|(_, e)| matches!(e.what, What::Activity { .. }));
    let kept: i64 = bench
        .read
        .query_row("SELECT count(*) FROM activities", [], |row| row.get(0))
        .unwrap();
    assert_eq!(lines.count() as i64, kept);
}

#[test]
fn what_is_too_much_goes_in_the_order_in_which_it_was_recorded_whatever_the_clock_said() {
    const DAY: i64 = 86_400_000;
    let known = series(2);
    let folder = Arc::new(TempDir::new().unwrap());
    let mut bench = Bench::open(&folder, BEGIN + 3652 * DAY, LONG);
    a_day(&mut bench, BEGIN + 3652 * DAY, &known, 0.5);
    bench.close(BEGIN + 3653 * DAY);
    let least = Retention {
        max_bytes: 1,
        ..LONG
    };
    let mut bench = Bench::open(&folder, BEGIN, least);
    a_day(&mut bench, BEGIN, &known, 0.25);
    bench.compact();
    let blocks = bench.blocks(0);
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    assert_eq!(blocks[0].boot, 2);
}

#[test]
fn a_time_is_looked_for_from_the_newest_on_when_the_clock_was_set_back() {
    let known = series(1);
    let folder = Arc::new(TempDir::new().unwrap());
    let minute = 60_000;
    // The second of three lives was a day ahead.
    for begin in [BEGIN, BEGIN + 86_400_000, BEGIN + 10 * minute] {
        let mut bench = Bench::open(&folder, begin, LONG);
        for i in 0..5 {
            let now = begin + i * minute;
            let entry = bench.samples((now, now), &known, &[i as f64]);
            bench.write(vec![entry]);
        }
        bench.close(begin + 5 * minute);
    }
    let mut bench = Bench::open(&folder, BEGIN + 20 * minute, LONG);
    for compacted in [false, true] {
        if compacted {
            bench.compact();
        }
        let at = |minutes: i64| {
            let wanted = Wanted {
                from: From::Time(Timestamp::from_millis(BEGIN + minutes * minute)),
                series: Some(Arc::new(|_: &Series| true)),
                alerts: true,
                activity: true,
                notifications: true,
            };
            past::read(&bench.stored(), 4, &wanted).unwrap().0
        };
        let place = |boot, after| Place { boot, after };
        assert_eq!(at(-1), place(1, 0));
        assert_eq!(at(2), place(1, 3));
        // What the clock called tomorrow came after this.
        assert_eq!(at(7), place(2, 0));
        assert_eq!(at(12), place(3, 3));
        assert_eq!(at(17), place(4, 0));
        // Tomorrow, it was that life again.
        assert_eq!(at(1440 + 2), place(4, 0));
    }
}
