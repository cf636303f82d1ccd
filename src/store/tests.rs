//! Everything that was written is read back equal, whatever the compactor made of it meanwhile; without threads, so that
//! each step is looked at.

mod clock;
mod compaction;
mod retention;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{
    compactor::{Compactor, Poke},
    history::{self, Figures, Past as Rows, Query, Step},
    past::{self, unpacked::Unpacked},
    readers::Stored,
    retention::Retention,
    writer::{Job, Writer},
    *,
};
use crate::{
    entry::{
        Entry, What,
        past::{Fits, Found, From, Place, Wanted},
    },
    model::{
        Activity, HostName, Kind, Labels, MetricName, Seq, SeriesKey, SeriesSpec, SourceId,
        Timestamp, Unit,
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
    unpacked: Unpacked,
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
            unpacked: Unpacked::default(),
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
            unpacked: &self.unpacked,
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
        self.after(From::Oldest)
    }

    /// Likewise what comes after a place.
    fn after(&self, mut from: From) -> Vec<(u32, Arc<Entry>)> {
        let mut all = Vec::new();
        let fits: Arc<Fits> = Arc::new(|_: &Series| true);
        loop {
            let wanted = Wanted {
                from,
                series: Some(fits.clone()),
                alerts: true,
                activity: true,
                notifications: true,
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
        What::Alert { json, .. } | What::Delivery { json, .. } => format!("{} {json}", entry.first),
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
        unpacked_at_once in prop_oneof![1usize..2000, Just(1 << 20)],
    ) {
        let known = series(6);
        let layouts = [&known[..4], &known[4..5], &known[1..3], &known[..]];
        let mut folder = Arc::new(TempDir::new().unwrap());
        let mut now = BEGIN;
        let mut written: Vec<((u32, Seq), String)> = Vec::new();
        let mut models = vec![Model::new(); known.len()];
        let last = lives.len() - 1;
        for (life, happenings) in lives.into_iter().enumerate() {
            let mut bench = Bench::open(&folder, now, LONG);
            bench.unpacked = Unpacked::in_stretches_of(unpacked_at_once);
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
                written.push(((boot, entry.last), said(&entry)));
                bench.write(vec![entry]);
                if i % compact_each == 0 {
                    bench.compact();
                }
            }
            let read = |bench: &Bench, from| -> Vec<((u32, Seq), String)> {
                let all = bench.after(from).into_iter();
                all.map(|(boot, entry)| ((boot, entry.last), said(&entry))).collect()
            };
            prop_assert_eq!(&read(&bench, From::Oldest), &written);
            bench.compact();
            prop_assert_eq!(&read(&bench, From::Oldest), &written);
            // From anywhere, also from between the samples of a batch, which then comes whole.
            for (share, ..) in &cuts {
                let ((boot, last), _) = written[(written.len() as f64 * share) as usize];
                let place = Place { boot, after: last - 1 };
                let later = written.iter().filter(|(of, _)| *of > (boot, last - 1));
                let later: Vec<_> = later.cloned().collect();
                prop_assert_eq!(&read(&bench, From::Place(place)), &later);
            }
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
                    let expected = model.range(from..to).map(|(t, v)| (*t, *v)).collect();
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
