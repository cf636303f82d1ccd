//! What one client saw between the two marks, which are samples like all others.

/// Counts events by their numbers. Kept small: no list, but a sum that depends on each number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The numbers of the two marks; 0 as long as they were not seen.
    pub from: u64,
    pub upto: u64,
    /// Between them, the second included.
    pub samples: u64,
    pub alerts: u64,
    pub activity: u64,
    /// Of all their numbers. Equal sums and counts are taken for equal numbers.
    pub sum: u64,
    /// Said to be left out.
    pub skipped: u64,
    /// What must not be: numbers that do not rise, holes in what is pushed in order, resets.
    pub faults: u64,
    last: u64,
    pushed: u64,
}

/// An event, as far as it matters here.
pub enum Event<'a> {
    /// So many samples; the rest of the event from the name of the first one on.
    Samples(u64, &'a [u8]),
    Alert,
    Activity,
}

impl Tally {
    /// Both marks were seen.
    pub fn is_complete(&self) -> bool {
        self.upto > 0
    }

    /// All that came between the marks.
    pub fn events(&self) -> u64 {
        self.samples + self.alerts + self.activity
    }

    /// An event with the number of its last sample.
    pub fn event(&mut self, number: u64, event: &Event<'_>) {
        self.faults += u64::from(number <= self.last);
        self.last = number;
        let named = |name: &str, text: &[u8]| {
            let rest = text.strip_prefix(name.as_bytes())?;
            let rest = rest.strip_prefix(b"\",\"value\":")?;
            let digits = rest.iter().take_while(|b| b.is_ascii_digit());
            Some(digits.fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
        };
        let mark = match event {
            Event::Samples(_, text) => named("soak_mark", text),
            _ => None,
        };
        if self.from > 0 && self.upto == 0 {
            match event {
                Event::Samples(count, text) => {
                    self.samples += count;
                    if let Some(pushed) = named("soak_number", text) {
                        let in_order = self.pushed == 0 || pushed == self.pushed + 1;
                        self.faults += u64::from(!in_order && self.skipped == 0);
                        self.pushed = pushed;
                    }
                }
                Event::Alert => self.alerts += 1,
                Event::Activity => self.activity += 1,
            }
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 29));
        }
        match mark {
            Some(1) => self.from = number,
            Some(2) => self.upto = number,
            _ => {}
        }
    }

    /// It was told that samples were left out.
    pub fn lagged(&mut self, skipped: u64) {
        self.skipped += skipped;
    }

    /// It was told that something may be missing.
    pub fn reset(&mut self) {
        self.faults += 1;
    }
}

/// Reads a stream of SSE, cut anywhere.
#[derive(Debug, Default)]
pub struct Sse {
    rest: Vec<u8>,
    number: u64,
}

impl Sse {
    /// `seen` gets the data of each event too.
    pub fn feed(&mut self, bytes: &[u8], tally: &mut Tally, mut seen: impl FnMut(&[u8])) {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(length) = self.rest[at..].iter().position(|b| *b == b'\n') {
            let line = &self.rest[at..at + length];
            at += length + 1;
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.number = after_dash(id);
            } else if let Some(data) = line.strip_prefix(b"data: {\"type\":\"") {
                if let Some(text) = data.strip_prefix(b"metric\",\"name\":\"") {
                    tally.event(self.number, &Event::Samples(1, text));
                } else if data.starts_with(b"alert\"") {
                    tally.event(self.number, &Event::Alert);
                } else if data.starts_with(b"activity\"") {
                    tally.event(self.number, &Event::Activity);
                } else if let Some(rest) = data.strip_prefix(b"lagged\",\"skipped\":") {
                    tally.lagged(number(rest));
                } else if data.starts_with(b"reset\"") {
                    tally.reset();
                }
                seen(data);
            }
        }
        self.rest.drain(..at);
    }
}

/// Reads a frame of a socket.
pub fn frame(text: &str, tally: &mut Tally) {
    let Some(rest) = text.strip_prefix("{\"type\":\"") else {
        return;
    };
    let kind = rest.split('"').next().unwrap_or_default();
    let position = text.split_once("\"position\":\"").map(|(_, rest)| rest);
    let number = position.map_or(0, |rest| after_dash(rest.as_bytes()));
    match kind {
        "metrics" => {
            let names = "{\"name\":\"";
            let first = text.find(names).map_or(text.len(), |at| at + names.len());
            let count = text.matches(names).count() as u64;
            tally.event(number, &Event::Samples(count, &text.as_bytes()[first..]));
        }
        "alert" => tally.event(number, &Event::Alert),
        "activity" => tally.event(number, &Event::Activity),
        "lagged" => {
            let skipped = text.split_once("\"skipped\":").map(|(_, rest)| rest);
            tally.lagged(skipped.map_or(0, |rest| self::number(rest.as_bytes())));
        }
        "reset" => tally.reset(),
        _ => {}
    }
}

fn after_dash(position: &[u8]) -> u64 {
    let dash = position.iter().position(|b| *b == b'-');
    dash.map_or(0, |dash| number(&position[dash + 1..]))
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))
}
