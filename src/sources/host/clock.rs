//! How well the system's clock is kept, by what its time daemon told the kernel: adjtimex(2), Linux only.

use std::io;

use super::Sensor;
use crate::sources::{SampleError, metric::MetricDoc, recorder::Recorder};

const SYNCHRONISED: MetricDoc = MetricDoc::gauge(
    "clock_synchronised",
    "",
    &[],
    0,
    "1 if something keeps the system's clock (STA_UNSYNC of adjtimex(2) is not set), else 0.",
);
const OFFSET: MetricDoc = MetricDoc::gauge(
    "clock_offset",
    "s",
    &[],
    9,
    "How far the clock is off, either way, by what its time daemon last told the kernel to even out. chrony evens it out by itself and leaves 0.",
);
const MAX_ERROR: MetricDoc = MetricDoc::gauge(
    "clock_max_error",
    "s",
    &[],
    6,
    "How far the clock may be off at most; 16 where nothing keeps it.",
);

/// What this sensor records.
pub const METRICS: &[MetricDoc] = &[SYNCHRONISED, OFFSET, MAX_ERROR];

/// What the kernel knows of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    /// `STA_…` of adjtimex(2).
    status: i32,
    /// In nanoseconds with `STA_NANO`, else in microseconds.
    offset: i64,
    /// In microseconds.
    max_error: i64,
}

impl Kept {
    const UNSYNC: i32 = 0x0040;
    const NANO: i32 = 0x2000;

    fn is_synchronised(self) -> bool {
        self.status & Self::UNSYNC == 0
    }

    fn offset_seconds(self) -> f64 {
        let second = if self.status & Self::NANO != 0 {
            1e9
        } else {
            1e6
        };
        self.offset.unsigned_abs() as f64 / second
    }

    fn max_error_seconds(self) -> f64 {
        self.max_error as f64 / 1e6
    }
}

/// The clock.
#[derive(Debug)]
pub(super) struct Clock {
    /// A container may not be allowed to ask; then there is nothing to measure, which is no fault.
    refused: bool,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { refused: false }
    }
}

impl Sensor for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn sample(&mut self, out: &mut Recorder) -> Result<(), SampleError> {
        if self.refused {
            return Ok(());
        }
        match ask() {
            Ok(kept) => {
                SYNCHRONISED.record(out, [], f64::from(u8::from(kept.is_synchronised())));
                OFFSET.record(out, [], kept.offset_seconds());
                MAX_ERROR.record(out, [], kept.max_error_seconds());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.refused = true;
                Ok(())
            }
            Err(cause) => Err(SampleError::System {
                what: "the state of the clock",
                cause: cause.into(),
            }),
        }
    }
}

/// Reads it; changes nothing.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "the one call that neither the standard library nor a crate that is kept up wraps"
)]
#[allow(clippy::useless_conversion, reason = "a long has 32 bits elsewhere")]
fn ask() -> io::Result<Kept> {
    // SAFETY: timex is numbers only, for which all zeros is a value; `modes` of zero asks adjtimex to write what it knows into
    // the timex it is given, which is ours alone, and to change nothing.
    let (result, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        let result = libc::adjtimex(&raw mut timex);
        (result, timex)
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Kept {
        status: timex.status,
        offset: timex.offset.into(),
        max_error: timex.maxerror.into(),
    })
}

#[cfg(not(target_os = "linux"))]
fn ask() -> io::Result<Kept> {
    Err(io::ErrorKind::PermissionDenied.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_the_unit_that_the_status_says_and_no_sign() {
        let kept = Kept {
            status: Kept::NANO,
            offset: -50_000_000,
            max_error: 16_000_000,
        };
        assert!(kept.is_synchronised());
        assert_eq!(
            (kept.offset_seconds(), kept.max_error_seconds()),
            (0.05, 16.0)
        );
        let coarse = Kept {
            status: Kept::UNSYNC,
            offset: -50_000,
            ..kept
        };
        assert!(!coarse.is_synchronised());
        assert_eq!(coarse.offset_seconds(), 0.05);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_says_something_possible() {
        match ask() {
            // 16 s is the most it says (NTP_PHASE_LIMIT).
            Ok(kept) => assert!((0.0..=16.0).contains(&kept.max_error_seconds()), "{kept:?}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
