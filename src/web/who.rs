//! Who asks: the name a request gives, or the address it came from. There are no accounts, so it is what was said, for the
//! record of who did what; nothing is decided by it.

use actix_web::HttpRequest;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::query;
use crate::model::Person;

/// The cookie in which a browser keeps the name.
pub const COOKIE: &str = "tickwire_name";
/// The parameter by which a script gives it.
pub const PARAMETER: &str = "by";

/// The parameter `by`, else the cookie, else the address of the peer.
pub fn of(request: &HttpRequest) -> Person {
    let parameter = query::pairs(request.query_string())
        .into_iter()
        .find(|(name, _)| name == PARAMETER)
        .and_then(|(_, value)| Person::parse(&value));
    let address = || {
        let peer = request.peer_addr()?;
        Person::parse(&peer.ip().to_canonical().to_string())
    };
    parameter
        .or_else(|| cookie(request))
        .or_else(address)
        .unwrap_or_else(Person::nobody)
}

/// What has a browser keep a name; without one it keeps none.
pub fn keep(name: Option<&Person>) -> String {
    let encoded = name.map(|name| utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC).to_string());
    let age = if encoded.is_some() { 365 * 86_400 } else { 0 };
    let name = encoded.unwrap_or_default();
    format!("{COOKIE}={name}; Path=/; Max-Age={age}; SameSite=Lax")
}

fn cookie(request: &HttpRequest) -> Option<Person> {
    let cookies = request.headers().get_all("cookie");
    let pairs = cookies.filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, value)| {
            let name = percent_decode_str(value).decode_utf8().ok()?;
            Person::parse(&name)
        })
}
