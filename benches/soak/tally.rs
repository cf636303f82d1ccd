//! What one client saw between the two marks, which are samples like all others.

/// Counts events by their numbers. Kept small: no list, but a sum that depends on each number.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The position of the newest thing that had one; what a client comes back with.
    pub position: String,
    /// The life of the server that it is of.
    pub boot: u64,
    /// In how many milliseconds to come back, as the server said.
    pub retry: u64,
    /// The numbers of the two marks; 0 as long as they were not seen.
    pub from: u64,
    pub upto: u64,
    /// Between them, the second included.
    pub samples: u64,
    pub alerts: u64,
    pub activity: u64,
    /// Samples that are numbers pushed in order, wherever.
    pub numbers: u64,
    /// Of all their numbers. Equal sums and counts are taken for equal numbers.
    pub sum: u64,
    /// Said to be left out.
    pub skipped: u64,
    /// What must not be: numbers that do not rise, of events and of what is pushed in order; resets.
    pub faults: u64,
    /// How often numbers of events were passed over, which is right for filtered ones only.
    pub holes: u64,
    /// It was told that the server was away.
    pub gaps: u64,
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

    /// Something of the present life came.
    pub fn has_event(&self) -> bool {
        self.last > 0
    }

    /// All that came between the marks.
    pub fn events(&self) -> u64 {
        self.samples + self.alerts + self.activity
    }

    /// What comes next is at this position; its number.
    fn at(&mut self, position: &str) -> u64 {
        let boot = number(position.as_bytes().get(1..).unwrap_or_default());
        if boot != self.boot {
            self.boot = boot;
            self.last = 0;
        }
        position.clone_into(&mut self.position);
        after_dash(position.as_bytes())
    }

    /// An event with the number of its last sample.
    fn event(&mut self, number: u64, event: &Event<'_>) {
        let count = match event {
            Event::Samples(count, _) => *count,
            Event::Alert | Event::Activity => 1,
        };
        self.faults += u64::from(number <= self.last);
        self.holes += u64::from(number != self.last + count && self.from > 0);
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
        if let Event::Samples(_, text) = event
            && let Some(pushed) = named("soak_number", text)
        {
            self.numbers += 1;
            self.faults += u64::from(pushed <= self.pushed);
            self.pushed = pushed;
        }
        if self.from > 0 && self.upto == 0 {
            match event {
                Event::Samples(count, _) => self.samples += count,
                Event::Alert => self.alerts += 1,
                Event::Activity => self.activity += 1,
            }
            // Of all its numbers, so that a batch and its samples are the same.
            for number in (number + 1).saturating_sub(count)..=number {
                let mixed = (number ^ self.boot << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 29));
            }
        }
        match mark {
            Some(1) => self.from = number,
            Some(2) => self.upto = number,
            _ => {}
        }
    }

    /// It was told that samples were left out.
    fn lagged(&mut self, skipped: u64) {
        self.skipped += skipped;
    }

    /// It was told that something may be missing.
    fn reset(&mut self) {
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
                self.number = tally.at(std::str::from_utf8(id).unwrap_or_default());
            } else if let Some(retry) = line.strip_prefix(b"retry: ") {
                tally.retry = number(retry);
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
                } else if data.starts_with(b"gap\"") {
                    tally.gaps += 1;
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
    let position = position.and_then(|rest| rest.split('"').next());
    let number = match position {
        // Of the server as a whole, not of what was sent.
        Some(position) if kind != "hello" => tally.at(position),
        _ => 0,
    };
    let field = |name: &str| {
        let rest = text.split_once(name).map(|(_, rest)| rest);
        rest.map_or(0, |rest| self::number(rest.as_bytes()))
    };
    match kind {
        "metrics" => {
            let names = "{\"name\":\"";
            let first = text.find(names).map_or(text.len(), |at| at + names.len());
            let count = text.matches(names).count() as u64;
            tally.event(number, &Event::Samples(count, &text.as_bytes()[first..]));
        }
        "alert" => tally.event(number, &Event::Alert),
        "activity" => tally.event(number, &Event::Activity),
        "lagged" => tally.lagged(field("\"skipped\":")),
        "draining" => tally.retry = field("\"retry\":"),
        "reset" => tally.reset(),
        "gap" => tally.gaps += 1,
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
