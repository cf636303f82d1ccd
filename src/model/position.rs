//! Positions: where in the one order of all events a client is.

use std::{fmt, str::FromStr};

/// A sequence number within one epoch. The first event of an epoch has 1; 0 is "before everything".
pub type Seq = u64;

/// One life of the server: a boot counter, and a random suffix so that a server started twice from one backup
/// does not give out the same positions for different events. Written `e12.7f3c09aa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Counts the starts of the server on this data folder, from 1.
    pub boot: u32,
    /// Random.
    pub suffix: u32,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}.{:08x}", self.boot, self.suffix)
    }
}

/// `<epoch>-<seq>`: everything up to and including `seq` has been seen. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The life of the server that gave it out.
    pub epoch: Epoch,
    /// The number within that life.
    pub seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl serde::Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// The text is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a position; one looks like e1.5f3c09aa-812 and comes from an id, a position field or a heartbeat"
)]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let parse = || {
            let (epoch, seq) = text.strip_prefix('e')?.split_once('-')?;
            let (boot, suffix) = epoch.split_once('.')?;
            let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            let hex = suffix.len() == 8 && suffix.bytes().all(|b| b.is_ascii_hexdigit());
            (digits(boot) && digits(seq) && hex).then_some(())?;
            Some(Position {
                epoch: Epoch {
                    boot: boot.parse().ok()?,
                    suffix: u32::from_str_radix(suffix, 16).ok()?,
                },
                seq: seq.parse().ok()?,
            })
        };
        parse().ok_or(InvalidPosition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_itself() {
        let position = Position {
            epoch: Epoch {
                boot: 12,
                suffix: 0x7f,
            },
            seq: 812,
        };
        assert_eq!(position.to_string(), "e12.0000007f-812");
        assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "812",
            "e1-2",
            "e1.zz-2",
            "e1.0000007f-",
            "e1.0000007f-+2",
            "e1.0000007f-2 ",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(InvalidPosition), "{bad:?}");
        }
    }
}
