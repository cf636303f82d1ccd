//! A request's body: capped, and unpacked within a cap.

use std::io::Read as _;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
    web,
};
use flate2::read::MultiGzDecoder;
use tokio_stream::StreamExt as _;

use crate::{
    config::Ingest,
    web::{
        limits::{Limit, Limits},
        problem::Problem,
    },
};

/// Reads a body; gzip is unpacked. 413 past a cap, 408 when it comes too slowly, 415 for another encoding, 400 for what
/// is no gzip.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    config: &Ingest,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    let whole = tokio::time::timeout(config.body_timeout, gather(payload, config, limits)).await;
    let body = whole.unwrap_or_else(|_| {
        let allowed = config.body_timeout;
        let detail = format!("the body was not there after {allowed:?} (key ingest.body_timeout)");
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
    })?;
    unpack(request, body, config, limits)
}

async fn gather(
    mut payload: web::Payload,
    config: &Ingest,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body broke off: {error}"),
            )
        })?;
        if body.len() + piece.len() > config.max_body {
            let detail = format!("the body is over {} bytes", config.max_body);
            return Err(limits.refuse(Limit::Body, &detail));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unpack(
    request: &HttpRequest,
    body: Vec<u8>,
    config: &Ingest,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    match encoding.map(|v| v.to_str().unwrap_or("")) {
        None | Some("identity") => Ok(body),
        Some("gzip" | "x-gzip") => {
            let max = config.max_decompressed;
            let mut unpacked = Vec::new();
            let bound = max as u64 + 1;
            let read = MultiGzDecoder::new(body.as_slice())
                .take(bound)
                .read_to_end(&mut unpacked);
            read.map_err(|error| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("the body is not gzip: {error}"),
                )
            })?;
            if unpacked.len() > max {
                let detail = format!("the unpacked body is over {max} bytes");
                return Err(limits.refuse(Limit::Unpacked, &detail));
            }
            Ok(unpacked)
        }
        Some(other) => {
            let detail = format!("content encoding {other:?}: gzip or none is accepted");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}
