//! A life of the server that is over: what one leaves in its data folder that ran at another time, or by another clock. The
//! store itself writes it; only the clock is the test's.

use std::{path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use tickwire::{
    entry::{Entry, What},
    model::{
        Activity, HostName, Kind, Labels, MetricName, Seq, SeriesKey, SeriesSpec, SourceId,
        Timestamp, Unit,
    },
    series::{Registry, Writer},
    store::{Options, Store, retention::Retention},
};

/// Entries that are handed over together.
const TOGETHER: usize = 100;

/// See the module.
pub struct Life {
    store: Store,
    threads: Vec<JoinHandle<()>>,
    series: Writer,
    head: Seq,
    waiting: Vec<Arc<Entry>>,
}

impl Life {
    /// Begins one in a data folder, at this time.
    pub fn begin(data: &Path, now: Timestamp) -> Self {
        let for_ever = Duration::from_secs(36_500 * 86_400);
        let options = Options {
            now,
            suffix: 0x11fe,
            history: 100,
            queue_bytes: usize::MAX,
            retention: Retention {
                samples: for_ever,
                minutes: for_ever,
                hours: for_ever,
                max_bytes: u64::MAX,
            },
        };
        let (store, threads, _) = Store::open(data, options).expect("a store");
        let mut running = vec![std::thread::spawn(|| threads.writer.run())];
        running.extend(threads.compactor.map(|c| std::thread::spawn(|| c.run())));
        let readers = threads.readers.into_iter();
        running.extend(readers.map(|reader| std::thread::spawn(|| reader.run())));
        Self {
            store,
            threads: running,
            series: Registry::new(1000).1,
            head: 0,
            waiting: Vec::new(),
        }
    }

    /// A batch of host `push`, measured and received at this time.
    pub fn samples(&mut self, at: Timestamp, samples: &[(&str, f64)]) {
        let spec = |(name, _): &(&str, f64)| SeriesSpec {
            key: SeriesKey {
                host: HostName::parse("push").expect("a name"),
                name: MetricName::parse(name).expect("a name"),
                labels: Labels::default(),
            },
            unit: Unit::parse("").expect("a unit"),
            kind: Kind::Gauge,
        };
        let specs: Vec<_> = samples.iter().map(spec).collect();
        let known = self.series.resolve(&SourceId::new("push"), &specs);
        let layout: Vec<_> = known.into_iter().map(|s| s.expect("room")).collect();
        let what = What::Samples {
            timestamp: at,
            layout: layout.into(),
            values: samples.iter().map(|(_, value)| *value).collect(),
            offsets: None,
        };
        self.entry(at, samples.len() as Seq, what);
    }

    /// A line of the feed.
    pub fn line(&mut self, at: Timestamp, message: &str) {
        let activity = Arc::new(Activity::new("test", message.to_owned(), at));
        let json = serde_json::to_string(&activity).expect("JSON");
        let json = format!(",{}", &json[1..json.len() - 1]).into();
        self.entry(at, 1, What::Activity { activity, json });
    }

    fn entry(&mut self, received: Timestamp, count: Seq, what: What) {
        let first = self.head + 1;
        self.head += count;
        self.waiting.push(Arc::new(Entry {
            first,
            last: self.head,
            received,
            what,
        }));
        if self.waiting.len() >= TOGETHER {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.store.entries(std::mem::take(&mut self.waiting), None);
    }

    /// Ends it in order, at this time; blocks until all is written.
    pub fn end(mut self, now: Timestamp) {
        self.hand_over();
        self.store.close(now);
        for thread in self.threads {
            thread.join().expect("a thread of the store");
        }
    }
}
