//! Queries: one series over a day and 50 over a week, 500 points, with warm caches.

use std::time::Instant;

use anyhow::bail;

use crate::{
    data::{DataSet, synthetic::HOST},
    http::Http,
    report::{Table, spread},
    stores::{Aggregate, Filled, Of, Query, Store},
};

/// Points of an answer for each series.
const POINTS: i64 = 500;
/// A day.
const DAY_MS: i64 = 86_400_000;

/// A path that is asked again and again.
struct Asked {
    store: usize,
    /// What the tables call it.
    way: String,
    path: String,
    bytes: usize,
    /// How long each answer took, in milliseconds.
    times: Vec<f64>,
}

/// Asks all stores in turn, each over one connection that stays. The data are of one host.
pub fn run(stores: &[Box<dyn Store>], data: &DataSet, runs: usize) -> anyhow::Result<Table> {
    let mut filled = Vec::new();
    for store in stores {
        filled.push(store.fill(tempfile::tempdir()?, data)?);
    }
    let connect = |filled: &Filled| filled.server.http();
    let mut connections = filled.iter().map(connect).collect::<Result<Vec<_>, _>>()?;
    let mut table = Table::new(
        format!("Queries over {}", data.name),
        &[
            "query",
            "store",
            "median ms",
            "least–greatest",
            "bytes of the answer",
        ],
    );
    for (title, query, series) in questions(data) {
        let mut asked = asked(stores, &query);
        for one in &mut asked {
            let answer = connections[one.store].get(&one.path)?;
            one.bytes = answer.len();
            let (points, wanted) = (stores[one.store].points(&answer)?, series * POINTS as usize);
            // A moment before the first sample has no point; at the end none may be missing.
            if points > wanted || points + 2 * series < wanted {
                bail!("{}: {title}: {points} points", one.way);
            }
        }
        for run in 0..runs {
            let first = run % asked.len();
            asked.rotate_left(first);
            for one in &mut asked {
                one.ask(&mut connections[one.store])?;
            }
            asked.rotate_right(first);
        }
        for one in asked {
            let (median, least, greatest) = spread(one.times);
            table.row([
                title.clone(),
                one.way,
                format!("{median:.2}"),
                format!("{least:.2}–{greatest:.2}"),
                one.bytes.to_string(),
            ]);
        }
    }
    Ok(table)
}

impl Asked {
    fn ask(&mut self, http: &mut Http) -> anyhow::Result<()> {
        let begun = Instant::now();
        let answer = http.get(&self.path)?;
        self.times.push(begun.elapsed().as_secs_f64() * 1e3);
        std::hint::black_box(answer);
        Ok(())
    }
}

fn asked(stores: &[Box<dyn Store>], query: &Query) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (number, store) in stores.iter().enumerate() {
        for (way, path) in store.query(query) {
            let comma = if way.is_empty() { "" } else { ", " };
            asked.push(Asked {
                store: number,
                way: format!("{}{comma}{way}", store.name()),
                path,
                bytes: 0,
                times: Vec::new(),
            });
        }
    }
    asked
}

/// The questions, each with its title and the number of series that answer.
fn questions(data: &DataSet) -> Vec<(String, Query, usize)> {
    let (first, last) = data.span_ms();
    let span = last - first;
    let question = |of, aggregate: Aggregate, span_ms: i64, series: usize| {
        // Over more than a day, whole minutes, as people and their dashboards have them.
        let step_ms = match span_ms / POINTS {
            step if span_ms > DAY_MS => step / 60_000 * 60_000,
            step => step,
        };
        let query = Query {
            of,
            aggregate,
            to_ms: last,
            step_ms,
            points: POINTS,
        };
        let hours = (step_ms * POINTS) as f64 / 3.6e6;
        let title = format!("{series} series, {hours:.1} h, {}", aggregate.name());
        (title, query, series)
    };
    // One whose values change all the time.
    let one = || Of::Series(data.series[2].clone());
    let day = DAY_MS.min(span);
    let all = data.series.len();
    vec![
        question(one(), Aggregate::Average, day, 1),
        question(one(), Aggregate::Maximum, day, 1),
        question(one(), Aggregate::Last, day, 1),
        question(Of::Host(HOST), Aggregate::Average, span, all),
        question(Of::Host(HOST), Aggregate::Last, span, all),
    ]
}
