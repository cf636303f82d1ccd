//! The stream of a page: what of it has changed, and the samples of its charts.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse};
use askama::Template as _;

use super::{alerts, history, moment, playback};
use crate::{
    entry::Entry,
    stream::{
        cursor::Cursor,
        filter::{Filter, Topic, Topics},
        view::{Encoding, Page, Renderer, Shape, ViewSpec},
    },
    web::{
        history::TIME,
        limits::Limit,
        pages::{
            fill::{self, outlook::Outlook},
            live_page::LivePage,
            render::Fragments,
            shell::BadgeFragment,
        },
        problem::Problem,
        query::{self, Format, Since},
        sse, start,
        state::State,
    },
};

/// A page's stream is flushed at most once in this time.
const PERIOD: Duration = Duration::from_secs(1);
/// The stream of a page that only its frame lives of: what is open, and alerts as they come.
pub(super) const FRAME: &str = "frame";

/// `GET /pages/stream`: the fragments of a page that have changed, and the samples of its charts; with `at` as they were,
/// at a pace.
pub async fn stream(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let pairs: Vec<(String, String)> = query::pairs(request.query_string()).collect();
    let page = pairs.iter().rfind(|(parameter, _)| parameter == "page");
    let name = page.map_or("", |(_, name)| name.as_str());
    let known: &[&str] = match name {
        "history" => &["page", "host", "names", "since"],
        "host" => &["page", "host", "since", "at", "speed"],
        "overview" | "alerts" => &["page", "since", "at", "speed"],
        "alert" => &["page", "alert", "since"],
        _ => &["page", "since"],
    };
    let (mut host, mut names, mut alert, mut since) = (None, "", "", None);
    let (mut at, mut speed) = (None, 1.0);
    for (parameter, value) in &pairs {
        if !known.contains(&parameter.as_str()) {
            return Err(Problem::unknown_parameter(parameter, value, known));
        }
        match parameter.as_str() {
            "host" => host = Some(value.as_str()),
            "names" => names = value,
            "alert" => alert = value,
            "since" => {
                let position = value.parse().map(Since::Position);
                since = Some(position.unwrap_or_else(|_| Since::Unreadable(value.clone())));
            }
            "at" => {
                let moment = moment(value, state.now());
                let wrong = || Problem::parameter(parameter, value, TIME);
                at = Some(moment.ok_or_else(wrong)?);
            }
            "speed" => speed = playback::speed(value)?,
            // The page.
            _ => {}
        }
    }
    match name {
        "history" => return history::stream(&request, host.unwrap_or_default(), names, since),
        "alert" => return alerts::stream(&request, alert, since),
        FRAME => return frame(&request, since),
        _ => {}
    }
    let page = LivePage::parse(name, host)?;
    if let Some(at) = at {
        return playback::stream(&request, page, at, speed).await;
    }
    let followed = Followed {
        page: page.name(),
        host: page.host().map(ToString::to_string).unwrap_or_default(),
        filter: charts_of(&page),
        renderer: {
            let fragments = Fragments::new(state, page);
            Box::new(move |_: &[Arc<Entry>], _| fragments.present())
        },
    };
    follow(&request, followed, since)
}

fn frame(request: &HttpRequest, since: Option<Since>) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?.clone();
    let followed = Followed {
        page: FRAME,
        host: String::new(),
        filter: fill::catalogue::uncharted(),
        renderer: Box::new(move |_: &[Arc<Entry>], _| vec![badge(&state)]),
    };
    follow(request, followed, since)
}

/// The fragment that every page has.
pub(super) fn badge(state: &State) -> (String, String) {
    let badge = fill::feeds::badge(&Outlook::new(&state.live().read(), state.now()));
    let html = BadgeFragment { badge }.render();
    ("badge".to_owned(), html.unwrap_or_default())
}

/// What the stream of a page carries.
pub(super) struct Followed {
    pub page: &'static str,
    pub host: String,
    /// The samples of its charts.
    pub filter: Filter,
    /// Its fragments.
    pub renderer: Box<Renderer>,
}

/// Answers with the stream of a page, from where it was drawn.
pub(super) fn follow(
    request: &HttpRequest,
    followed: Followed,
    since: Option<Since>,
) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    let topics = Topics::of(&[Topic::Metrics, Topic::Alerts, Topic::Activity]);
    let spec = ViewSpec {
        topics,
        filter: followed.filter,
        shape: Shape::Batch,
        period: PERIOD,
        encoding: Encoding::Page(Page {
            name: followed.page,
            host: followed.host,
            playback: None,
        }),
    };
    let view = state.stream().views().get(spec, Some(followed.renderer));
    let view = view.map_err(|error| state.limits().refuse(Limit::Views, &error.to_string()))?;
    let start = start::resolve_for_page(state, since.as_ref(), topics);
    let requested = match &since {
        Some(Since::Position(position)) => position.to_string(),
        Some(Since::Unreadable(text)) => text.clone(),
        _ => String::new(),
    };
    let cursor = Cursor::new(state.stream(), view, start, None, None);
    let shard = State::shard(request)?;
    let events = sse::events::Events::new(state, shard, cursor, None, requested, false)?;
    sse::answer(request, sse::head(Format::Sse), events)
}

/// The series that the charts of a page show.
pub(super) fn charts_of(page: &LivePage) -> Filter {
    match page {
        LivePage::Overview => fill::catalogue::charted(None),
        LivePage::Host(host) => fill::catalogue::charted(Some(host.as_str())),
        _ => fill::catalogue::uncharted(),
    }
}
