//! A POST of JSON to anybody, signed where there is a secret.
//!
//! `X-Tickwire-Delivery` is the id of the delivery, the same at each attempt. `X-Tickwire-Signature` is
//! `v1=<hex of HMAC-SHA256(secret, timestamp + "." + body)>` with the unix time of `X-Tickwire-Timestamp`, so that neither the
//! body nor the time can be exchanged.

use reqwest::{Client, RequestBuilder, header::CONTENT_TYPE};
use ring::hmac;
use serde_json::Value;

use crate::{
    model::{Secret, Timestamp},
    notify::message::Message,
};

pub(super) fn request(
    http: &Client,
    url: &Secret,
    secret: Option<&Secret>,
    body: Option<&Value>,
    message: &Message<'_>,
    now: Timestamp,
) -> RequestBuilder {
    let body = match body {
        Some(template) => message.fill(template),
        None => message.json(),
    };
    let body = body.to_string();
    let timestamp = now.as_millis() / 1000;
    let mut request = http
        .post(url.reveal())
        .header(CONTENT_TYPE, "application/json")
        .header("x-tickwire-delivery", message.delivery.id.to_string())
        .header("x-tickwire-timestamp", timestamp);
    if let Some(secret) = secret {
        let signature = sign(secret, timestamp, &body);
        request = request.header("x-tickwire-signature", format!("v1={signature}"));
    }
    request.body(body)
}

fn sign(secret: &Secret, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let signed = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let bytes = signed.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn the_signature_is_what_others_compute() {
        let signature = sign(&Secret::new("key"), 1_700_000_000, r#"{"a":1}"#);
        assert_eq!(signature, EXPECTED);
    }

    const EXPECTED: &str = "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
}
