//! A request's body: capped, and unpacked within a cap.

use std::io::Read as _;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
    web,
};
use flate2::read::MultiGzDecoder;
use tokio_stream::StreamExt as _;

use crate::{config::Ingest, web::problem::Problem};

/// Reads a body; gzip is unpacked. 413 past a cap, 408 when it comes too slowly, 415 for another encoding, 400 for what
/// is no gzip.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    limits: &Ingest,
) -> Result<Vec<u8>, Problem> {
    let whole = tokio::time::timeout(limits.body_timeout, gather(payload, limits)).await;
    let body = whole.unwrap_or_else(|_| {
        let allowed = limits.body_timeout;
        let detail = format!("the body was not there after {allowed:?} (key ingest.body_timeout)");
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
    })?;
    unpack(request, body, limits)
}

async fn gather(mut payload: web::Payload, limits: &Ingest) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body broke off: {error}"),
            )
        })?;
        if body.len() + piece.len() > limits.max_body {
            return Err(too_large("body", limits.max_body, "ingest.max_body"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unpack(request: &HttpRequest, body: Vec<u8>, limits: &Ingest) -> Result<Vec<u8>, Problem> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    match encoding.map(|v| v.to_str().unwrap_or("")) {
        None | Some("identity") => Ok(body),
        Some("gzip" | "x-gzip") => {
            let max = limits.max_decompressed;
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
                return Err(too_large("unpacked body", max, "ingest.max_decompressed"));
            }
            Ok(unpacked)
        }
        Some(other) => {
            let detail = format!("content encoding {other:?}: gzip or none is accepted");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

fn too_large(what: &str, max: usize, key: &str) -> Problem {
    let detail = format!("the {what} is over {max} bytes (key {key}); send it in parts");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
