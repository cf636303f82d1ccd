//! Rules as pages show them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    alerts::{aggregate, side},
    outlook::{Outlook, worse},
};
use crate::{
    backtest::{Band, Episode, Outcome, Report, SuggestedLevels, Suggestion},
    model::{
        Aggregate, Direction, Level, NoDataPolicy, Notify, Rule, SeriesKey, Threshold, Timestamp,
        quantity,
    },
    rules::Origin,
    web::pages::{
        chart::{Chart, ChartLine},
        rules::{
            FiredView, MarkView, OutcomeView, ResultView, RuleLevel, RuleView, SuggestionView,
        },
        view::{State, duration},
    },
};

/// Where a rule comes from, in a word.
pub fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Shipped => "shipped",
        Origin::File => "file",
        Origin::Made => "made here",
        Origin::Changed => "changed here",
    }
}

/// What takes it out, in words.
pub fn removal(origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::Shipped | Origin::File => None,
        Origin::Made => Some("Delete"),
        Origin::Changed => Some("Take changes back"),
    }
}

/// The rules and how each stands.
pub fn rules(outlook: &Outlook<'_>) -> Vec<RuleView> {
    let mut watching = vec![(0, String::new()); outlook.live.book.rules().len()];
    for window in outlook.live.windows.iter() {
        for i in outlook.live.book.by(&window.series).iter() {
            watching[*i].0 += 1;
            watching[*i].1 = window.series.spec.unit.as_str().to_owned();
        }
    }
    let rules = outlook.live.book.rules().iter().zip(watching);
    rules
        .map(|(rule, (series, unit))| {
            let listed = outlook.live.book.get(&rule.name);
            let alerts = outlook.live.open_alerts().filter(|a| a.rule == rule.name);
            let states = alerts.map(|a| State::of_alert(a.state, a.level));
            RuleView {
                name: rule.name.to_string(),
                condition: condition(outlook, rule),
                levels: levels(rule, &unit),
                state: states.fold(State::Ok, worse),
                series,
                tells: match &rule.notify {
                    Notify::Nobody => "nobody".to_owned(),
                    Notify::Routed => "by the routes".to_owned(),
                    Notify::Channels(names) => names.join(", "),
                },
                enabled: rule.enabled,
                origin: listed.map_or("", |listed| origin(listed.origin)),
                edited: listed.and_then(|listed| {
                    let (by, at) = listed.edited.as_ref()?;
                    Some((by.to_string(), (*at).into()))
                }),
                removal: listed.and_then(|listed| removal(listed.origin)),
            }
        })
        .collect()
}

/// Its metric, and the labels and hosts that it asks for; not those that it asks to be absent.
fn watched(rule: &Rule) -> String {
    let mut asked: Vec<String> = Vec::new();
    for (name, globs) in &rule.labels {
        let globs: Vec<_> = globs.iter().filter(|glob| !glob.is_empty()).collect();
        if !globs.is_empty() {
            asked.push(format!("{name} {}", globs.join(" or ")));
        }
    }
    if !rule.hosts.is_empty() {
        let hosts: Vec<_> = rule.hosts.iter().collect();
        asked.push(format!("on {}", hosts.join(" or ")));
    }
    match asked.is_empty() {
        true => rule.metric.as_str().to_owned(),
        false => format!("{} ({})", rule.metric.as_str(), asked.join(", ")),
    }
}

fn condition(outlook: &Outlook<'_>, rule: &Rule) -> String {
    let metric = &watched(rule);
    let lasting = |time: Duration| quantity::human(time.as_secs_f64(), "s");
    let mut text = match rule.aggregate {
        Aggregate::Last => metric.clone(),
        of => format!(
            "{} of {metric} over {}",
            aggregate(of),
            lasting(rule.window)
        ),
    };
    if !rule.hold.is_zero() {
        text.push_str(&format!(" for {}", lasting(rule.hold)));
    }
    if let Some(guard) = &rule.guard {
        let mut windows = outlook.live.windows.iter();
        let guarding = windows.find(|w| w.series.key().name.as_str() == &*guard.metric);
        let unit = guarding.map_or("", |w| w.series.spec.unit.as_str());
        let value = quantity::human(guard.value, unit);
        text.push_str(&format!(
            ", and {} {} {value}",
            guard.metric,
            side(guard.when)
        ));
    }
    text
}

/// What its levels say, of a metric of this unit.
fn levels(rule: &Rule, unit: &str) -> Vec<RuleLevel> {
    let side = side(rule.compares());
    let unit = &rule.aggregate.unit(unit);
    let level = |(level, threshold): (Level, Threshold)| RuleLevel {
        state: State::Level(level),
        text: format!(
            "{side} {}, over at {}",
            quantity::figure(threshold.fire, unit),
            quantity::figure(threshold.clear, unit)
        ),
    };
    let mut levels: Vec<RuleLevel> = rule.levels.iter().map(level).collect();
    if rule.no_data.then == NoDataPolicy::Fire {
        levels.push(RuleLevel {
            state: State::Stale,
            text: format!("after {}", duration(rule.no_data.after.as_secs())),
        });
    }
    levels
}

/// Times in which a rule would have fired, on a page, at most: the newest.
const MOST_FIRED: usize = 50;
/// Times that can be told apart on a chart.
const MARKS: u32 = 300;
/// Series to choose from, at most.
const MOST_SERIES: usize = 200;

/// The series that a page shows of those that a rule watches: the one that was picked, else the one that fires most often,
/// else the first.
pub fn shown(picked: &str, matching: &[SeriesKey], outcome: &Outcome) -> Option<SeriesKey> {
    let often = || {
        let mut counts: BTreeMap<&SeriesKey, usize> = BTreeMap::new();
        for episode in &outcome.episodes {
            *counts.entry(&episode.series).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(key, _)| key.clone())
    };
    let picked = matching.iter().find(|key| key.to_string() == picked);
    picked
        .cloned()
        .or_else(often)
        .or_else(|| matching.first().cloned())
}

/// The thresholds of a rule as lines across its series, or why there are none.
pub fn lines(rule: &Rule) -> (Vec<ChartLine>, &'static str) {
    let why = match rule.aggregate {
        of if of.lies_among_samples() => "",
        Aggregate::Sum => "The thresholds are not drawn: they are of the sum.",
        Aggregate::Count => "The thresholds are not drawn: they are of the number of samples.",
        Aggregate::HoursUntil => "The thresholds are not drawn: they are hours.",
        _ => "The thresholds are not drawn: they are of the change.",
    };
    let lines = rule.levels.iter().filter(|_| why.is_empty());
    let lines = lines.map(|(level, threshold)| ChartLine {
        value: threshold.fire,
        level,
    });
    (lines.collect(), why)
}

/// What a rule would have done.
pub fn result(
    rule: &Rule,
    report: &Report,
    asked_from: Timestamp,
    matching: &[SeriesKey],
    shown: Option<&SeriesKey>,
    chart: Option<Chart>,
) -> ResultView {
    let of_series = |key: &SeriesKey| (key.to_string(), Some(key) == shown);
    let episodes = &report.rule.episodes;
    let view = |episode: &Episode| fired(episode, report.to);
    let (samples, series) = (report.samples as u64, report.series as u64);
    let grouped = quantity::grouped;
    let rows = [
        ("as it is here", Some(&report.rule)),
        ("as it is saved", report.saved.as_ref()),
    ];
    let rows = rows.into_iter().filter_map(|(title, outcome)| {
        let outcome = outcome?;
        Some(OutcomeView {
            title,
            alerts: outcome.alerts,
            notifications: outcome.notifications,
            firing: firing(outcome),
        })
    });
    let unit = chart
        .as_ref()
        .map_or(String::new(), |chart| chart.unit.clone());
    ResultView {
        from: report.from.into(),
        to: report.to.into(),
        what: format!("{} samples of {} series", grouped(samples), grouped(series)),
        is_cut: report.from > asked_from,
        rows: rows.collect(),
        is_silent: !rule.notify.anybody(),
        suggestion: report
            .suggested
            .as_ref()
            .map(|suggested| suggestion(rule, suggested, &unit)),
        series: matching.iter().take(MOST_SERIES).map(of_series).collect(),
        no_lines: lines(rule).1,
        chart,
        marks: marks(episodes, shown, (asked_from, report.to)),
        fired: episodes.iter().rev().take(MOST_FIRED).map(view).collect(),
        left_out: report
            .rule
            .alerts
            .max(episodes.len())
            .saturating_sub(MOST_FIRED),
        alerts: report.rule.alerts,
    }
}

fn firing(outcome: &Outcome) -> Vec<(State, String)> {
    let seconds = outcome.firing_seconds;
    let levels = [
        (Level::Critical, seconds.critical),
        (Level::Warning, seconds.warning),
        (Level::Info, seconds.info),
    ];
    let levels = levels.into_iter().filter(|(_, seconds)| *seconds > 0.0);
    levels
        .map(|(level, seconds)| (State::Level(level), quantity::human(seconds, "s")))
        .collect()
}

fn suggestion(rule: &Rule, suggested: &Suggestion, unit: &str) -> SuggestionView {
    let levels = levels_of(&suggested.levels);
    let is_so = suggested.levels == SuggestedLevels::of(&rule.levels);
    let fields = levels.iter().flat_map(|(level, band)| {
        [
            (format!("{level}.fire"), band.fire.to_string()),
            (format!("{level}.clear"), band.clear.to_string()),
        ]
    });
    SuggestionView {
        per_week: suggested.per_week,
        text: bands(
            rule.compares(),
            &suggested.levels,
            &rule.aggregate.unit(unit),
        )
        .join("; "),
        fields: fields.collect(),
        notifications: suggested.notifications,
        is_so,
    }
}

fn levels_of(levels: &SuggestedLevels) -> Vec<(Level, Band)> {
    let levels = [
        (Level::Info, levels.info),
        (Level::Warning, levels.warning),
        (Level::Critical, levels.critical),
    ];
    let levels = levels.into_iter();
    levels
        .filter_map(|(level, band)| Some((level, band?)))
        .collect()
}

/// `warning above 93 %, over at 78 %`; one a level, the least first.
pub fn bands(when: Direction, levels: &SuggestedLevels, unit: &str) -> Vec<String> {
    let side = side(when);
    let bands = levels_of(levels).into_iter().map(|(level, band)| {
        format!(
            "{level} {side} {}, over at {}",
            quantity::figure(band.fire, unit),
            quantity::figure(band.clear, unit)
        )
    });
    bands.collect()
}

fn fired(episode: &Episode, to: Timestamp) -> FiredView {
    let end = episode.to.unwrap_or(to);
    let key = &episode.series;
    FiredView {
        from: episode.from.into(),
        is_over: episode.to.is_some(),
        state: worst(episode),
        series: key.to_string(),
        message: episode.message.clone(),
        lasted: quantity::human(end.since(episode.from).as_secs_f64(), "s"),
        minute: super::alerts::minute(key.host.as_str(), episode.from),
    }
}

fn worst(episode: &Episode) -> State {
    State::of_alert(episode.state, episode.level)
}

/// Where the series that is shown fires, for its chart: what is too near to be told apart there is one.
fn marks(
    episodes: &VecDeque<Episode>,
    shown: Option<&SeriesKey>,
    (from, to): (Timestamp, Timestamp),
) -> Vec<MarkView> {
    let near = to.since(from) / MARKS;
    let mut marks: Vec<(Timestamp, Timestamp, State)> = Vec::new();
    for episode in episodes.iter().filter(|e| Some(&e.series) == shown) {
        let (begin, end) = (episode.from.max(from), episode.to.unwrap_or(to));
        match marks.last_mut() {
            Some((_, last, state)) if begin.since(*last) < near => {
                *last = end.max(*last);
                *state = worse(*state, worst(episode));
            }
            _ => marks.push((begin, end, worst(episode))),
        }
    }
    let marks = marks.into_iter().map(|(from, to, state)| MarkView {
        from: from.into(),
        to: to.into(),
        state,
    });
    marks.collect()
}
