//! What the threshold engine costs: `cargo bench --bench alerts`, with `-- --quick` for a short one.
//!
//! Every series gets a sample a second, in batches of a host, as a server gets them; then the second passes. Measured is
//! the time the engine takes for all of that, on one thread; what came of it is checked.

use std::{
    hint::black_box,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickwire::{
    alerts::Engine,
    backtest::{Asked, Trial},
    config::{self, rule_from_json},
    entry::{Entry, Layout, What},
    model::{
        HostName, Kind, Labels, MetricName, Rule, SeriesKey, SeriesSpec, SourceId, Timestamp, Unit,
    },
    series::{Registry, Series},
    store::{Options, Store, care, retention::Retention},
};

const SECOND: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const METRICS: usize = 50;
const GOAL: Duration = Duration::from_millis(100);

struct Case {
    what: &'static str,
    rules: Vec<Value>,
    /// How many rules watch each series.
    each: usize,
}

/// A rule on one metric, or all of them, that nothing breaches: values stay below 60.
fn rule(at: usize, metric: &str, aggregate: &str, window: &str) -> Value {
    let mut rule = json!({
        "name": format!("rule_{at}"),
        "metric": metric,
        "aggregate": aggregate,
        "warning": { "fire": 1e5, "clear": 9e4 },
        "critical": { "fire": 2e5, "clear": 1.8e5 },
        "for": "10s",
    });
    if aggregate != "last" {
        rule["window"] = json!(window);
    }
    rule
}

fn cases() -> Vec<Case> {
    let of_its_own = |aggregate: &str, window: &str| -> Vec<Value> {
        let rules = 0..METRICS;
        rules
            .map(|at| rule(at, &format!("metric_{at}"), aggregate, window))
            .collect()
    };
    let kinds = [
        ("last", ""),
        ("avg", "10m"),
        ("max", "10m"),
        ("avg", "1m"),
        ("min", "5m"),
        ("sum", "5m"),
        ("rate", "5m"),
        ("count", "10m"),
        ("p95", "5m"),
        ("last", ""),
    ];
    let mixed = (0..METRICS).map(|at| {
        let (aggregate, window) = kinds[at % kinds.len()];
        rule(at, &format!("metric_{at}"), aggregate, window)
    });
    let all = (0..METRICS).map(|at| rule(at, "metric_*", "last", ""));
    let all_averages = (0..METRICS).map(|at| {
        let window = ["1m", "5m", "10m"][at % 3];
        rule(at, "metric_*", ["avg", "max"][at % 2], window)
    });
    vec![
        Case {
            what: "no rule",
            rules: vec![],
            each: 0,
        },
        Case {
            what: "50 rules, one a series: newest value",
            rules: of_its_own("last", ""),
            each: 1,
        },
        Case {
            what: "50 rules, one a series: average of 10 min",
            rules: of_its_own("avg", "10m"),
            each: 1,
        },
        Case {
            what: "50 rules, one a series: all kinds of values, 1 to 10 min",
            rules: mixed.collect(),
            each: 1,
        },
        Case {
            what: "50 rules, all of them on each series: newest value",
            rules: all.collect(),
            each: 50,
        },
        Case {
            what: "50 rules, all of them on each series: avg and max of 1, 5 and 10 min",
            rules: all_averages.collect(),
            each: 50,
        },
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (hosts, warm_up, measured) = match quick {
        true => (20, 5, 5),
        false => (2_000, 620, 60),
    };
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.and_then(|at| arguments.get(at + 1));
    println!(
        "{} series, a sample of each a second; median and slowest of {measured} seconds",
        hosts * METRICS
    );
    for case in cases() {
        if only.is_some_and(|only| !case.what.contains(only.as_str())) {
            continue;
        }
        run(&case, hosts, warm_up, measured);
    }
    if only.is_none_or(|only| only == "backtest") {
        backtest(quick);
    }
}

/// A day of one series at 1 s, out of a store: read, and run.
fn backtest(quick: bool) {
    let seconds: u32 = if quick { 3_600 } else { 86_400 };
    let folder = tempfile::TempDir::new().expect("a folder");
    let options = Options {
        now: START,
        suffix: 1,
        history: 10,
        queue_bytes: 1 << 30,
        retention: Retention::of(&config::Store::default()),
    };
    let (store, threads, _) = Store::open(folder.path(), options).expect("a store");
    let writer = std::thread::spawn(move || threads.writer.run());
    let compactor = threads.compactor.expect("a folder that is kept");
    let compactor = std::thread::spawn(move || compactor.run());
    let readers = threads.readers.into_iter();
    let readers: Vec<_> = readers
        .map(|r| std::thread::spawn(move || r.run()))
        .collect();
    let (_, mut registry) = Registry::new(10);
    let resolved = registry.resolve(&SourceId::new("bench"), &[spec(0, 0)]);
    let layout: Layout = resolved
        .into_iter()
        .map(|series| series.expect("room"))
        .collect();
    let mut at = START;
    for chunk in 0..seconds / 60 {
        let entries = (0..60).map(|second| {
            at = at.plus(SECOND);
            let n = u64::from(chunk * 60 + second);
            // Between 20 and 80 as a host is, with a peak of a few minutes every two hours.
            let peak = if n % 7200 < 300 { 60.0 } else { 0.0 };
            let value = 20.0 + (n * 7919 % 200) as f64 / 10.0 + peak;
            Arc::new(Entry {
                first: n + 1,
                last: n + 1,
                received: at.plus(Duration::from_millis(n % 7)),
                what: What::Samples {
                    timestamp: at,
                    layout: layout.clone(),
                    values: vec![value].into(),
                    offsets: None,
                },
            })
        });
        store.entries(entries.collect(), None);
    }
    while store.counts().waiting.load(Ordering::Relaxed) > 0
        || store.counts().compacting.load(Ordering::Relaxed)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    let rules = [
        json!({ "name": "newest", "metric": "metric_0", "warning": { "fire": 90, "clear": 70 } }),
        json!({ "name": "average", "metric": "metric_0", "aggregate": "avg", "window": "10m", "warning": { "fire": 40, "clear": 35 } }),
    ];
    for rule in rules {
        let rule = Arc::new(rule_from_json(&rule).expect("a good rule"));
        let mut times = Vec::new();
        let mut report = None;
        for _ in 0..7 {
            let asked = Asked {
                rule: rule.clone(),
                saved: None,
                from: START,
                to: at,
                per_week: None,
                only: None,
            };
            let began = Instant::now();
            let trial = care::read(folder.path(), |stored, position| {
                Trial::read_stored(stored, position.epoch.boot, asked)
            });
            let trial = trial.expect("a store").expect("readable");
            let read = began.elapsed();
            report = Some(trial.run());
            times.push((began.elapsed(), read));
        }
        times.sort_unstable();
        let (whole, read) = times[times.len() / 2];
        let report = report.expect("seven");
        println!(
            "backtest of {} samples of one series, {}: {:.0} ms, {:.0} of them to read; {} alerts{}",
            report.samples,
            rule.name,
            whole.as_secs_f64() * 1e3,
            read.as_secs_f64() * 1e3,
            report.rule.alerts,
            if whole > Duration::from_millis(200) {
                "; MISSED: 200 ms"
            } else {
                ""
            },
        );
        assert!(report.rule.alerts > 0, "{report:?}");
    }
    store.close(at);
    drop(store);
    for thread in readers.into_iter().chain([compactor, writer]) {
        thread.join().expect("it ends in order");
    }
}

fn run(case: &Case, hosts: usize, warm_up: u32, measured: u32) {
    let rules = case
        .rules
        .iter()
        .map(|rule| rule_from_json(rule).expect("a good rule"));
    let rules: Vec<Arc<Rule>> = rules.map(Arc::new).collect();
    let (_, mut writer) = Registry::new(hosts * METRICS);
    let source = SourceId::new("bench");
    let batches: Vec<Vec<Arc<Series>>> = (0..hosts)
        .map(|host| {
            let specs: Vec<_> = (0..METRICS).map(|metric| spec(host, metric)).collect();
            let resolved = writer.resolve(&source, &specs);
            resolved
                .into_iter()
                .map(|series| series.expect("room"))
                .collect()
        })
        .collect();
    let mut engine = Engine::new(rules, 1, SECOND);
    let mut times = Vec::new();
    let mut now = START;
    let before = resident();
    for second in 0..warm_up + measured {
        now = now.plus(SECOND);
        let began = Instant::now();
        let mut events = 0;
        for (host, series) in batches.iter().enumerate() {
            let samples = series.iter().enumerate().map(|(metric, series)| {
                let value = (host * 7 + metric * 3 + second as usize * 11) % 600;
                (series, value as f64 / 10.0)
            });
            events += engine.observe(now, now, Some(SECOND), samples).len();
        }
        events += engine.tick(now).len();
        let took = began.elapsed();
        assert_eq!(black_box(events), 0, "nothing is breached");
        if second >= warm_up {
            times.push(took);
        }
    }
    times.sort_unstable();
    let median = times[times.len() / 2];
    let slowest = times[times.len() - 1];
    let memory = resident().saturating_sub(before);
    let samples = (hosts * METRICS) as u32;
    println!(
        "{}\n    {:.1} ms ({:.1} slowest), {} ns a sample, {} evaluations a second each; {} MiB{}",
        case.what,
        median.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3,
        (median / samples).as_nanos(),
        case.each,
        memory >> 20,
        if median > GOAL {
            "; MISSED: 100 ms"
        } else {
            ""
        },
    );
    // It fires when it should, also after all that.
    let last = &batches[hosts - 1];
    let mut fired = 0;
    for _ in 0..700 {
        now = now.plus(SECOND);
        let samples = last.iter().map(|series| (series, 1e9));
        fired += engine.observe(now, now, Some(SECOND), samples).len();
    }
    // A rule about a change sees none: it was one jump. A count is no value of the samples.
    assert!(
        case.each == 0 || fired >= METRICS / 2,
        "{fired} events after a breach"
    );
}

fn spec(host: usize, metric: usize) -> SeriesSpec {
    SeriesSpec {
        key: SeriesKey {
            host: HostName::parse(&format!("host{host}")).expect("a name"),
            name: MetricName::parse(&format!("metric_{metric}")).expect("a name"),
            labels: Labels::default(),
        },
        unit: Unit::parse("%").expect("a unit"),
        kind: Kind::Gauge,
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}
