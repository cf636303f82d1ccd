//! HTTP: routes, streams, sockets, pages.
//!
//! - [`sse`], [`ws`]: the streams; [`connection`] is what they have in common, [`start`] where they begin, [`wire`] how
//!   they keep their sockets
//! - [`wait`]: a request that is answered when a condition holds
//! - [`api`], [`rules`], [`backtest`], [`silences`], [`channels`], [`configuration`], [`annotations`], [`history`], [`ingest`], [`health`], [`exposition`]: the API and operations; [`openapi`] is their contract
//! - [`pages`], [`assets`]: what browsers show
//! - [`query`]: parameters; [`problem`], [`people`]: errors; [`guard`]: who may ask; [`limits`]: how much of everything;
//!   [`entry`]: where each request meets them
//! - [`state`]: what handlers can reach; [`who`]: who asks

pub mod annotations;
pub mod api;
pub mod assets;
pub mod backtest;
pub mod channels;
pub mod configuration;
pub mod connection;
pub mod entry;
pub mod exposition;
pub mod guard;
pub mod health;
pub mod history;
pub mod ingest;
pub mod limits;
mod lines;
pub mod openapi;
pub mod pages;
pub mod people;
pub mod problem;
pub mod query;
pub mod rules;
pub mod silences;
pub mod sse;
pub mod start;
pub mod state;
pub mod wait;
pub mod who;
pub mod wire;
pub mod ws;

use actix_web::web::{self, ServiceConfig};

/// All routes.
pub fn routes(config: &mut ServiceConfig) {
    let streams = [
        (
            "/api/events/metrics",
            web::get().to(sse::metrics),
            web::head().to(sse::metrics),
        ),
        (
            "/api/events/alerts",
            web::get().to(sse::alerts),
            web::head().to(sse::alerts),
        ),
        (
            "/api/events/notifications",
            web::get().to(sse::notifications),
            web::head().to(sse::notifications),
        ),
        (
            "/api/events/all",
            web::get().to(sse::all),
            web::head().to(sse::all),
        ),
    ];
    // Routes are tried in this order: first what agents ask for each second.
    config.route("/api/ingest", web::post().to(ingest::samples));
    for (path, get, head) in streams {
        config.service(web::resource(path).route(get).route(head));
    }
    assets::configure(config);
    pages::routes::configure(config);
    config
        .route("/ws", web::get().to(ws::open))
        .route("/ws/echo", web::get().to(ws::echo::open))
        .route("/api/stats", web::get().to(api::stats))
        .route("/api/metrics/recent", web::get().to(api::recent))
        .route("/api/history", web::get().to(history::history))
        .route("/api/series", web::get().to(api::series))
        .route("/api/sources", web::get().to(api::sources))
        .route(
            "/api/sources/{name}/{action}",
            web::post().to(api::source_action),
        )
        .route("/api/alerts", web::get().to(api::alerts))
        .route("/api/alerts/clear", web::post().to(api::clear_alerts))
        .route("/api/alerts/{id}", web::get().to(api::alert))
        .route("/api/alerts/{id}/quiet", web::get().to(api::quiet))
        .route("/api/alerts/{id}/notes", web::post().to(api::note))
        .route(
            "/api/alerts/{id}/{action}",
            web::post().to(api::alert_action),
        )
        .route("/api/annotations", web::get().to(annotations::annotations))
        .route("/api/annotations", web::post().to(annotations::annotate))
        .route(
            "/api/annotations/{id}",
            web::get().to(annotations::annotation),
        )
        .route(
            "/api/annotations/{id}",
            web::delete().to(annotations::withdraw),
        )
        .route("/api/rules", web::get().to(rules::rules))
        .route("/api/rules", web::post().to(rules::make))
        .route("/api/rules/check", web::post().to(rules::check))
        .route("/api/rules/backtest", web::post().to(backtest::backtest))
        .route("/api/rules/{name}", web::get().to(rules::rule))
        .route("/api/rules/{name}", web::put().to(rules::put))
        .route("/api/rules/{name}", web::delete().to(rules::remove))
        .route("/api/rules/{name}/{action}", web::post().to(rules::action))
        .route("/api/channels", web::get().to(channels::channels))
        .route("/api/channels/{name}/test", web::post().to(channels::test))
        .route("/api/notifications", web::get().to(channels::notifications))
        .route("/api/config", web::get().to(configuration::status))
        .route("/api/config/reload", web::post().to(configuration::reload))
        .route("/api/silences", web::get().to(silences::silences))
        .route("/api/silences", web::post().to(silences::silence))
        .route("/api/silences/{id}", web::delete().to(silences::unsilence))
        .route("/api/wait", web::get().to(wait::wait))
        .route("/api/events", web::post().to(ingest::event))
        .route("/metrics", web::get().to(exposition::metrics))
        .route("/healthz", web::get().to(health::healthy))
        .route("/readyz", web::get().to(health::ready))
        .route("/api/openapi.json", web::get().to(openapi::document))
        .default_service(web::to(problem::nothing_here));
}
