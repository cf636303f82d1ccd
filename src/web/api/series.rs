//! The list of series: those of now, and those of which only the past is kept.

use std::collections::{BTreeMap, HashMap};

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{list, query::Query};
use crate::{
    model::{Kind, SeriesKey, Timestamp},
    series::Series,
    store::catalogue::Known,
    web::{problem::Problem, state::State},
};

/// A series as the API lists it.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    key: &'a SeriesKey,
    unit: &'a str,
    kind: Kind,
    source: &'a str,
    /// When the oldest sample that is kept was measured, and the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Timestamp>,
    live: bool,
}

impl<'a> Listed<'a> {
    fn new(series: &'a Series, seen: Option<(Timestamp, Timestamp)>, live: bool) -> Self {
        Self {
            key: series.key(),
            unit: series.spec.unit.as_str(),
            kind: series.spec.kind,
            source: series.owner.as_str(),
            first_seen: seen.map(|(first, _)| first),
            last_seen: seen.map(|(_, last)| last),
            live,
        }
    }
}

/// `GET /api/series`
pub async fn series(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let filter = Query::parse(&request, &[])?.filter;
    let stored = state.parts().store.catalogue();
    let stored = stored.matching(|series| filter.series(series.key()));
    let live = state.live().read();
    let table = state.parts().registry.snapshot();
    let known = table.iter().flatten().filter(|s| filter.series(s.key()));
    let mut kept: HashMap<&SeriesKey, Known> = HashMap::new();
    for known in &stored {
        let of_key = kept
            .entry(known.series.key())
            .or_insert_with(|| known.clone());
        of_key.first = of_key.first.min(known.first);
        if known.last > of_key.last {
            (of_key.last, of_key.series) = (known.last, known.series.clone());
        }
    }
    let newest = |series: &Series| {
        let window = live.windows.get(series.id)?;
        Some(window.newest().0)
    };
    let mut series: Vec<_> = Vec::new();
    for of_now in known {
        let stored = kept.remove(of_now.key());
        let last_seen = newest(of_now).or(stored.as_ref().map(|known| known.last));
        let first_seen = stored.map(|known| known.first).or(last_seen);
        series.push(Listed::new(of_now, first_seen.zip(last_seen), true));
    }
    // What nobody samples any more, but of which something is kept.
    let past: BTreeMap<_, _> = kept.into_iter().collect();
    let past = past.values();
    series.extend(
        past.map(|known| Listed::new(&known.series, Some((known.first, known.last)), false)),
    );
    let position = state.stream().log().position();
    let answer = list(position, "series", &series);
    drop(live);
    Ok(answer)
}
