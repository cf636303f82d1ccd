//! Networks: addresses that are meant together.

use std::{fmt, net::IpAddr};

use super::{Accept, Raw};

/// An address, or all that begin with the same bits. An IPv4 address in IPv6 clothes is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits at the beginning are the same.
    bits: u8,
}

impl Network {
    /// Of one address, or `address/bits`. `None` for anything else, also for bits that are set behind the prefix.
    pub(in super::super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        let network = Self { address, bits };
        (bits <= most && prefix(address, bits) == prefix(address, most)).then_some(network)
    }

    /// Whether an address is of it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && prefix(address, self.bits) == prefix(self.address, self.bits)
    }
}

/// The first bits of an address, in their places; the others are zero.
fn prefix(address: IpAddr, bits: u8) -> u128 {
    let all = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let behind = 128 - u32::from(bits);
    all.checked_shr(behind).map_or(0, |kept| kept << behind)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        match self.bits == whole {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.bits),
        }
    }
}

/// An address or a network.
pub(in super::super) struct Addresses;

impl Accept for Addresses {
    type Value = Network;

    fn accepted(&self) -> String {
        "an address or a network, like 10.1.2.3, 10.0.0.0/8 or fd00::/8".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Network> {
        Network::parse(raw.text()?.trim())
    }

    fn show(&self, value: &Network) -> String {
        format!("\"{value}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        let contains = |network: &str, address: &str| {
            let network = Network::parse(network).unwrap();
            network.contains(address.parse().unwrap())
        };
        assert!(contains("127.0.0.0/8", "127.9.9.9"));
        assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(!contains("127.0.0.0/8", "128.0.0.1"));
        assert!(!contains("127.0.0.0/8", "::1"));
        assert!(contains("::1", "::1"));
        assert!(!contains("::1", "::2"));
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(!contains("0.0.0.0/0", "fd00::1"));
        assert!(contains("::/0", "fd00::1"));
    }

    #[test]
    fn networks_are_written_as_they_are_read() {
        for good in ["10.1.2.3", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0"] {
            let network = Network::parse(good).unwrap();
            assert_eq!(network.to_string(), good);
        }
        for bad in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/",
            "::1/129",
            "10.0.0.0/-1",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
