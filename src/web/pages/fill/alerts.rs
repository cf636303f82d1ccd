//! Alerts as pages show them.

use std::time::Duration;

use super::outlook::Outlook;
use crate::{
    model::{Aggregate, AlertEvent, AlertState, Direction, Level, Reason, Timestamp, quantity},
    web::pages::{
        alerts::{AlertView, OpenAlerts},
        shell,
        view::{State, duration, lasted},
    },
};

/// A replay begins so long before what it is about.
const LEAD: Duration = Duration::from_secs(20);
/// What is shown of the metric before an alert opened, and after it ended.
const AROUND: Duration = Duration::from_secs(600);
/// Past alerts on the page, at most.
const MOST_HISTORY: usize = 100;

/// The open alerts, worst first, then the longest open; on one host, or on all.
pub fn open(outlook: &Outlook<'_>, host: Option<&str>) -> OpenAlerts {
    let of_host =
        |a: &&std::sync::Arc<AlertEvent>| host.is_none_or(|host| a.series.host.as_str() == host);
    let mut events: Vec<&AlertEvent> = outlook
        .live
        .open_alerts()
        .filter(of_host)
        .map(AsRef::as_ref)
        .collect();
    events.sort_by_key(|a| (a.acknowledged, std::cmp::Reverse(a.level), a.since));
    let (silenced, events): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|a| a.silenced_by.is_some());
    let firing = |level| {
        let of_level = |a: &&&AlertEvent| a.state == AlertState::Firing && a.level == level;
        events.iter().filter(of_level).count()
    };
    let views = |events: &[&AlertEvent]| events.iter().map(|event| view(outlook, event)).collect();
    OpenAlerts {
        critical: firing(Level::Critical),
        warning: firing(Level::Warning),
        info: firing(Level::Info),
        no_data: events
            .iter()
            .filter(|a| a.state == AlertState::NoData)
            .count(),
        alerts: views(&events),
        silenced: views(&silenced),
        is_whole: false,
        acting: !outlook.is_past,
    }
}

/// The same of all hosts, for the page that is about them.
pub fn whole(outlook: &Outlook<'_>) -> OpenAlerts {
    OpenAlerts {
        is_whole: true,
        ..open(outlook, None)
    }
}

/// Alerts that are over, newest first.
pub fn history(outlook: &Outlook<'_>) -> Vec<AlertView> {
    let mut events: Vec<_> = outlook.live.resolved_alerts().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.timestamp));
    events.truncate(MOST_HISTORY);
    events.iter().map(|event| view(outlook, event)).collect()
}

pub fn view(outlook: &Outlook<'_>, event: &AlertEvent) -> AlertView {
    let resolved = event.state == AlertState::Resolved;
    let until = if resolved {
        event.timestamp
    } else {
        outlook.now
    };
    let figure = |value: f64| quantity::figure(value, &event.unit);
    let state = match event.state {
        AlertState::Resolved => State::Level(event.level),
        state => State::of_alert(state, event.level),
    };
    let labels = &event.series.labels;
    let series = match labels.is_empty() {
        true => event.series.name.to_string(),
        false => format!("{} {{{labels}}}", event.series.name),
    };
    let limit = if resolved {
        event.why.clear
    } else {
        event.why.fire
    };
    let side = side(event.why.when);
    AlertView {
        id: event.id.to_string(),
        rule: event.rule.to_string(),
        state,
        message: event.message.clone(),
        host: event.series.host.to_string(),
        series,
        series_key: event.series.to_string(),
        value: event.value.map_or("–".to_owned(), figure),
        exact: event
            .value
            .map_or(String::new(), |v| format!("{v} {}", event.unit)),
        threshold: limit.map_or(String::new(), |limit| match resolved {
            true => format!("not {side} {}", figure(limit)),
            false => format!("{side} {}", figure(limit)),
        }),
        since: event.since.into(),
        duration: match until.since(event.since).as_secs() {
            seconds if resolved => lasted(seconds),
            seconds => duration(seconds),
        },
        ended: resolved.then(|| event.timestamp.into()),
        reason: event
            .reason
            .map_or(String::new(), |reason| reason_words(reason).to_owned()),
        acknowledged: event.acknowledged,
        silenced: match event.state.is_open() {
            true => super::alert::silenced(event),
            false => String::new(),
        },
        flapping: event.flapping,
        why: why(event),
        minute: minute(event.series.host.as_str(), event.since),
        history: shell::history_url(
            event.series.host.as_str(),
            &[
                ("names", event.series.name.as_str()),
                ("from", &event.since.minus(AROUND).to_string()),
                ("to", &until.plus(AROUND).to_string()),
            ],
        ),
    }
}

/// The address that replays a host from shortly before a moment on.
pub fn minute(host: &str, since: Timestamp) -> String {
    format!("{}?at={}#play", shell::host_url(host), since.minus(LEAD))
}

fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Recovered => "recovered",
        Reason::RuleRemoved => "rule removed",
        Reason::SeriesGone => "series gone",
    }
}

pub fn side(when: Direction) -> &'static str {
    match when {
        Direction::Above => "above",
        Direction::Below => "below",
    }
}

/// Why it is what it is, in a sentence.
pub fn why(event: &AlertEvent) -> String {
    let why = &event.why;
    let figure = |value: f64| quantity::figure(value, &event.unit);
    let what = match why.window_seconds {
        0.0 => "the newest value".to_owned(),
        seconds => format!(
            "the {} over {}",
            aggregate(why.aggregate),
            duration(seconds as u64)
        ),
    };
    let mut text = match (why.fire, why.clear) {
        (Some(fire), Some(clear)) => format!(
            "Rule {} fires when {what} is {} {} and is over at {}.",
            event.rule,
            side(why.when),
            figure(fire),
            figure(clear)
        ),
        _ => format!("Rule {} fires when the series falls silent.", event.rule),
    };
    if why.for_seconds > 0.0 {
        text.push_str(&format!(
            " It must last {}.",
            quantity::human(why.for_seconds, "s")
        ));
    }
    if let (Some(last), Some(min), Some(avg), Some(max)) = (why.last, why.min, why.avg, why.max) {
        text.push_str(&format!(
            " Observed: last {}, min {}, avg {}, max {}, of {}.",
            figure(last),
            figure(min),
            figure(avg),
            figure(max),
            match why.samples {
                1 => "one sample".to_owned(),
                many => format!("{many} samples"),
            }
        ));
    }
    text
}

pub fn aggregate(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Last => "newest",
        Aggregate::Avg => "average",
        Aggregate::Min => "smallest",
        Aggregate::Max => "largest",
        Aggregate::Sum => "sum",
        Aggregate::Count => "number of samples",
        Aggregate::P95 => "95th percentile",
        Aggregate::Rate => "change a second",
        Aggregate::Delta => "change",
        Aggregate::HoursUntil => "hours left by the trend",
    }
}
