//! What is in memory of samples: the newest of them, and the figures of their windows.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{
    json,
    query::{MAX_SAMPLES, Query},
};
use crate::{
    model::{SeriesId, SeriesKey, Timestamp},
    series::Series,
    stream::encode::sample_object,
    web::{problem::Problem, state::State},
    windows::Stats,
};

/// A series' window in figures.
#[derive(Serialize)]
struct SeriesStats<'a> {
    #[serde(flatten)]
    key: &'a SeriesKey,
    unit: &'a str,
    #[serde(flatten)]
    stats: Stats,
}

/// `GET /api/stats`
pub async fn stats(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let filter = Query::parse(&request, &[])?.filter;
    let live = state.live().read();
    let matching = live
        .windows
        .iter()
        .filter(|w| filter.series(w.series.key()));
    let stats: Vec<_> = matching
        .map(|window| SeriesStats {
            key: window.series.key(),
            unit: window.series.spec.unit.as_str(),
            stats: window.stats(),
        })
        .collect();
    let stats = serde_json::to_string(&stats).unwrap_or_default();
    let parts = state.parts();
    let totals = live.totals();
    Ok(json(format!(
        "{{\"position\":\"{}\",\"window_seconds\":{},\"started\":\"{}\",\"uptime_seconds\":{},\"samples\":{},\"series\":{},\"clients\":{},\"stats\":{stats}}}",
        state.stream().log().position(),
        live.windows.span().as_secs_f64(),
        parts.started,
        state.now().since(parts.started).as_secs(),
        totals.samples,
        live.windows.iter().count(),
        state.stream().counters().clients(),
    )))
}

/// `GET /api/metrics/recent`
pub async fn recent(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let query = Query::parse(&request, &["count", "per_series"])?;
    let per_series = query.per_series.unwrap_or(MAX_SAMPLES);
    let count = match (query.count, query.per_series) {
        (None, None) => 60,
        (count, _) => count.unwrap_or(MAX_SAMPLES),
    };
    let mut newest: BinaryHeap<Reverse<Recent>> = BinaryHeap::new();
    let position = {
        let live = state.live().read();
        let all = live.windows.iter();
        for window in all.filter(|w| query.filter.series(w.series.key())) {
            let points = window.points().rev().take(per_series.min(count));
            for (timestamp, value) in points {
                let recent = Recent {
                    timestamp,
                    series: window.series.clone(),
                    value,
                };
                if newest.len() < count {
                    newest.push(Reverse(recent));
                } else if newest.peek().is_some_and(|oldest| recent > oldest.0) {
                    newest.pop();
                    newest.push(Reverse(recent));
                } else {
                    break;
                }
            }
        }
        state.stream().log().position()
    };
    let mut body = format!("{{\"position\":\"{position}\",\"metrics\":[").into_bytes();
    // Sorted from the largest reversed one, which is the oldest.
    for (i, Reverse(recent)) in newest.into_sorted_vec().iter().rev().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        sample_object(&mut body, &recent.series, recent.value, recent.timestamp);
    }
    body.extend_from_slice(b"]}");
    Ok(json(String::from_utf8(body).unwrap_or_default()))
}

/// A sample in the order of its time, and of series within one time.
struct Recent {
    timestamp: Timestamp,
    series: Arc<Series>,
    value: f64,
}

impl Recent {
    fn key(&self) -> (Timestamp, SeriesId) {
        (self.timestamp, self.series.id)
    }
}

impl PartialEq for Recent {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Recent {}

impl PartialOrd for Recent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Recent {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
