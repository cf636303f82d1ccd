//! The JSON API: snapshots of the present with the position they belong to, and commands.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap, HashMap},
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Serialize;
use uuid::Uuid;

use super::{
    history::{LATER, TIME, time},
    problem::Problem,
    query,
    state::State,
};
use crate::{
    control::{Command, ControlError},
    entry::pending::Busy,
    model::{AlertEvent, Position, SeriesId, SeriesKey, Timestamp},
    series::Series,
    sources::supervisor::Action,
    store::{self, catalogue::Known},
    stream::{encode::sample_object, filter::Filter},
    windows::Stats,
};

/// Samples in one answer, at most.
const MAX_SAMPLES: usize = 100_000;

/// An answer: the position it belongs to, and a list under its own name.
fn list(position: Position, name: &str, items: &impl Serialize) -> HttpResponse {
    let items = serde_json::to_string(items).unwrap_or_default();
    json(format!(
        "{{\"position\":\"{position}\",\"{name}\":{items}}}"
    ))
}

fn json(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .body(body)
}

/// The problem of a command that was not done.
pub fn problem(error: ControlError) -> Problem {
    match error {
        ControlError::Source(_) | ControlError::Alert(_) => Problem::not_found(error.to_string()),
        ControlError::Busy(busy) => busy.into(),
    }
}

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

/// A series as the API lists it.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    key: &'a SeriesKey,
    unit: &'a str,
    kind: crate::model::Kind,
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

/// `GET /api/sources`
pub async fn sources(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let position = state.stream().log().position();
    Ok(list(position, "sources", &state.parts().sources.status()))
}

/// `POST /api/sources/{name}/{action}`
pub async fn source_action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, action) = path.into_inner();
    execute(&request, source_command(name, &action)?).await
}

/// What a path says to a source, in the API and in forms.
pub fn source_command(name: String, action: &str) -> Result<Command, Problem> {
    let action = match action {
        "start" => Action::Start,
        "stop" => Action::Stop,
        _ => return Err(Problem::not_found("a source can be told start or stop")),
    };
    Ok(Command::Source { name, action })
}

/// Alerts of the past in one answer, at most.
const MAX_ALERTS: usize = 10_000;

/// `GET /api/alerts`
pub async fn alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let query = Query::parse(&request, &["state", "from", "to"])?;
    let past = match query.span(state.now())? {
        None => None,
        Some((from, to)) => {
            let readers = state.parts().store.readers();
            let read =
                readers.read(move |stored| store::alerts::read(stored, from, to, MAX_ALERTS));
            let busy = |busy: Busy| Problem::busy(busy.to_string());
            let past = read.map_err(busy)?.await.map_err(busy)?;
            let past = past.map_err(|error| {
                tracing::error!(%error, "the alerts of the past cannot be read");
                Problem::internal()
            })?;
            Some((past, to))
        }
    };
    let live = state.live().read();
    let open = live.open_alerts().rev().map(AsRef::as_ref);
    let alerts: Vec<&AlertEvent> = match &past {
        None => {
            let resolved = live.resolved_alerts().rev().filter(|_| query.resolved);
            open.chain(resolved.map(AsRef::as_ref)).collect()
        }
        // What is open may have begun, and said its last, before the time that is asked for.
        Some((past, to)) => {
            let open = open.filter(|alert| alert.since < *to);
            let over = past.iter().filter(|alert| !live.is_open(alert.id));
            open.chain(over).collect()
        }
    };
    let mut alerts: Vec<_> = alerts
        .into_iter()
        .filter(|event| query.filter.alert(event))
        .collect();
    if past.is_some() {
        alerts.sort_by_key(|alert| Reverse((alert.since, alert.id)));
    }
    Ok(list(state.stream().log().position(), "alerts", &alerts))
}

/// `POST /api/alerts/{id}/{action}`
pub async fn alert_action(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, action) = path.into_inner();
    execute(&request, alert_command(&id, &action)?).await
}

/// What a path says to an alert, in the API and in forms.
pub fn alert_command(id: &str, action: &str) -> Result<Command, Problem> {
    let id: Uuid = id.parse().map_err(|_| {
        let shown: String = id.chars().take(80).collect();
        Problem::not_found(format!("there is no alert {shown:?}"))
    })?;
    match action {
        "acknowledge" => Ok(Command::Acknowledge(id)),
        "dismiss" => Ok(Command::Dismiss(id)),
        _ => Err(Problem::not_found(
            "an alert can be told acknowledge or dismiss",
        )),
    }
}

/// `POST /api/alerts/clear`
pub async fn clear_alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    execute(&request, Command::Clear).await
}

/// `GET /api/rules`
pub async fn rules(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let rules: Vec<_> = state.watched().rules().iter().map(AsRef::as_ref).collect();
    Ok(list(state.stream().log().position(), "rules", &rules))
}

async fn execute(request: &HttpRequest, command: Command) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    let changed = state.control().execute(command).await.map_err(problem)?;
    Ok(HttpResponse::build(StatusCode::OK).json(serde_json::json!({ "changed": changed })))
}

/// The parameters of snapshots.
struct Query {
    filter: Filter,
    count: Option<usize>,
    per_series: Option<usize>,
    resolved: bool,
    from: Option<String>,
    to: Option<String>,
}

impl Query {
    /// Parses the filters, and those of the other parameters that `also` names.
    fn parse(request: &HttpRequest, also: &[&str]) -> Result<Self, Problem> {
        let mut query = Self {
            filter: Filter::default(),
            count: None,
            per_series: None,
            resolved: false,
            from: None,
            to: None,
        };
        for (name, value) in query::pairs(request.query_string()) {
            let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
            let number = || {
                let number = value.parse().ok().filter(|n| (1..=MAX_SAMPLES).contains(n));
                number.ok_or_else(|| wrong("a whole number from 1 to 100000"))
            };
            if query::filter(&mut query.filter, &name, &value)? {
                continue;
            }
            match name.as_str() {
                "count" if also.contains(&"count") => query.count = Some(number()?),
                "per_series" if also.contains(&"per_series") => query.per_series = Some(number()?),
                "from" if also.contains(&"from") => query.from = Some(value),
                "to" if also.contains(&"to") => query.to = Some(value),
                "state" if also.contains(&"state") => {
                    query.resolved = match value.as_str() {
                        "open" => false,
                        "all" => true,
                        _ => return Err(wrong("open or all")),
                    }
                }
                _ => {
                    let mut known = query::FILTERS.to_vec();
                    known.extend(also);
                    return Err(Problem::unknown_parameter(&name, &value, &known));
                }
            }
        }
        Ok(query)
    }

    /// The time that is asked for, if one is: from `from`, or the beginning, to `to`, or now.
    fn span(&self, now: Timestamp) -> Result<Option<(Timestamp, Timestamp)>, Problem> {
        let time = |name: &str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let time = time(text, now);
            time.map(Some)
                .ok_or_else(|| Problem::parameter(name, text, TIME))
        };
        let (from, to) = (time("from", &self.from)?, time("to", &self.to)?);
        if from.is_none() && to.is_none() {
            return Ok(None);
        }
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or(now));
        match from < to {
            true => Ok(Some((from, to))),
            false => {
                let shown = self.to.as_deref().unwrap_or("");
                Err(Problem::parameter("to", shown, LATER))
            }
        }
    }
}
