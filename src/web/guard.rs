//! Who may ask: Host against DNS rebinding, Origin against other sites' pages. Before every handler.
//!
//! Host must be a loopback name, the listen address, or on `allowed_hosts`; the port does not matter, for tunnels. On
//! sockets and on anything that changes state an Origin, when there is one, must be that of the Host or be on
//! `allowed_origins`. No Origin is a script and fine.

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
};

use super::problem::Problem;
use crate::config::Server;

/// Which sites a request has to do with, as browsers say.
const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

/// Lets a request through, or refuses it: 421 for its Host, 403 for its Origin.
pub fn check(server: &Server, request: &HttpRequest) -> Result<(), Problem> {
    let text = |name| {
        let value: Option<&header::HeaderValue> = request.headers().get(name);
        value.map(|v| v.to_str().unwrap_or(""))
    };
    let host = text(header::HOST).or_else(|| request.uri().authority().map(|a| a.as_str()));
    let Some(host) = host else {
        return Err(misdirected("the request names no Host"));
    };
    let name = without_port(host);
    if !is_served(server, name) {
        return Err(misdirected(&format!(
            "Host {name:?} is not served here; add it to server.allowed_hosts if it should be"
        )));
    }
    let upgrade = request.head().upgrade();
    if request.method().is_safe() && !upgrade {
        return Ok(());
    }
    let same = |origin: &str| {
        let of = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        of.is_some_and(|of| of.eq_ignore_ascii_case(host))
    };
    match text(header::ORIGIN) {
        Some(origin) if !same(origin) && !server.allowed_origins.iter().any(|o| o == origin) => {
            Err(forbidden(&format!(
                "Origin {origin:?} is not that of the Host; add it to server.allowed_origins if it should be"
            )))
        }
        Some(_) => Ok(()),
        None if text(SEC_FETCH_SITE) == Some("cross-site") => {
            Err(forbidden("another site's page may not do this"))
        }
        None => Ok(()),
    }
}

/// Whether a Host of this name is answered. The usual names first: this is asked for every request.
fn is_served(server: &Server, name: &str) -> bool {
    let is = |accepted: &str| name.eq_ignore_ascii_case(accepted);
    if ["localhost", "127.0.0.1", "::1"].into_iter().any(is) {
        return true;
    }
    let listen = server.listen.ip();
    let name = name.to_ascii_lowercase();
    (name.parse() == Ok(listen) && !listen.is_unspecified())
        || server.allowed_hosts.iter().any(|host| is(host))
        || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, port) = rest.split_once(']').unwrap_or((rest, ""));
        let good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return if good { name } else { host };
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn misdirected(detail: &str) -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST, detail)
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}
