//! What goes when, and what is known of what is left.

use uuid::Uuid;

use super::*;
use crate::{
    model::event::MAX_ANNOTATIONS,
    store::{catalogue::Catalogue, retention::enforce},
};

#[test]
fn old_samples_go_and_their_minutes_stay() {
    let known = series(2);
    let day = 86_400;
    let retention = Retention {
        samples: Duration::from_secs(3 * day),
        ..LONG
    };
    let mut bench = Bench::open(&Arc::new(TempDir::new().unwrap()), BEGIN, retention);
    let mut model = Model::new();
    for minute in 0..10 * 1440 {
        let now = BEGIN + minute * 60_000;
        let value = (minute % 977) as f64 / 10.0;
        model.insert(now, value);
        let entry = bench.samples((now, now), &known, &[value, 1.0]);
        bench.write(vec![entry]);
        if minute % 15 == 0 {
            bench.compact();
        }
    }
    let end = BEGIN + 10 * 1440 * 60_000;
    let oldest = bench.blocks(0)[0].from.as_millis();
    assert!((end - oldest) / 1000 < 4 * day as i64, "{oldest}");
    let query = |step| Query {
        series: vec![0],
        from: Timestamp::from_millis(BEGIN),
        to: Timestamp::from_millis(end),
        step,
        figures: Figures::ALL,
    };
    let step = Step::exact(600_000);
    let read = history::read(&bench.stored(), &[query(Some(step)), query(None)]).unwrap();
    let Rows::Steps(rows) = &read[0] else {
        panic!("{read:?}")
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|r| (r.bucket, r.min, r.max, r.count, r.last))
        .collect();
    assert_eq!(rows, model_steps(&model, (BEGIN, end), 600_000));
    // Without a step the minutes stand for what went: here each has one sample.
    let samples = model
        .into_iter()
        .map(|(t, v)| (t.div_euclid(60_000) * 60_000, v))
        .collect();
    assert_eq!(read[1], Rows::Samples(samples));
}

#[test]
fn annotations_stay_as_long_as_anything_and_the_newest_of_too_many() {
    let day = 86_400_000;
    let retention = Retention {
        samples: Duration::from_secs(2 * 86_400),
        minutes: Duration::from_secs(4 * 86_400),
        hours: Duration::from_secs(4 * 86_400),
        ..LONG
    };
    let folder = Arc::new(TempDir::new().unwrap());
    let mut bench = Bench::open(&folder, BEGIN, retention);
    let known = series(1);
    let mut marks: u128 = 0;
    let mut mark = |bench: &mut Bench, now: i64, message: &str, until: Option<i64>| {
        marks += 1;
        let activity = Activity {
            id: Some(Uuid::from_u128(marks)),
            until: until.map(Timestamp::from_millis),
            ..Activity::new("mark", message.to_owned(), Timestamp::from_millis(now))
        };
        bench.activity(now, activity)
    };
    let stood = |folder: &TempDir| -> Vec<String> {
        let (.., past) = Store::open(folder.path(), options(BEGIN + 100 * day, retention)).unwrap();
        past.annotations.into_iter().map(|a| a.message).collect()
    };
    let mut first = vec![mark(&mut bench, BEGIN, "old", None)];
    first.push(mark(&mut bench, BEGIN, "long", Some(BEGIN + 3 * day)));
    bench.write(first);
    for hour in 0..6 * 24 {
        let now = BEGIN + hour * 3_600_000;
        let entry = bench.samples((now, now), &known, &[1.0]);
        bench.write(vec![entry]);
        bench.compact();
    }
    let folder = bench.close(BEGIN + 6 * day);
    assert_eq!(stood(&folder), ["long"]);

    let now = BEGIN + 7 * day;
    let mut bench = Bench::open(&folder, now, retention);
    let many = (0..=MAX_ANNOTATIONS).map(|i| mark(&mut bench, now, &i.to_string(), None));
    let many = many.collect();
    bench.write(many);
    for quarter in 0..3 {
        let now = now + quarter * 900_000;
        let entry = bench.samples((now, now), &known, &[1.0]);
        bench.write(vec![entry]);
        bench.compact();
    }
    let stood = stood(&bench.close(now + day));
    assert_eq!(stood.len(), MAX_ANNOTATIONS);
    assert_eq!(stood[0], "1");
}

#[test]
fn the_size_is_kept_and_the_newest_wins() {
    let known = series(40);
    let retention = Retention {
        max_bytes: 400_000,
        ..LONG
    };
    let mut bench = Bench::open(&Arc::new(TempDir::new().unwrap()), BEGIN, retention);
    let mut noise = 1u64;
    for second in 0..4 * 3600 {
        let now = BEGIN + second * 1000;
        let values: Vec<f64> = known
            .iter()
            .map(|_| {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (noise >> 50) as f64
            })
            .collect();
        let entry = bench.samples((now, now), &known, &values);
        bench.write(vec![entry]);
        if second % 900 == 0 {
            bench.compact();
        }
    }
    bench.compact();
    let blocks = bench.blocks(0);
    assert!(blocks.len() > 1, "{blocks:?}");
    assert!(blocks[0].from.as_millis() > BEGIN, "nothing went");
    let first = &bench.everything()[0].1;
    assert_eq!(first.first, blocks.iter().map(|b| b.first).min().unwrap());
    let pages: i64 = bench
        .read
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    // And a quarter of an hour in the journal, and what that leaves free.
    let bytes = pages * crate::store::schema::PAGE_BYTES as i64;
    assert!(bytes < 1_000_000, "{bytes} bytes");
    assert!(bench.writer.counts.blocks_removed.load(Ordering::Relaxed) > 0);
    // The minutes of what went were made before, though its four hours are not over.
    let query = Query {
        series: vec![0],
        from: Timestamp::from_millis(BEGIN),
        to: Timestamp::from_millis(BEGIN + 4 * 3_600_000),
        step: Some(Step::exact(60_000)),
        figures: Figures::ALL,
    };
    let read = history::read(&bench.stored(), &[query]).unwrap();
    let Rows::Steps(rows) = &read[0] else {
        panic!("{read:?}")
    };
    let counts: Vec<_> = rows.iter().map(|row| row.count).collect();
    assert_eq!(counts, [60.0; 240]);
}

#[test]
fn a_series_is_forgotten_only_with_the_transaction_that_deletes_it() {
    let known = series(2);
    let mut bench = Bench::open(&Arc::new(TempDir::new().unwrap()), BEGIN, LONG);
    let both = bench.samples((BEGIN, BEGIN), &known, &[1.0, 2.0]);
    bench.write(vec![both]);
    for hour in 0..20 * 24 {
        let now = BEGIN + hour * 3_600_000;
        let entry = bench.samples((now, now), &known[..1], &[1.0]);
        bench.write(vec![entry]);
        bench.compact();
    }
    let two_days = Duration::from_secs(2 * 86_400);
    let short = Retention {
        samples: two_days,
        minutes: two_days,
        hours: two_days,
        ..LONG
    };
    let enforced = |writer: &mut Writer| {
        let Writer {
            database,
            catalogue,
            counts,
            ..
        } = writer;
        enforce(database, catalogue, &short, counts)
    };
    let writer = &mut bench.writer;
    writer.database.commit_hook(Some(|| true)).unwrap();
    for _ in 0..5 {
        assert!(enforced(writer).is_err());
        assert_eq!(writer.catalogue.count(), 2);
    }
    writer.database.commit_hook(None::<fn() -> bool>).unwrap();
    for _ in 0..5 {
        assert!(!enforced(writer).unwrap());
    }
    assert_eq!(writer.catalogue.count(), 1);
    let stored = Catalogue::load(&bench.read).unwrap();
    assert_eq!(stored.count(), 1);
    // It comes again as any other.
    let again = bench.samples((BEGIN + 1, BEGIN + 1), &known, &[1.0, 2.0]);
    bench.write(vec![again]);
    assert_eq!(bench.writer.catalogue.count(), 2);
}

#[test]
fn when_a_series_was_seen_is_known_after_a_kill() {
    let known = series(1);
    let folder = Arc::new(TempDir::new().unwrap());
    let mut bench = Bench::open(&folder, BEGIN, LONG);
    for second in [5, 0, 60, 30] {
        let measured = BEGIN + second * 1000;
        let entry = bench.samples((BEGIN + 60_000, measured), &known, &[1.0]);
        bench.write(vec![entry]);
    }
    let seen = |catalogue: &Catalogue| {
        let all = catalogue.matching(|_| true);
        (all[0].first.as_millis(), all[0].last.as_millis())
    };
    drop(bench);
    for _ in 0..2 {
        let mut bench = Bench::open(&folder, BEGIN + 120_000, LONG);
        assert_eq!(seen(&bench.writer.catalogue), (BEGIN, BEGIN + 60_000));
        bench.compact();
    }
}
