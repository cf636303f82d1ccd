//! The heads of the frames that the client of a WebSocket sends, looked at as they go by.
//!
//! actix-ws notices a frame that is too large only when all of it has come, and keeps it until then; and a message in
//! empty pieces never ends. Here both are known from a head alone.

/// Pieces of one message, at most.
const MOST_PIECES: u32 = 1000;
/// The longest payload of a control frame.
const MOST_CONTROL: u64 = 125;

/// Why nothing more is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A frame, or the number of its pieces, is over the limit.
    TooLarge,
    /// That is no frame.
    NoFrame,
}

/// See the module.
#[derive(Debug)]
pub struct FrameHeads {
    /// The largest frame, in bytes.
    most: u64,
    /// The head that is coming, as far as it has come.
    head: [u8; 14],
    have: usize,
    /// Bytes of payload still to come.
    payload: u64,
    pieces: u32,
}

impl FrameHeads {
    /// Of frames of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            most: most as u64,
            head: [0; 14],
            have: 0,
            payload: 0,
            pieces: 0,
        }
    }

    /// Takes note of bytes that have come; how many of them lie before a fault, and the fault.
    pub fn pass(&mut self, bytes: &[u8]) -> (usize, Option<Fault>) {
        let mut at = 0;
        let mut good = 0;
        while at < bytes.len() {
            let rest = bytes.len() - at;
            let skipped = usize::try_from(self.payload).map_or(rest, |payload| payload.min(rest));
            self.payload -= skipped as u64;
            at += skipped;
            if at == bytes.len() {
                break;
            }
            if self.have == 0 {
                good = at;
            }
            self.head[self.have] = bytes[at];
            self.have += 1;
            at += 1;
            match self.whole() {
                Err(fault) => return (good, Some(fault)),
                Ok(true) => self.have = 0,
                Ok(false) => {}
            }
        }
        (bytes.len(), None)
    }

    /// Whether the head is complete; if so, its payload is what comes next.
    fn whole(&mut self) -> Result<bool, Fault> {
        let head = &self.head[..self.have];
        let [first, second, rest @ ..] = head else {
            return Ok(false);
        };
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let is_control = opcode & 8 != 0;
        let (length, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(false),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(false),
            },
            length => (u64::from(length), rest),
        };
        if first & 0x70 != 0 || is_control && (!last || length > MOST_CONTROL) {
            return Err(Fault::NoFrame);
        }
        if length > self.most {
            return Err(Fault::TooLarge);
        }
        let masked = second & 0x80 != 0;
        if masked && rest.len() < 4 {
            return Ok(false);
        }
        if !is_control {
            self.pieces = if opcode == 0 { self.pieces + 1 } else { 1 };
            if self.pieces > MOST_PIECES {
                return Err(Fault::TooLarge);
            }
        }
        self.payload = length;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame; its mask is zero.
    fn frame(first: u8, length: u64) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(0x80 | length as u8),
            126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(std::iter::repeat_n(b'x', length.min(100_000) as usize));
        frame
    }

    #[test]
    fn good_frames_pass_however_they_are_cut() {
        let frames = [
            frame(0x81, 0),
            frame(0x81, 5),
            frame(0x89, 125),
            frame(0x02, 126),
            frame(0x8a, 0),
            frame(0x80, 70_000),
            frame(0x88, 2),
        ]
        .concat();
        for piece in [1, 2, 3, 7, 1000, frames.len()] {
            let mut heads = FrameHeads::new(70_000);
            for piece in frames.chunks(piece) {
                assert_eq!(heads.pass(piece), (piece.len(), None));
            }
            assert_eq!((heads.have, heads.payload), (0, 0));
        }
    }

    #[test]
    fn a_fault_is_known_from_the_head_and_what_came_before_it_is_good() {
        let faults = [
            (frame(0x81, 1001), Fault::TooLarge),
            (frame(0x81, u64::MAX), Fault::TooLarge),
            (frame(0xc1, 1), Fault::NoFrame),
            (frame(0x89, 126), Fault::NoFrame),
            (frame(0x09, 1), Fault::NoFrame),
        ];
        for (bad, fault) in faults {
            let good = frame(0x81, 3);
            let both = [&good[..], &bad[..]].concat();
            let mut heads = FrameHeads::new(1000);
            assert_eq!(heads.pass(&both), (good.len(), Some(fault)));
        }
    }

    #[test]
    fn a_message_may_not_come_in_pieces_for_ever() {
        let mut heads = FrameHeads::new(1000);
        assert_eq!(heads.pass(&frame(0x01, 0)).1, None);
        let mut pieces = (1..).map(|_| heads.pass(&frame(0x00, 0)).1);
        let found = pieces.position(|fault| fault.is_some());
        assert_eq!(found, Some(MOST_PIECES as usize - 1));
    }
}
