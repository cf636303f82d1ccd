//! Everything that was written is read back equal, whatever the compactor made of it meanwhile; without threads, so that
//! each step is looked at.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    catalogue::Catalogue,
    compactor::{Compactor, Poke},
    history::{self, Figures, Past as Rows, Query, Step},
    past,
    readers::Stored,
    retention::Retention,
    writer::{Job, Writer},
    *,
};
use crate::{
    entry::{
        Entry, What,
        past::{Found, From, Place, Wanted},
    },
    model::{
        Activity, HostName, Kind, Labels, MetricName, Seq, SeriesKey, SeriesSpec, SourceId,
        Timestamp, Unit, event::MAX_ANNOTATIONS,
    },
    series::{Registry, Series},
};

/// 2026-01-01, a quarter of an hour before midnight.
const BEGIN: i64 = 1_767_225_600_000 - 900_000;

fn series(count: usize) -> Vec<Arc<Series>> {
    let spec = |i: usize| SeriesSpec {
        key: SeriesKey {
            host: HostName::parse("web1").unwrap(),
            name: MetricName::parse(&format!("m{i}")).unwrap(),
            labels: Labels::default(),
        },
        unit: Unit::parse("%").unwrap(),
        kind: Kind::Gauge,
    };
    let specs: Vec<_> = (0..count).map(spec).collect();
    let (_, mut writer) = Registry::new(1000);
    let resolved = writer.resolve(&SourceId::new("test"), &specs);
    resolved.into_iter().map(Result::unwrap).collect()
}

fn options(now: i64, retention: Retention) -> Options {
    Options {
        now: Timestamp::from_millis(now),
        suffix: 7,
        history: 10,
        queue_bytes: 1 << 20,
        retention,
    }
}

/// A store whose threads are this one.
struct Bench {
    folder: Arc<TempDir>,
    _store: Store,
    writer: Writer,
    compactor: Compactor,
    read: Connection,
    head: Seq,
}

impl Bench {
    fn open(folder: &Arc<TempDir>, now: i64, retention: Retention) -> Self {
        let (store, threads, past) = Store::open(folder.path(), options(now, retention)).unwrap();
        assert_eq!(past.notice, None);
        Self {
            folder: folder.clone(),
            _store: store,
            writer: threads.writer,
            compactor: threads.compactor.unwrap(),
            read: compactor::open(&folder.path().join(FILE)).unwrap(),
            head: 0,
        }
    }

    fn write(&mut self, entries: Vec<Arc<Entry>>) {
        let job = Job::Entries {
            entries,
            engine: None,
        };
        self.writer.write(&[job]).unwrap();
    }

    /// Does all there is to do.
    fn compact(&mut self) {
        let mut crowded = false;
        while let Some(work) = self.compactor.next(&self.read, crowded).unwrap() {
            self.writer.write(&[Job::Compacted(work)]).unwrap();
            let told = self.compactor.inlet.try_iter().last();
            crowded = matches!(told, Some(Poke::Crowded));
        }
    }

    fn close(mut self, now: i64) -> Arc<TempDir> {
        let now = Timestamp::from_millis(now);
        self.writer.write(&[Job::Close(now)]).unwrap();
        self.folder
    }

    fn stored(&self) -> Stored<'_> {
        Stored {
            database: &self.read,
            catalogue: &self.writer.catalogue,
            counts: &self.writer.counts,
        }
    }

    fn blocks(&self, tier: i64) -> Vec<rows::Meta> {
        rows::blocks(&self.read, "tier = ?1 ORDER BY id", [tier]).unwrap()
    }

    fn entry(&mut self, received: i64, count: usize, what: What) -> Arc<Entry> {
        let first = self.head + 1;
        self.head += count as Seq;
        Arc::new(Entry {
            first,
            last: self.head,
            received: Timestamp::from_millis(received),
            what,
        })
    }

    fn samples(
        &mut self,
        (received, measured): (i64, i64),
        of: &[Arc<Series>],
        values: &[f64],
    ) -> Arc<Entry> {
        let what = What::Samples {
            timestamp: Timestamp::from_millis(measured),
            layout: of.into(),
            values: values.into(),
            offsets: None,
        };
        self.entry(received, of.len(), what)
    }

    fn line(&mut self, received: i64, message: &str) -> Arc<Entry> {
        let at = Timestamp::from_millis(received);
        self.activity(received, Activity::new("test", message.to_owned(), at))
    }

    fn activity(&mut self, received: i64, activity: Activity) -> Arc<Entry> {
        let activity = Arc::new(activity);
        let json = serde_json::to_string(&activity).unwrap();
        let json = format!(",{}", &json[1..json.len() - 1]).into();
        self.entry(received, 1, What::Activity { activity, json })
    }

    /// Reads all lives from the first on, as a stream does.
    fn everything(&self) -> Vec<(u32, Arc<Entry>)> {
        let mut from = From::Oldest;
        let mut all = Vec::new();
        loop {
            let wanted = Wanted {
                from,
                series: Some(Arc::new(|_: &Series| true)),
                alerts: true,
                activity: true,
            };
            let present = self.writer.epoch.boot;
            let (place, found) = past::read(&self.stored(), present, &wanted).unwrap();
            match found {
                Found::Entries { entries, upto } => {
                    all.extend(entries.into_iter().map(|entry| (place.boot, entry)));
                    from = From::Place(Place {
                        after: upto,
                        ..place
                    });
                }
                Found::Over { next, whole, .. } => {
                    assert!(whole);
                    from = From::Place(next);
                }
                Found::NotYet => return all,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What an entry says, to compare.
fn said(entry: &Entry) -> String {
    match &entry.what {
        What::Samples {
            timestamp,
            layout,
            values,
            ..
        } => {
            let names: Vec<_> = layout.iter().map(|s| s.key().name.as_str()).collect();
            let values: Vec<_> = values.iter().map(|v| v.to_bits()).collect();
            let (first, last, received) = (entry.first, entry.last, entry.received);
            format!("{first}-{last} {received} {timestamp} {names:?} {values:?}")
        }
        What::Activity { json, .. } => format!("{} {} {json}", entry.first, entry.received),
        What::Alert { json, .. } => format!("{} {json}", entry.first),
    }
}

const LONG: Retention = Retention {
    samples: Duration::from_secs(1000 * 86_400),
    minutes: Duration::from_secs(1000 * 86_400),
    hours: Duration::from_secs(1000 * 86_400),
    max_bytes: 1 << 40,
};

/// Something that happens: so long after the one before (in seconds), what, and how late samples are (in seconds).
type Happening = (i64, usize, Option<i64>, f64);

fn happenings() -> impl Strategy<Value = Vec<Vec<Happening>>> {
    let wait = prop_oneof![0i64..5, 100i64..2000, 3000i64..40_000, Just(3 * 86_400)];
    let late = proptest::option::weighted(0.1, 0i64..7200);
    let value = prop_oneof![
        (0i64..10_000).prop_map(|n| n as f64 / 100.0),
        -1e300..1e300,
        Just(0.0)
    ];
    vec(vec((wait, 0usize..5, late, value), 1..60), 1..4)
}

/// Every sample of a series by the time it was measured; of one time the last.
type Model = BTreeMap<i64, f64>;

fn model_steps(model: &Model, (from, to): (i64, i64), step: i64) -> Vec<(i64, f64, f64, f64, f64)> {
    let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (time, value) in model.range(from..to) {
        steps.entry(time.div_euclid(step)).or_default().push(*value);
    }
    let of = |(bucket, values): (i64, Vec<f64>)| {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (
            bucket,
            min,
            max,
            values.len() as f64,
            values[values.len() - 1],
        )
    };
    steps.into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_was_written_is_read_back_whatever_was_made_of_it(
        lives in happenings(),
        compact_each in 1usize..30,
        cuts in vec((0.0f64..1.0, 0.0f64..1.0, 0usize..6), 1..8),
    ) {
        let known = series(6);
        let layouts = [&known[..4], &known[4..5], &known[1..3], &known[..]];
        let mut folder = Arc::new(TempDir::new().unwrap());
        let mut now = BEGIN;
        let mut written: Vec<(u32, String)> = Vec::new();
        let mut models = vec![Model::new(); known.len()];
        let last = lives.len() - 1;
        for (life, happenings) in lives.into_iter().enumerate() {
            let mut bench = Bench::open(&folder, now, LONG);
            let boot = bench.writer.epoch.boot;
            for (i, (wait, which, late, value)) in happenings.into_iter().enumerate() {
                now += wait * 1000;
                let entry = match layouts.get(which) {
                    None => bench.line(now, "a line"),
                    Some(layout) => {
                        let values: Vec<_> = (0..layout.len()).map(|n| value + n as f64).collect();
                        let measured = now - late.unwrap_or(0) * 1000;
                        for (series, value) in layout.iter().zip(&values) {
                            models[series.id.index()].insert(measured, *value);
                        }
                        bench.samples((now, measured), layout, &values)
                    }
                };
                written.push((boot, said(&entry)));
                bench.write(vec![entry]);
                if i % compact_each == 0 {
                    bench.compact();
                }
            }
            let read = |bench: &Bench| -> Vec<(u32, String)> {
                let all = bench.everything();
                all.iter().map(|(boot, entry)| (*boot, said(entry))).collect()
            };
            prop_assert_eq!(&read(&bench), &written);
            bench.compact();
            prop_assert_eq!(&read(&bench), &written);
            if life < last {
                folder = bench.close(now);
                now += 60_000;
                continue;
            }
            // History, from whichever tiers there are.
            let (begin, end) = (BEGIN - 7_300_000, now + 1000);
            for (a, b, step) in &cuts {
                let steps = [1, 1000, 60_000, 90_000, 3_600_000, 86_400_000];
                let step = match a < b {
                    true => Step::about(steps[*step], 0),
                    false => Step::exact(steps[*step]),
                };
                let at = |share: &f64| begin + ((end - begin) as f64 * share) as i64;
                // A tier has whole rows: the edges of what is asked for are at theirs.
                let even = |time: i64| match step.tier {
                    0 => time,
                    tier => time.div_euclid(tier) * tier,
                };
                let (from, to) = (even(at(a).min(at(b))), even(at(a).max(at(b))));
                for (i, model) in models.iter().enumerate() {
                    let of = bench.writer.catalogue.matching(|s| s.key() == known[i].key());
                    let query = |step| Query {
                        series: of.iter().map(|known| known.number).collect(),
                        from: Timestamp::from_millis(from),
                        to: Timestamp::from_millis(to),
                        step,
                        figures: Figures::ALL,
                    };
                    let read = history::read(&bench.stored(), &[query(None)]).unwrap();
                    let expected: Vec<_> = model.range(from..to).map(|(t, v)| (*t, *v)).collect();
                    prop_assert_eq!(&read[0], &Rows::Samples(expected));
                    let read = history::read(&bench.stored(), &[query(Some(step))]).unwrap();
                    let steps: Vec<_> = match &read[0] {
                        Rows::Steps(rows) => rows
                            .iter()
                            .map(|r| (r.bucket, r.min, r.max, r.count, r.last))
                            .collect(),
                        Rows::Samples(none) => {
                            prop_assert!(none.is_empty());
                            Vec::new()
                        }
                    };
                    prop_assert_eq!(steps, model_steps(model, (from, to), step.millis));
                }
            }
        }
    }
}

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
    let samples: Vec<_> = model
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
    assert!(pages * 4096 < 3_000_000, "{pages} pages");
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
    let enforce = |writer: &mut Writer| {
        let Writer {
            database,
            catalogue,
            counts,
            ..
        } = writer;
        retention::enforce(database, catalogue, &short, counts)
    };
    let writer = &mut bench.writer;
    writer.database.commit_hook(Some(|| true)).unwrap();
    for _ in 0..5 {
        assert!(enforce(writer).is_err());
        assert_eq!(writer.catalogue.count(), 2);
    }
    writer.database.commit_hook(None::<fn() -> bool>).unwrap();
    for _ in 0..5 {
        assert!(!enforce(writer).unwrap());
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
