//! The addresses of the pages, their streams and their forms.

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
    render::{self, Fragments, LivePage},
};
use crate::{
    control::Command,
    model::HostName,
    stream::{
        cursor::Cursor,
        filter::{Topic, Topics},
        view::{Encoding, Page, Shape, ViewSpec},
    },
    web::{
        api,
        limits::Limit,
        problem::Problem,
        query::{self, Format, Since},
        sse, start,
        state::State,
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
        .route("/alerts", web::get().to(alerts))
        .route("/sources", web::get().to(sources))
        .route("/status", web::get().to(status))
        .route("/echo", web::get().to(echo))
        .route("/api/docs", web::get().to(docs))
        .route("/pages/stream", web::get().to(stream))
        .route("/alerts/clear", web::post().to(clear))
        .route("/alerts/{id}/{action}", web::post().to(alert_form))
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

fn live(request: &HttpRequest, page: &LivePage) -> Result<HttpResponse, Problem> {
    html(StatusCode::OK, render::page(State::of(request)?, page))
}

async fn overview(request: HttpRequest) -> Result<HttpResponse, Problem> {
    live(&request, &LivePage::Overview)
}

async fn alerts(request: HttpRequest) -> Result<HttpResponse, Problem> {
    live(&request, &LivePage::Alerts)
}

async fn sources(request: HttpRequest) -> Result<HttpResponse, Problem> {
    live(&request, &LivePage::Sources)
}

async fn status(request: HttpRequest) -> Result<HttpResponse, Problem> {
    live(&request, &LivePage::Status)
}

async fn host(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::not_found("no host of this name has sent anything");
    let host = HostName::parse(&path).map_err(|_| unknown())?;
    let known = {
        let live = State::of(&request)?.live().read();
        live.windows.iter().any(|w| w.series.key().host == host)
    };
    if !known {
        return Err(unknown());
    }
    live(&request, &LivePage::Host(host))
}

async fn echo(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let shell = render::shell(state, &state.live().read(), "echo", "Echo");
    html(StatusCode::OK, EchoPage { shell }.render())
}

/// `GET /api/docs`
async fn docs(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let shell = render::shell(state, &state.live().read(), "docs", "API");
    html(StatusCode::OK, DocsPage { shell }.render())
}

/// A problem as a page, for people.
pub fn error_page(
    state: &State,
    status: StatusCode,
    detail: &str,
) -> Result<HttpResponse, Problem> {
    let title = status.canonical_reason().unwrap_or("Error");
    let shell = render::shell(state, &state.live().read(), "error", title);
    let page = ErrorPage {
        shell,
        status: status.as_u16(),
        title: title.to_owned(),
        detail: detail.to_owned(),
    };
    html(status, page.render())
}

/// `GET /pages/stream`: the fragments of a page that have changed, and the samples of its charts.
async fn stream(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request)?;
    let (mut name, mut host, mut since) = (String::new(), None, None);
    for (parameter, value) in query::pairs(request.query_string()) {
        match parameter.as_str() {
            "page" => name = value,
            "host" => host = Some(value),
            "since" => {
                since = Some(
                    value
                        .parse()
                        .map_or(Since::Unreadable(value), Since::Position),
                )
            }
            _ => {
                return Err(Problem::unknown_parameter(
                    &parameter,
                    &value,
                    &["page", "host", "since"],
                ));
            }
        }
    }
    let page = LivePage::parse(&name, host.as_deref())?;
    let host = page.host().map(ToString::to_string).unwrap_or_default();
    let filter = match &page {
        LivePage::Overview => fill::catalogue::charted(None),
        LivePage::Host(host) => fill::catalogue::charted(Some(host.as_str())),
        LivePage::Alerts | LivePage::Sources | LivePage::Status => fill::catalogue::uncharted(),
    };
    let topics = Topics::of(&[Topic::Metrics, Topic::Alerts, Topic::Activity]);
    let spec = ViewSpec {
        topics,
        filter,
        shape: Shape::Batch,
        period: PERIOD,
        encoding: Encoding::Page(Page {
            name: page.name(),
            host,
        }),
    };
    let fragments = Fragments::new(state, page);
    let renderer = Box::new(move || fragments.draw());
    let view = state.stream().views().get(spec, Some(renderer));
    let view = view.map_err(|error| state.limits().refuse(Limit::Views, &error.to_string()))?;
    let start = start::resolve_for_page(state, since.as_ref(), topics);
    let requested = match &since {
        Some(Since::Position(position)) => position.to_string(),
        Some(Since::Unreadable(text)) => text.clone(),
        _ => String::new(),
    };
    let cursor = Cursor::new(state.stream(), view, start, None, None);
    let events = sse::events::Events::new(
        state,
        State::shard(&request)?,
        cursor,
        None,
        requested,
        false,
    )?;
    sse::answer(&request, sse::head(Format::Sse), events)
}

async fn clear(request: HttpRequest) -> Result<HttpResponse, Problem> {
    form(&request, Command::Clear).await
}

async fn alert_form(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, action) = path.into_inner();
    form(&request, api::alert_command(&id, &action)?).await
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
        .execute(command)
        .await
        .map_err(api::problem)?;
    if request.headers().contains_key("hx-request") {
        return Ok(HttpResponse::NoContent().finish());
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
    Ok(HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/{path}")))
        .finish())
}
