//! Alerts, silences, telling people, the configuration.

use super::page::Page;
use crate::{model::Level, web::state::State};

pub(super) fn write(page: &mut Page, state: &State) {
    let (by_level, silenced, silences) = {
        let live = state.live().read();
        let count = |level: Level| live.open_alerts().filter(|a| a.level == level).count();
        let by_level = Level::ALL.map(|level| (level.to_string(), count(level) as f64));
        let silenced = live.open_alerts().filter(|alert| alert.silenced).count();
        (by_level, silenced, live.silences.len())
    };
    page.by(
        "tickwire_alerts_by_level",
        "gauge",
        "Open alerts, by level.",
        "level",
        &by_level,
    );
    page.one(
        "tickwire_alerts_silenced",
        "gauge",
        "Open alerts of which nobody is told.",
        silenced as f64,
    );
    page.one(
        "tickwire_silences",
        "gauge",
        "Silences that are active or will be.",
        silences as f64,
    );
    let notifier = state.control().notifier();
    let status: Vec<_> = notifier.status().into_iter().collect();
    let by = |of: fn(&crate::notify::ChannelStatus) -> f64| -> Vec<(String, f64)> {
        let channels = status.iter();
        channels
            .map(|(name, status)| (name.to_string(), of(status)))
            .collect()
    };
    page.by(
        "tickwire_notifications_sent_total",
        "counter",
        "Messages that a channel took.",
        "channel",
        &by(|status| status.sent as f64),
    );
    page.by(
        "tickwire_notifications_failed_total",
        "counter",
        "Messages that a channel did not take and never will.",
        "channel",
        &by(|status| status.failed as f64),
    );
    page.by(
        "tickwire_notifications_waiting",
        "gauge",
        "Messages that wait for a channel.",
        "channel",
        &by(|status| status.waiting as f64),
    );
    page.counter(
        "tickwire_notifications_unrecorded_total",
        "Messages that were sent although the store could not write them down.",
        notifier.unrecorded(),
    );
    let outcome = state.control().reload().outcome();
    page.one(
        "tickwire_config_in_effect",
        "gauge",
        "1 if the configuration that was read last is in effect, 0 if it has faults.",
        f64::from(u8::from(outcome.result.is_ok())),
    );
    page.one(
        "tickwire_config_read_time_seconds",
        "gauge",
        "When the configuration was read last, in unix seconds.",
        outcome.at.as_millis() as f64 / 1e3,
    );
}
