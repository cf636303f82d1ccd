//! What each address has open, and how much it asks. Reads no clock.
//!
//! An address is known while it has a connection open or has asked more than it may go on with for ever; that is a
//! second or two for each full burst. What need not be known any more is dropped when the table has doubled, so it stays in
//! proportion to the addresses at work.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Whoever a limit of one address is for: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has
/// at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller(IpAddr);

impl Caller {
    /// Who has this address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(network.into())
            }
            v4 => v4,
        })
    }
}

/// What a request counts to. Each has the whole rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// All requests but the others.
    Requests,
    /// Health checks and `/metrics`.
    Checks,
}

/// So many requests a second for ever, so many at once.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// From one request to the next.
    apart: Duration,
    /// How far ahead of that an address may be.
    ahead: Duration,
}

impl Rate {
    /// Neither is zero.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let apart = Duration::from_secs(1) / per_second.max(1);
        Self {
            apart,
            ahead: apart * burst.max(1),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Addresses {
    rate: Rate,
    max_connections: usize,
    begun: Instant,
    entries: HashMap<Caller, Entry>,
    /// Entries that are not needed are dropped when there are so many.
    sweep_at: usize,
}

/// Below this many, nothing is swept.
const FEW: usize = 1024;

#[derive(Debug, Default)]
struct Entry {
    connections: usize,
    /// For each account, when all that was asked would have been at the rate; counted from the beginning.
    paid: [Duration; 2],
}

impl Entry {
    fn is_idle(&self, now: Duration) -> bool {
        self.connections == 0 && self.paid.iter().all(|paid| *paid <= now)
    }
}

impl Addresses {
    /// At most `max_connections` and `rate` for each.
    pub fn new(rate: Rate, max_connections: usize, begun: Instant) -> Self {
        Self {
            rate,
            max_connections,
            begun,
            entries: HashMap::new(),
            sweep_at: FEW,
        }
    }

    /// One more connection; false if there is no place.
    pub fn connect(&mut self, caller: Caller) -> bool {
        let entry = self.entries.entry(caller).or_default();
        if entry.connections >= self.max_connections {
            return false;
        }
        entry.connections += 1;
        true
    }

    /// One less.
    pub fn disconnect(&mut self, caller: Caller, now: Instant) {
        let now = now.duration_since(self.begun);
        if let Some(entry) = self.entries.get_mut(&caller) {
            entry.connections = entry.connections.saturating_sub(1);
            if entry.is_idle(now) {
                self.entries.remove(&caller);
            }
        }
        if self.entries.len() >= self.sweep_at {
            self.sweep(now);
        }
    }

    fn sweep(&mut self, now: Duration) {
        self.entries.retain(|_, entry| !entry.is_idle(now));
        self.sweep_at = FEW.max(self.entries.len() * 2);
    }

    /// One request; how long to wait if it is one too many.
    pub fn request(
        &mut self,
        caller: Caller,
        account: Account,
        now: Instant,
    ) -> Result<(), Duration> {
        let now = now.duration_since(self.begun);
        let entry = self.entries.entry(caller).or_default();
        let paid = &mut entry.paid[account as usize];
        let then = (*paid).max(now) + self.rate.apart;
        let ahead = then - now;
        if ahead > self.rate.ahead {
            return Err(ahead - self.rate.ahead);
        }
        *paid = then;
        Ok(())
    }

    /// How many need be known.
    pub fn count(&mut self, now: Instant) -> usize {
        self.sweep(now.duration_since(self.begun));
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(text: &str) -> Caller {
        Caller::of(text.parse().unwrap())
    }

    fn number(n: u32) -> Caller {
        Caller::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        assert_eq!(caller("2001:db8:0:1::1"), caller("2001:db8:0:1:ffff::2"));
        assert_ne!(caller("2001:db8:0:1::1"), caller("2001:db8:0:2::1"));
        assert_eq!(caller("::ffff:10.0.0.1"), caller("10.0.0.1"));
        assert_ne!(caller("10.0.0.1"), caller("10.0.0.2"));
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let mut addresses = Addresses::new(Rate::new(10, 5), 1, begun);
        let mut ask = |account, millis| addresses.request(number(1), account, at(millis));
        for _ in 0..5 {
            assert_eq!(ask(Account::Requests, 0), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(ask(Account::Requests, 0), Err(wait));
        assert_eq!(ask(Account::Checks, 0), Ok(()));
        // What is refused costs nothing.
        assert_eq!(ask(Account::Requests, 50), Err(wait / 2));
        assert_eq!(ask(Account::Requests, 100), Ok(()));
        assert!(ask(Account::Requests, 100).is_err());
        for _ in 0..5 {
            assert_eq!(ask(Account::Requests, 10_000), Ok(()));
        }
        assert!(ask(Account::Requests, 10_000).is_err());
        assert_eq!(
            addresses.request(number(2), Account::Requests, at(0)),
            Ok(())
        );
    }

    #[test]
    fn addresses_that_left_are_forgotten() {
        let begun = Instant::now();
        let mut addresses = Addresses::new(Rate::new(10, 5), 1, begun);
        assert!(addresses.connect(number(0)));
        assert!(!addresses.connect(number(0)));
        for n in 1..=100_000 {
            // A thousand a second, each with one request, which is paid for after a tenth of a second.
            let now = begun + Duration::from_millis(n.into());
            assert!(addresses.connect(number(n)));
            assert_eq!(addresses.request(number(n), Account::Requests, now), Ok(()));
            addresses.disconnect(number(n), now);
            assert!(addresses.entries.len() <= FEW);
        }
        addresses.disconnect(number(0), begun + Duration::from_secs(200));
        assert_eq!(addresses.count(begun + Duration::from_secs(201)), 0);
        assert!(addresses.connect(number(0)));
    }
}
