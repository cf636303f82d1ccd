//! What browsers put into `Host` and `Origin`.

use super::{Accept, Raw};

/// A host as in a `Host` header, without its port; kept in lower case.
pub(in super::super) struct AllowedHost;

impl Accept for AllowedHost {
    type Value = String;

    fn accepted(&self) -> String {
        "a host name or address without a port, like status.example.org".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<String> {
        raw.text()
            .filter(|text| is_host(text))
            .map(str::to_ascii_lowercase)
    }

    fn show(&self, value: &String) -> String {
        format!("{value:?}")
    }
}

/// An origin: scheme, host and, where it is not the usual one, port; kept in lower case.
pub(in super::super) struct Origin;

impl Accept for Origin {
    type Value = String;

    fn accepted(&self) -> String {
        "an origin, like https://status.example.org or http://localhost:3000".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        (matches!(scheme, "http" | "https") && is_host(host) && port)
            .then(|| text.to_ascii_lowercase())
    }

    fn show(&self, value: &String) -> String {
        format!("{value:?}")
    }
}

/// Where people reach the pages; kept without a slash at the end. Empty for none.
pub(in super::super) struct BaseUrl;

impl Accept for BaseUrl {
    type Value = Option<String>;

    fn accepted(&self) -> String {
        "an address that begins with http:// or https://, like \"https://status.example.org\", or \"\" for the one listened on"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Self::Value> {
        let text = raw.text()?;
        if text.is_empty() {
            return Some(None);
        }
        let (scheme, rest) = text.split_once("://")?;
        let fits = matches!(scheme, "http" | "https")
            && !rest.is_empty()
            && !rest.contains(|c: char| c.is_whitespace() || c == '"' || c == '<');
        fits.then(|| Some(text.trim_end_matches('/').to_owned()))
    }

    fn show(&self, value: &Self::Value) -> String {
        format!("{:?}", value.as_deref().unwrap_or_default())
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=253).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_no_port_and_origins_no_path() {
        for good in ["Status.example.org", "10.0.0.1", "[::1]"] {
            assert!(AllowedHost.read(Raw::Text(good)).is_some(), "{good}");
        }
        for bad in ["", "web1:8080", "http://web1", "a b", "*", "::1"] {
            assert!(AllowedHost.read(Raw::Text(bad)).is_none(), "{bad}");
        }
        for good in ["https://web1", "http://[::1]:3000", "http://[::1]"] {
            assert!(Origin.read(Raw::Text(good)).is_some(), "{good}");
        }
        for bad in [
            "web1",
            "https://web1/",
            "null",
            "*",
            "ftp://web1",
            "http://web1:x",
        ] {
            assert!(Origin.read(Raw::Text(bad)).is_none(), "{bad}");
        }
    }
}
