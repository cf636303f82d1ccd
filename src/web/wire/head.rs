//! How long the first head of a connection may be. actix-http would take 128 KiB of it, and refuses without a word.

/// The lines that actix-http takes: one for the request, and 96 headers.
const LINES: usize = 97;

/// A head in the coming.
#[derive(Debug)]
pub struct Head {
    max_bytes: usize,
    bytes: usize,
    lines: usize,
    line_is_empty: bool,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is more to come.
    Open,
    /// It is whole.
    Whole,
    /// It is too long.
    TooLong,
}

impl Head {
    /// One of at most so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            lines: 0,
            line_is_empty: true,
        }
    }

    /// More of it has come, perhaps with something behind it.
    pub fn read(&mut self, bytes: &[u8]) -> Verdict {
        for byte in bytes {
            self.bytes += 1;
            if self.bytes > self.max_bytes {
                return Verdict::TooLong;
            }
            match byte {
                b'\r' => {}
                b'\n' if self.line_is_empty => return Verdict::Whole,
                b'\n' => {
                    self.lines += 1;
                    self.line_is_empty = true;
                    if self.lines > LINES {
                        return Verdict::TooLong;
                    }
                }
                _ => self.line_is_empty = false,
            }
        }
        Verdict::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the pieces, the verdict is the same.
    fn verdict(max: usize, text: &str) -> Verdict {
        let whole = Head::new(max).read(text.as_bytes());
        let mut head = Head::new(max);
        let mut pieces = text.as_bytes().chunks(1).map(|piece| head.read(piece));
        let last = pieces.find(|verdict| *verdict != Verdict::Open);
        assert_eq!(last.unwrap_or(Verdict::Open), whole);
        whole
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        let head = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(verdict(head.len(), head), Verdict::Whole);
        assert_eq!(verdict(head.len() - 1, head), Verdict::TooLong);
        assert_eq!(verdict(head.len(), &head[..head.len() - 1]), Verdict::Open);
        assert_eq!(verdict(100, "GET / HTTP/1.1\nhost: a\n\n"), Verdict::Whole);
        // What comes behind it is no head.
        let body = "x".repeat(1000);
        assert_eq!(
            verdict(head.len(), &format!("{head}{body}")),
            Verdict::Whole
        );
    }

    #[test]
    fn a_head_has_at_most_96_headers() {
        let of = |headers| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(headers));
        assert_eq!(verdict(10_000, &of(96)), Verdict::Whole);
        assert_eq!(verdict(10_000, &of(97)), Verdict::TooLong);
    }
}
