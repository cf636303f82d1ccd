//! Silences as pages show them.

use super::outlook::Outlook;
use crate::{
    model::{AlertEvent, SilencedBy},
    web::pages::silences::{SilenceView, WindowView},
};

/// Silences, and the maintenance windows of the configuration.
pub fn all(outlook: &Outlook<'_>) -> (Vec<SilenceView>, Vec<WindowView>) {
    let by =
        |is: &dyn Fn(&AlertEvent) -> bool| outlook.live.open_alerts().filter(|a| is(a)).count();
    let silences = outlook.live.silences.iter().map(|silence| SilenceView {
        id: silence.id.to_string(),
        of: silence.matcher.to_string(),
        from: (silence.from > outlook.now).then(|| silence.from.into()),
        until: silence.until.into(),
        until_resolved: silence.until_resolved,
        reason: silence.reason.clone(),
        by: silence.by.to_string(),
        active: silence.is_active(outlook.now),
        silenced: by(&|alert| alert.is_silenced_by(silence.id)),
    });
    let windows = outlook.live.maintenance.iter().map(|window| {
        let this = Some(SilencedBy::Maintenance(window.name.clone()));
        WindowView {
            name: window.name.to_string(),
            of: window.matcher.to_string(),
            active: window.schedule.is_active(outlook.now),
            next: window.schedule.next(outlook.now).map(Into::into),
            reason: window.reason.clone(),
            silenced: by(&|alert| alert.silenced_by == this),
        }
    });
    (silences.collect(), windows.collect())
}
