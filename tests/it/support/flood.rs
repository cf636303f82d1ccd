//! More than a slow reader can take.

use serde_json::{Value, json};

use super::Server;

/// Series in a flood, beside the one that raises alerts.
pub const SERIES: usize = 200;

/// Pushes for longer than `slow_after` and more than a connection holds, and does `after_each` round; the last value of
/// each series, and how many alerts came of it.
pub async fn flood(
    server: &Server,
    rounds: u64,
    mut after_each: impl AsyncFnMut(u64),
) -> (u64, usize) {
    let begun = std::time::Instant::now();
    let mut round = 0;
    while round < rounds || begun.elapsed().as_millis() < 500 {
        round += 1;
        let mut batch: Vec<Value> = (0..SERIES)
            .map(|i| json!({ "name": format!("m{i}"), "value": round }))
            .collect();
        batch.push(json!({ "name": "wave", "value": round % 2 }));
        server.push(batch).await;
        after_each(round).await;
    }
    (round, round as usize)
}
