//! The page of the past, and the stream with which its charts go on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use askama::Template as _;

use super::{
    html,
    live::{self, Followed, follow},
    moment,
};
use crate::{
    config::duration,
    entry::{Entry, pending::Busy},
    model::{Activity, AlertEvent, AlertState, Globs, HostName, SeriesKey, Timestamp},
    store::{alerts, block::ReadError, catalogue::Known, history::Step},
    stream::filter::Filter,
    web::{
        history,
        pages::{
            fill::{
                self, catalogue,
                history::{Shown, Span},
            },
            history::{HistoryPage, Mark, Moves, Picked},
            render, shell,
            view::{self, State as Standing},
        },
        problem::Problem,
        query,
        state::State,
    },
};

/// What is shown if nothing is said.
const BACK: &str = "1h";
/// Alerts and annotations on the page, at most.
const MOST_MARKS: usize = 200;
/// The longest time that is shown.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);
/// The shortest.
const SHORTEST: Duration = Duration::from_secs(10);

/// The parameters as they were given.
#[derive(Default)]
struct Asked {
    host: String,
    names: String,
    from: String,
    to: String,
    compare: bool,
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let mut asked = Self::default();
        for (name, value) in query::pairs(request.query_string()) {
            match name.as_str() {
                "host" => asked.host = value,
                "names" => asked.names = value.trim().to_owned(),
                "from" => asked.from = value,
                "to" => asked.to = value,
                "compare" => asked.compare = !matches!(value.as_str(), "" | "0"),
                // As with every page, what else stands in its address means nothing to it.
                _ => {}
            }
        }
        asked
    }

    /// The time, and how far back it goes where it goes with the present.
    fn span(&self, now: Timestamp) -> Result<(Span, Option<String>), Problem> {
        let time = |name, text: &str| {
            moment(text, now).ok_or_else(|| Problem::parameter(name, text, history::TIME))
        };
        let from = match self.from.as_str() {
            "" => BACK,
            from => from,
        };
        if self.to.is_empty()
            && let Some(back) = duration(from)
        {
            let back = back.clamp(SHORTEST, LONGEST);
            let span = Span {
                from: now.minus(back),
                to: now,
            };
            return Ok((span, Some(from.to_owned())));
        }
        let from = time("from", from)?;
        let to = match self.to.as_str() {
            "" => now,
            to => time("to", to)?,
        };
        if to <= from {
            return Err(Problem::parameter("to", &self.to, history::LATER));
        }
        let length = to.since(from).clamp(SHORTEST, LONGEST);
        let span = Span {
            from: to.minus(length),
            to,
        };
        Ok((span, None))
    }
}

/// `GET /history`
pub async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let now = state.now();
    let asked = Asked::of(&request);
    let (span, back) = asked.span(now)?;
    // What comes while it is read, comes with the stream.
    let mut shell = render::still_shell(state, "history", "History");
    let kept = state.parts().store.catalogue().matching(|_| true);
    let hosts: BTreeSet<&HostName> = kept.iter().map(|k| &k.series.key().host).collect();
    let host = match asked.host.as_str() {
        "" => main_host(&kept),
        host => HostName::parse(host).ok(),
    };
    let host = host.filter(|host| asked.host.is_empty() || hosts.contains(host));
    if host.is_none() && !asked.host.is_empty() {
        return Err(Problem::not_found("nothing is kept of a host of this name"));
    }
    let picked = Picked {
        host: host.as_ref().map(ToString::to_string).unwrap_or_default(),
        names: asked.names.clone(),
        back: back.clone(),
        from: span.from.into(),
        to: span.to.into(),
        compare: asked.compare,
    };
    let names = patterns(&asked.names);
    let (mut charts, mut shown, mut marks) = (Vec::new(), BTreeSet::new(), Vec::new());
    if let Some(host) = &host {
        let store = &state.parts().store;
        let of_time = Shown::new(store.catalogue(), host, &names, &span);
        shown = of_time.names();
        let time = (span, back.is_some());
        let book = state.live().read().book.clone();
        let read = of_time.read(store.readers(), &book, time, asked.compare);
        charts = read.await.map_err(busy)?.map_err(unreadable)?;
        marks = happened(state, host, span).await?;
    }
    let metrics: BTreeSet<String> = kept
        .iter()
        .map(|known| known.series.key())
        .filter(|key| Some(&key.host) == host.as_ref())
        .map(|key| key.name.to_string())
        .collect();
    shell.host = host.as_ref().map(ToString::to_string);
    if back.is_some() && !charts.is_empty() {
        let more = [("names", asked.names.as_str())];
        shell.stream = Some(shell::stream_url("history", &picked.host, &more));
    }
    let page = HistoryPage {
        moves: moves(&picked, span, now),
        hosts: hosts.iter().map(ToString::to_string).collect(),
        metrics: metrics.into_iter().collect(),
        how: how(span.step()),
        shown: Vec::from_iter(shown).join(","),
        shell,
        picked,
        charts,
        marks,
    };
    html(StatusCode::OK, page.render())
}

/// The stream of a page of history: the newest samples of its charts.
pub fn stream(
    request: &HttpRequest,
    host: &str,
    names: &str,
    since: Option<query::Since>,
) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?.clone();
    let host = HostName::parse(host)
        .map_err(|_| Problem::parameter("host", host, "the name of a host"))?;
    let renderer = Box::new(move |_: &[Arc<Entry>], _| vec![live::badge(&state)]);
    let followed = Followed {
        page: "history",
        host: host.to_string(),
        filter: followed(&host, &patterns(names)),
        renderer,
    };
    follow(request, followed, since)
}

/// The series of the charts of a host's history.
fn followed(host: &HostName, names: &Globs) -> Filter {
    match names.is_empty() {
        true => catalogue::charted_past(host.as_str()),
        false => Filter {
            names: names.clone(),
            hosts: Globs::new([host.as_str()]),
            ..Filter::default()
        },
    }
}

fn patterns(names: &str) -> Globs {
    let names = names.split(',').map(str::trim);
    Globs::new(names.filter(|name| !name.is_empty()))
}

/// The host that is shown if none is asked for: a real one before a simulated one, one that measures itself before one
/// that only pushes, and then the one with most series.
fn main_host(kept: &[Known]) -> Option<HostName> {
    let mut by_host = std::collections::BTreeMap::new();
    for known in kept {
        let key: &SeriesKey = known.series.key();
        let (real, measured, count) = by_host.entry(&key.host).or_insert((true, false, 0));
        *real &= key.labels.get("simulated").is_none();
        *measured |= key.name.as_str() == "cpu_usage";
        *count += 1;
    }
    let best = by_host.into_iter().max_by_key(|(_, rank)| *rank)?;
    Some(best.0.clone())
}

/// What happened on a host, or to none in particular, in a time; newest first.
async fn happened(state: &State, host: &HostName, span: Span) -> Result<Vec<Mark>, Problem> {
    let readers = state.parts().store.readers();
    let of = host.clone();
    let read = readers.read(move |stored| {
        let fits = |alert: &AlertEvent| alert.series.host == of;
        alerts::read(stored, span.from, span.to, MOST_MARKS, fits)
    });
    let alerts = read.map_err(busy)?.await.map_err(busy)?;
    let mut alerts = alerts.map_err(unreadable)?;
    let live = state.live().read();
    // One that is open and to which nothing happened in this time lasts through it.
    let open = live
        .open_alerts()
        .filter(|alert| alert.series.host == *host);
    for alert in open.filter(|alert| alert.since < span.to) {
        alerts.retain(|known| known.id != alert.id);
        alerts.push(AlertEvent::clone(alert));
    }
    let mut marks: Vec<Mark> = alerts
        .iter()
        .map(|alert| mark(alert, state.now()))
        .collect();
    let annotations = live.annotations.within(span.from, span.to).rev();
    let of_host = annotations.filter(|a| a.host.as_ref().is_none_or(|of| of == host));
    marks.extend(of_host.take(MOST_MARKS).map(|a| annotated(a, host)));
    marks.sort_by(|a, b| b.from.iso.cmp(&a.from.iso));
    marks.truncate(MOST_MARKS);
    Ok(marks)
}

fn annotated(annotation: &Activity, host: &HostName) -> Mark {
    let begun = annotation.timestamp;
    let of_host = annotation.host.as_ref();
    Mark {
        from: begun.into(),
        to: annotation.until.map(Into::into),
        kind: annotation.kind.clone(),
        state: Standing::Ok,
        host: of_host.map_or(String::new(), ToString::to_string),
        text: annotation.message.clone(),
        lasted: annotation.until.map_or(String::new(), |until| {
            view::lasted(until.since(begun).as_secs())
        }),
        replay: fill::alerts::minute(host.as_str(), begun),
    }
}

fn mark(alert: &AlertEvent, now: Timestamp) -> Mark {
    let over = (alert.state == AlertState::Resolved).then_some(alert.timestamp);
    Mark {
        from: alert.since.into(),
        to: over.map(Into::into),
        kind: alert.level.to_string(),
        state: Standing::Level(alert.level),
        host: alert.series.host.to_string(),
        text: alert.message.clone(),
        lasted: view::lasted(over.unwrap_or(now).since(alert.since).as_secs()),
        replay: fill::alerts::minute(alert.series.host.as_str(), alert.since),
    }
}

fn moves(picked: &Picked, span: Span, now: Timestamp) -> Moves {
    let half = Duration::from_millis((span.millis() / 2).cast_unsigned());
    let between = |from: Timestamp, to: Timestamp| {
        let to = to.min(now);
        picked.with(&from.to_string(), &to.to_string())
    };
    let middle = span.from.plus(half);
    Moves {
        earlier: between(span.from.minus(half), span.to.minus(half)),
        later: (picked.back.is_none() && span.to < now)
            .then(|| between(span.from.plus(half), span.to.plus(half))),
        out: between(middle.minus(half * 2), middle.plus(half * 2)),
        closer: between(middle.minus(half / 2), middle.plus(half / 2)),
        replay: format!("{}?at={}", shell::host_url(&picked.host), span.from),
    }
}

/// How it was read, in words.
fn how(step: Step) -> String {
    let tier = match step.tier {
        0 => "samples",
        60_000 => "minutes",
        _ => "hours",
    };
    let seconds = step.millis / 1000;
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    let length = format!("{count} {unit}");
    format!("steps of {length}, from {tier}; the shade is from the smallest to the largest in each")
}

fn busy(busy: Busy) -> Problem {
    Problem::busy(busy.to_string())
}

fn unreadable(error: ReadError) -> Problem {
    tracing::error!(%error, "the history cannot be read");
    Problem::internal()
}
