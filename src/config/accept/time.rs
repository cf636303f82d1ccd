//! Times of day, and whose clocks they are of.

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::{Accept, Raw};

/// A time of day.
pub(in super::super) struct TimeOfDay;

impl Accept for TimeOfDay {
    type Value = NaiveTime;

    fn accepted(&self) -> String {
        "a time of day from 00:00 to 23:59, like \"02:30\"".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(raw.text()?, "%H:%M").ok()
    }

    fn show(&self, value: &NaiveTime) -> String {
        format!("{:?}", value.format("%H:%M").to_string())
    }
}

/// A time zone by its name in the IANA database.
pub(in super::super) struct Zone;

impl Accept for Zone {
    type Value = Tz;

    fn accepted(&self) -> String {
        "the name of a time zone, like \"UTC\" or \"Europe/Berlin\"".to_owned()
    }

    fn read(&self, raw: Raw<'_>) -> Option<Tz> {
        raw.text()?.parse().ok()
    }

    fn show(&self, value: &Tz) -> String {
        format!("{:?}", value.name())
    }
}
