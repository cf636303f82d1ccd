//! The addresses of the pages, their streams and their forms.

mod alerts;
mod history;
mod live;
mod playback;
mod rules;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, ServiceConfig},
};
use askama::Template as _;

use super::{docs::DocsPage, echo::EchoPage, error::ErrorPage, live_page::LivePage, render};
use crate::{
    control::Command,
    model::{HostName, Person, Timestamp},
    series::Series,
    web::{
        api, channels,
        history::{TIME, time},
        ingest::body,
        problem::Problem,
        query,
        state::State,
        who,
    },
};

/// What pages may load: our own files, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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
        .route("/pages/stream", web::get().to(live::stream))
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
