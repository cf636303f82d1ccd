//! Finds the numbers of events in what a client reads, whatever the framing, and checks that none is missing.

use memchr::memmem;

/// What stands before the number of an event, in every server's bytes.
const MARK: &[u8] = b"\"value\":";
/// Numbers have this many digits: they begin at [`FIRST`] and stay below ten times that.
const DIGITS: usize = 7;
/// The number of the first event.
pub const FIRST: u32 = 1_000_000;
/// The most bytes of an unfinished number that a read can end with.
pub const CARRY: usize = MARK.len() + DIGITS - 1;

/// Finds the numbers of events.
pub struct Scanner(memmem::Finder<'static>);

impl Default for Scanner {
    fn default() -> Self {
        Self(memmem::Finder::new(MARK))
    }
}

impl Scanner {
    /// Calls `each` with the numbers in `bytes`; returns how many bytes at the end may belong to an unfinished one.
    pub fn numbers(&self, bytes: &[u8], mut each: impl FnMut(u32)) -> usize {
        let mut from = 0;
        while let Some(found) = self.0.find(&bytes[from..]) {
            let start = from + found + MARK.len();
            let Some(digits) = bytes.get(start..start + DIGITS) else {
                return bytes.len() - (from + found);
            };
            let digit = |number: u32, d: &u8| number * 10 + u32::from(d.wrapping_sub(b'0') % 10);
            each(digits.iter().fold(0, digit));
            from = start + DIGITS;
        }
        (bytes.len() - from).min(MARK.len() - 1)
    }
}

/// Where a client is in the sequence of events.
#[derive(Default)]
pub struct Sequence {
    /// The number that must come next; none while the first is awaited and may be any.
    pub next: Option<u32>,
    pub lost: u64,
    pub doubled: u64,
}

impl Sequence {
    /// Takes the number of an event that came; false if it came before.
    pub fn take(&mut self, number: u32) -> bool {
        let next = self.next.unwrap_or(number);
        if number < next {
            self.doubled += 1;
            return false;
        }
        self.lost += u64::from(number - next);
        self.next = Some(number + 1);
        true
    }
}
