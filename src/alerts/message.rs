//! The sentence of an event, for people.
//!
//! What a threshold decided is said by the rule's template, and when it is over what it was, and what the value is now. What
//! silence or an end decided has no value that the template could name, so it has a sentence of its own; only a rule without
//! thresholds, whose template can be about nothing but silence, says that itself.

use std::time::Duration;

use crate::model::{AlertEvent, Reason, Rule, Transition, quantity};

/// The message of `event`, before which it `was` that of the open alert; `silence` is how long the series must say nothing to
/// be called silent.
pub(super) fn render(
    rule: &Rule,
    event: &AlertEvent,
    was: Option<&str>,
    silence: Duration,
) -> String {
    let series = &event.series;
    if let (Some(Reason::Recovered), Some(was), Some(value)) = (event.reason, was, event.value) {
        return format!("{was}; now {}", quantity::figure(value, &event.unit));
    }
    match (event.transition, event.reason) {
        (_, Some(Reason::SeriesGone)) => format!("{series} has ended"),
        (_, Some(Reason::Recovered)) if event.value.is_none() => format!("{series} has data again"),
        (Transition::NoData, _) if rule.levels.iter().next().is_some() => {
            let silence = quantity::human(silence.as_secs_f64(), "s");
            format!("no data from {series} for {silence}")
        }
        _ => rule.message.render(|name| variable(name, event)),
    }
}

/// The message of an alert whose rule, and so whose template, is no longer there.
pub(super) fn rule_removed(rule: &str) -> String {
    format!("the rule {rule} is no longer there")
}

/// Numbers are to three significant digits and without their unit, which templates write themselves; but bytes, which
/// are scaled, bring theirs, and `unit` is empty then.
fn variable(name: &str, event: &AlertEvent) -> Option<String> {
    let bytes = quantity::is_bytes(&event.unit);
    let number = |value: f64| {
        if bytes {
            quantity::human(value, &event.unit)
        } else {
            quantity::number(value)
        }
    };
    let series = &event.series;
    match name {
        "rule" => Some(event.rule.to_string()),
        "level" => Some(event.level.to_string()),
        "host" => Some(series.host.to_string()),
        "name" => Some(series.name.to_string()),
        "labels" => Some(series.labels.to_string()),
        "value" => event.value.map(number),
        "threshold" => event.threshold.map(number),
        "unit" => (!bytes).then(|| event.unit.clone()),
        _ => series
            .labels
            .get(name.strip_prefix("labels.")?)
            .map(str::to_owned),
    }
}
