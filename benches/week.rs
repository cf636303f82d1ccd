//! A past to look at: days of the simulated world, one sample a second of each series, written into a folder as a server
//! that had been there would have written it. With a mark each six hours, so that there is something to find.
//!
//! `cargo bench --bench week -- --folder DIR [--days 7]`, then `tickwire --data DIR`, then
//! `node tests/browser/browse.mjs http://127.0.0.1:8080`, which goes through it in a browser and says how long that takes.

use std::{path::PathBuf, sync::Arc, sync::atomic::Ordering::Relaxed, thread, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use tickwire::{
    entry::{Entry, What},
    model::{Activity, Clock, SourceId, Timestamp},
    pipeline,
    series::Registry,
    sources::{Source as _, simulated::SimulatedSource},
    store::{self, Store, retention::Retention},
};

/// Jobs that may wait for the writer; with more it would drop some.
const WAITING: u64 = 256;
/// For ever.
const AGES: Duration = Duration::from_secs(36_500 * 86_400);

/// Writes days of the simulated world into a folder.
#[derive(Parser, Debug)]
#[command(name = "week")]
struct Options {
    /// The data folder; one that no server has used yet
    #[arg(long)]
    folder: Option<PathBuf>,
    /// How many days, up to now
    #[arg(long, default_value_t = 7.0)]
    days: f64,
    /// The seed of the world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // `cargo test --all-targets` and `cargo bench` run it without a word.
    let Some(folder) = options.folder else {
        println!("week: skipped: no --folder to write into");
        return Ok(());
    };
    std::fs::create_dir_all(&folder)?;
    let seconds = (options.days * 86_400.0) as i64;
    let now = Clock::default().now();
    let begin = now.minus(Duration::from_secs(seconds.unsigned_abs()));
    let store_options = store::Options {
        now: begin,
        suffix: rand::random(),
        history: 1000,
        queue_bytes: 1 << 40,
        retention: Retention {
            samples: AGES,
            minutes: AGES,
            hours: AGES,
            max_bytes: 1 << 40,
        },
    };
    let (store, threads, _) = Store::open(&folder, store_options)?;
    let writer = thread::spawn(move || threads.writer.run());
    let compactor = threads
        .compactor
        .context("the folder cannot be written to")?;
    let compactor = thread::spawn(move || compactor.run());
    let (samples, head) = fill(&store, (begin, seconds), options.seed)?;
    store.close(now);
    for thread in [writer, compactor] {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread of the store broke off"))?;
    }
    println!(
        "{samples} samples of {} days in {}, {head} numbers",
        options.days,
        folder.display()
    );
    Ok(())
}

/// Samples second by second; how many they were, and the last number.
fn fill(
    store: &Store,
    (begin, seconds): (Timestamp, i64),
    seed: u64,
) -> anyhow::Result<(u64, u64)> {
    let (_registry, mut registry) = Registry::new(10_000);
    let owner = SourceId::new("simulated");
    let mut world = SimulatedSource::new(seed, Duration::from_secs(1));
    let mut entries: Vec<Arc<Entry>> = Vec::new();
    let (mut head, mut samples) = (0, 0);
    for second in 0..seconds {
        let now = begin.plus(Duration::from_secs(second.unsigned_abs()));
        let reading = world.sample(now)?;
        for batch in reading.batches {
            let layout: Result<Vec<_>, _> = registry
                .resolve(&owner, &batch.layout)
                .into_iter()
                .collect();
            let length = batch.values.len() as u64;
            entries.push(Arc::new(Entry {
                first: head + 1,
                last: head + length,
                received: now,
                what: What::Samples {
                    timestamp: now,
                    layout: layout?.into(),
                    values: batch.values.into(),
                    offsets: None,
                },
            }));
            head += length;
            samples += length;
        }
        let said = reading.activities.into_iter();
        let mut lines: Vec<Activity> = said
            .map(|message| Activity {
                host: message.host,
                ..Activity::new(message.kind, message.text, now)
            })
            .collect();
        if second % 21_600 == 10_800 {
            lines.push(deploy(second, now));
        }
        for activity in lines {
            let json = pipeline::activity_fields(&activity).into();
            head += 1;
            entries.push(Arc::new(Entry {
                first: head,
                last: head,
                received: now,
                what: What::Activity {
                    activity: Arc::new(activity),
                    json,
                },
            }));
        }
        if second % 10 == 9 {
            while store.counts().waiting.load(Relaxed) > WAITING {
                thread::sleep(Duration::from_millis(1));
            }
            store.entries(std::mem::take(&mut entries), None);
        }
    }
    store.entries(entries, None);
    Ok((samples, head))
}

/// A mark on ten minutes.
fn deploy(second: i64, now: Timestamp) -> Activity {
    let message = format!("simulated release {}", second / 21_600 + 1);
    Activity {
        id: Some(uuid::Uuid::now_v7()),
        until: Some(now.plus(Duration::from_secs(600))),
        ..Activity::new("deploy", message, now)
    }
}
