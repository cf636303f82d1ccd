//! The address to listen on.

use std::net::{Ipv4Addr, SocketAddr};

use super::{Accept, Raw};

/// An address and a port. `localhost` stands for 127.0.0.1; no other name is looked up, so that a start never waits
/// for a resolver.
pub(in super::super) struct Address;

impl Accept for Address {
    type Value = SocketAddr;

    fn accepted(&self) -> String {
        "an address and a port, like 127.0.0.1:8080, localhost:8080, [::1]:8080 or 0.0.0.0:8080"
            .to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<SocketAddr> {
        let text = raw.text()?.trim();
        match text.strip_prefix("localhost:") {
            Some(port) => Some((Ipv4Addr::LOCALHOST, port.parse::<u16>().ok()?).into()),
            None => text.parse().ok(),
        }
    }

    fn show(&self, value: &SocketAddr) -> String {
        format!("\"{value}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_the_one_name() {
        let read = |text| Address.read(Raw::Text(text)).map(|a| a.to_string());
        assert_eq!(read("localhost:0").as_deref(), Some("127.0.0.1:0"));
        assert_eq!(read("[::1]:8080").as_deref(), Some("[::1]:8080"));
        for bad in [
            "",
            "8080",
            ":8080",
            "web1:8080",
            "127.0.0.1",
            "127.0.0.1:99999",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
