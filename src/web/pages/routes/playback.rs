//! Pages of the past: a page as it was at a moment, and a stream on which it goes on from there at a pace.
//!
//! A playback is the stream of the page, begun in the past: the same samples for its charts and the same fragments, drawn
//! from a [`Scene`] that is its viewer's alone. It ends with what was received up to when it was asked for; the page asks
//! for more, or goes to the present.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use parking_lot::Mutex;

use super::{html, live::charts_of};
use crate::{
    entry::{Entry, past::From},
    model::Timestamp,
    replay::scene::Scene,
    stream::{
        cursor::{Cursor, Until},
        filter::{Topic, Topics},
        log::Start,
        view::{Encoding, Page, Shape, ViewSpec},
    },
    web::{
        limits::{Limit, Place},
        pages::{
            fill::outlook::Outlook,
            live_page::LivePage,
            render::{self, Fragments},
            shell::Playback,
        },
        problem::Problem,
        query::Format,
        sse,
        state::State,
    },
};

/// The least time between two drawings of a page that is played back.
const PERIOD: std::time::Duration = std::time::Duration::from_millis(500);
/// How fast the past goes by, at most: a minute is drawn each second already at 60.
const FASTEST: f64 = 1000.0;
/// What `speed` may be.
const SPEED: &str = "a number from 0.1 to 1000: how many times as fast as it was";
/// The store has what is older than this.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(2);

/// A scene, and the place of its viewer.
struct Stage {
    scene: Scene,
    _place: Place,
}

impl Stage {
    /// As it was at `at`.
    async fn at(state: &State, page: &LivePage, at: Timestamp) -> Result<Self, Problem> {
        let place = state.limits().playback()?;
        let archive = state.stream().archive().ok_or_else(nothing_kept)?;
        let store = &state.parts().store;
        // The rules of now: what they were then is not kept.
        let book = state.live().read().book.fresh();
        let scene = Scene::at(store, archive, at, page.host(), book, state.parts().frame).await;
        Ok(Self {
            scene: scene.map_err(|busy| Problem::busy(busy.to_string()))?,
            _place: place,
        })
    }

    fn outlook(&self) -> Outlook<'_> {
        Outlook::past(&self.scene.state, self.scene.now)
    }
}

fn nothing_kept() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "nothing is kept: the data folder cannot be written to, so there is no past to show",
    )
}

/// Whether a moment is far enough back to be drawn; what is later is the present.
pub fn is_past(state: &State, at: Timestamp) -> bool {
    state.now().since(at) > SETTLED
}

/// A page as it was at a moment.
pub async fn page(state: &State, page: &LivePage, at: Timestamp) -> Result<HttpResponse, Problem> {
    let stage = Stage::at(state, page, at).await?;
    let kept = state.parts().store.catalogue().matching(|_| true);
    let first = kept.iter().map(|known| known.first).min();
    let playback = Playback::new(page, at, first.unwrap_or(at), state.now());
    let drawn = render::page(state, page, &stage.outlook(), Some(playback));
    html(StatusCode::OK, drawn)
}

/// The page of the past, going on from a moment.
pub async fn stream(
    request: &HttpRequest,
    page: LivePage,
    at: Timestamp,
    speed: f64,
) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    let until = state.now().minus(SETTLED);
    let stage = Stage::at(state, &page, at).await?;
    let spec = ViewSpec {
        topics: Topics::of(&[Topic::Metrics, Topic::Alerts, Topic::Activity]),
        filter: charts_of(&page),
        shape: Shape::Batch,
        period: PERIOD,
        encoding: Encoding::Page(Page {
            name: page.name(),
            host: page.host().map(ToString::to_string).unwrap_or_default(),
            playback: Some(rand::random()),
        }),
    };
    let fragments = Fragments::new(state, page);
    let stage = Mutex::new(stage);
    let renderer = Box::new(move |entries: &[Arc<Entry>], wanted: bool| {
        let mut stage = stage.lock();
        entries.iter().for_each(|entry| stage.scene.take(entry));
        match wanted {
            true => fragments.draw(&stage.outlook()),
            false => Vec::new(),
        }
    });
    let view = state.stream().views().get(spec, Some(renderer));
    let view = view.map_err(|error| state.limits().refuse(Limit::Views, &error.to_string()))?;
    let start = Start::past(From::Time(at));
    let cursor = Cursor::new(state.stream(), view, start, None, Some(Until::Time(until)))
        .paced(state.stream(), Some(speed));
    let shard = State::shard(request)?;
    let events = sse::events::Events::new(state, shard, cursor, None, String::new(), false)?;
    sse::answer(request, sse::head(Format::Sse), events)
}

/// How fast, from a parameter.
pub fn speed(text: &str) -> Result<f64, Problem> {
    let speed: Option<f64> = text.parse().ok();
    speed
        .filter(|speed| (0.1..=FASTEST).contains(speed))
        .ok_or_else(|| Problem::parameter("speed", text, SPEED))
}
