//! `GET /api/openapi.json`: the contract of everything a program can ask (OpenAPI 3.1).
//!
//! Written by hand, before the code, in openapi.json; tests/openapi.rs holds the running server to it. Only the version
//! is filled in here.

use std::sync::LazyLock;

use actix_web::HttpResponse;

/// The contract as it is served.
pub static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| include_str!("openapi.json").replace("@VERSION@", env!("CARGO_PKG_VERSION")));

/// `GET /api/openapi.json`
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-cache"))
        .content_type("application/json")
        .body(DOCUMENT.as_str())
}
