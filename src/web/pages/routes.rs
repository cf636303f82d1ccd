//! The addresses of the pages, their streams and their forms.

mod alerts;
mod history;
mod playback;
mod rules;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, ServiceConfig},
};
use askama::Template as _;

use super::{
    docs::DocsPage,
    echo::EchoPage,
    error::ErrorPage,
    fill,
    live_page::LivePage,
    render::{self, Fragments},
};
use crate::{
    control::Command,
    entry::Entry,
    model::{HostName, Person, Timestamp},
    series::Series,
    stream::{
        cursor::Cursor,
        filter::{Filter, Topic, Topics},
        view::{Encoding, Page, Renderer, Shape, ViewSpec},
    },
    web::{
        api, channels,
        history::{TIME, time},
        ingest::body,
        limits::Limit,
        problem::Problem,
        query::{self, Format, Since},
        sse, start,
        state::State,
        who,
    },
};

/// What pages may load: our own files, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A page's stream is flushed at most once in this time.
const PERIOD: std::time::Duration = std::time::Duration::from_secs(1);

/// Adds the pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(overview))
        .route("/hosts/{host}", web::get().to(host))
        .route("/alerts", web::get().to(list_alerts))
        .route("/alerts/{id}", web::get().to(alerts::alert))
        .route("/alerts/{id}/quiet", web::get().to(alerts::quiet))
        .route("/rules", web::get().to(list_rules))
        .route("/rules/edit", web::get().to(rules::edit))
        .route("/rules/edit", web::post().to(rules::save))
        .route("/rules/try", web::post().to(rules::attempt))
        .route("/rules/{name}/{action}", web::post().to(rules::action))
        .route("/silences", web::get().to(alerts::silences))
        .route("/silences", web::post().to(alerts::silence))
        .route("/silences/{id}/end", web::post().to(alerts::end_silence))
        .route("/channels", web::get().to(list_channels))
        .route("/channels/{name}/test", web::post().to(test_channel))
        .route("/me", web::post().to(me))
        .route("/history", web::get().to(history::page))
        .route("/sources", web::get().to(sources))
        .route("/status", web::get().to(status))
        .route("/echo", web::get().to(echo))
        .route("/api/docs", web::get().to(docs))
        .route("/pages/stream", web::get().to(stream))
        .route("/alerts/clear", web::post().to(alerts::clear))
        .route("/alerts/{id}/{action}", web::post().to(alerts::alert_form))
        .route("/sources/{name}/{action}", web::post().to(source_form));
}

/// An answer that is a page.
pub fn html(
    status: StatusCode,
    rendered: Result<String, askama::Error>,
) -> Result<HttpResponse, Problem> {
    let body = rendered.map_err(|error| {
        tracing::error!(%error, "a page cannot be drawn");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page cannot be drawn",
        )
    })?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(body))
}

/// A page as it is, or with `at` as it was.
async fn show(request: &HttpRequest, page: LivePage) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    match at(request, state.now())? {
        None => html(StatusCode::OK, render::present(state, &page)),
        Some(at) if playback::is_past(state, at) => playback::page(state, &page, at).await,
        // The present is its own page.
        Some(_) => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, page.path()))
            .finish()),
    }
}

/// The moment that is asked for; of several, the last. What else stands in a page's address means nothing to it.
fn at(request: &HttpRequest, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let pairs = query::pairs(request.query_string());
    let at = pairs.filter(|(name, _)| name == "at").last();
    at.map(|(name, value)| {
        moment(&value, now).ok_or_else(|| Problem::parameter(&name, &value, TIME))
    })
    .transpose()
}

/// A time as the API takes it, or as a `datetime-local` input gives it: then it is UTC.
pub(super) fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    time(text, now)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}Z")))
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}:00Z")))
}

async fn overview(request: HttpRequest) -> Result<HttpResponse, Problem> {
    show(&request, LivePage::Overview).await
}

async fn list_alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    show(&request, LivePage::Alerts).await
}

async fn list_rules(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Rules))
}

/// `POST /me`: the name that stands beside what is done from this browser.
async fn me(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let fields = body::read(&request, payload, &state.parts().ingest, state.limits()).await?;
    let fields = String::from_utf8_lossy(&fields);
    let name = query::pairs(&fields).find(|(field, _)| field == "name");
    let name = name.map(|(_, name)| name).unwrap_or_default();
    let person = Person::parse(&name);
    if person.is_none() && !name.trim().is_empty() {
        let accepted = format!("a name of at most {} bytes, or nothing", Person::MAX_BYTES);
        return Err(Problem::field("name", &name, &accepted));
    }
    let mut answer = back(&request);
    if let Ok(cookie) = who::keep(person.as_ref()).parse() {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

async fn list_channels(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Channels))
}

/// `POST /channels/{name}/test`: what becomes of it comes with the page's stream.
async fn test_channel(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    channels::tested(State::of(&request)?, &name).await?;
    Ok(back(&request))
}

async fn sources(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Sources))
}

async fn status(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    html(StatusCode::OK, render::present(state, &LivePage::Status))
}

async fn host(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let unknown = || Problem::not_found("no host of this name has sent anything");
    let host = HostName::parse(&path).map_err(|_| unknown())?;
    let is_of_host = |series: &Series| series.key().host == host;
    let known = {
        let live = state.live().read();
        live.windows.iter().any(|w| is_of_host(&w.series))
    };
    // One that sends nothing any more has a past all the same.
    let asked = at(&request, state.now())?;
    if !known
        && (asked.is_none()
            || state
                .parts()
                .store
                .catalogue()
                .matching(is_of_host)
                .is_empty())
    {
        return Err(unknown());
    }
    show(&request, LivePage::Host(host)).await
}

async fn echo(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shell = render::still_shell(State::of(&request)?, "echo", "Echo");
    html(StatusCode::OK, EchoPage { shell }.render())
}

/// `GET /api/docs`
async fn docs(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shell = render::still_shell(State::of(&request)?, "docs", "API");
    html(StatusCode::OK, DocsPage { shell }.render())
}

/// A problem as a page, for people.
pub fn error_page(
    state: &State,
    status: StatusCode,
    detail: &str,
) -> Result<HttpResponse, Problem> {
    let title = status.canonical_reason().unwrap_or("Error");
    let shell = render::still_shell(state, "error", title);
    let page = ErrorPage {
        shell,
        status: status.as_u16(),
        title: title.to_owned(),
        detail: detail.to_owned(),
    };
    html(status, page.render())
}

/// `GET /pages/stream`: the fragments of a page that have changed, and the samples of its charts; with `at` as they were,
/// at a pace.
async fn stream(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let pairs: Vec<(String, String)> = query::pairs(request.query_string()).collect();
    let page = pairs.iter().rfind(|(parameter, _)| parameter == "page");
    let name = page.map_or("", |(_, name)| name.as_str());
    let known: &[&str] = match name {
        "history" => &["page", "host", "names", "since"],
        "host" => &["page", "host", "since", "at", "speed"],
        "overview" | "alerts" => &["page", "since", "at", "speed"],
        _ => &["page", "since"],
    };
    let (mut host, mut names, mut since) = (None, "", None);
    let (mut at, mut speed) = (None, 1.0);
    for (parameter, value) in &pairs {
        if !known.contains(&parameter.as_str()) {
            return Err(Problem::unknown_parameter(parameter, value, known));
        }
        match parameter.as_str() {
            "host" => host = Some(value.as_str()),
            "names" => names = value,
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
    if name == "history" {
        return history::stream(&request, host.unwrap_or_default(), names, since);
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

/// What the stream of a page carries.
struct Followed {
    page: &'static str,
    host: String,
    /// The samples of its charts.
    filter: Filter,
    /// Its fragments.
    renderer: Box<Renderer>,
}

/// Answers with the stream of a page, from where it was drawn.
fn follow(
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

async fn source_form(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, action) = path.into_inner();
    form(&request, api::source_command(name, &action)?).await
}

/// Does what a form asks for. A script gets an empty answer, since the page's stream shows what has changed; without
/// scripts the browser is sent back to the page it came from.
async fn form(request: &HttpRequest, command: Command) -> Result<HttpResponse, Problem> {
    let state = State::of(request)?;
    state
        .control()
        .execute(command, who::of(request))
        .await
        .map_err(api::problem)?;
    Ok(back(request))
}

/// The answer to a form that was done.
fn back(request: &HttpRequest) -> HttpResponse {
    if request.headers().contains_key("hx-request") {
        return HttpResponse::NoContent().finish();
    }
    let referer = request
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok());
    let path = referer
        .and_then(|r| r.splitn(4, '/').nth(3))
        .unwrap_or_default();
    // Two slashes would lead to another site.
    let path = path.trim_start_matches(['/', '\\']);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/{path}")))
        .finish()
}
