//! Hosts, their cards and charts; and what is close to a threshold.

use super::{
    catalogue::{self, CARDS, CHARTS, CardKind, MOST_CARDS},
    charts,
    outlook::{Outlook, worse},
};
use crate::{
    model::{Aggregate, Direction, Rule, quantity},
    pipeline::push_source,
    web::pages::{
        overview::{HostView, NearView},
        svg,
        view::{Bar, Card, State, duration},
    },
    windows::Window,
};

/// Lines of what is close to a threshold, at most.
const MOST_NEAR: usize = 5;
/// How much of the way to a threshold is close.
const NEAR: f64 = 0.8;

/// All hosts: those in trouble first, then the real ones, then by name.
pub fn all(outlook: &Outlook<'_>) -> Vec<HostView> {
    let mut hosts: Vec<HostView> = outlook
        .hosts()
        .map(|host| one(outlook, host.as_str()))
        .collect();
    let rank = |host: &HostView| match host.state {
        State::Ok | State::Level(crate::model::Level::Info) => 1,
        _ => 0,
    };
    hosts.sort_by_key(|host| (rank(host), host.simulated, host.name.clone()));
    hosts
}

/// One host; without anything in it when nothing is known of it.
pub fn one(outlook: &Outlook<'_>, host: &str) -> HostView {
    let windows = outlook.of(host);
    let (newest, stale) = outlook.freshness(host);
    let mut notes = Vec::new();
    if let Some(uptime) = outlook.value(host, "uptime") {
        notes.push(format!("up {}", duration(uptime as u64)));
    }
    if let Some(newest) = newest.filter(|_| stale) {
        notes.push(format!("last sample {}", charts::ago(outlook.now, newest)));
    }
    let state = outlook.host_state(host);
    HostView {
        name: host.to_owned(),
        id: svg::slug(host),
        simulated: windows
            .iter()
            .any(|w| w.series.key().labels.get("simulated") == Some("true")),
        state: if stale {
            worse(state, State::Stale)
        } else {
            state
        },
        notes,
        cards: cards(outlook, host, stale),
        file_systems: file_systems(outlook, host),
        network: charts::net_graph(outlook, host),
        charts: CHARTS
            .iter()
            .filter_map(|of| charts::chart(outlook, host, of))
            .collect(),
    }
}

fn cards(outlook: &Outlook<'_>, host: &str, stale: bool) -> Vec<Card> {
    let mut cards: Vec<Card> = Vec::new();
    for of in CARDS {
        let windows = outlook
            .all(host, of.name)
            .filter(|w| catalogue::is_whole(w.series.key()));
        cards.extend(
            windows
                .take(of.most)
                .map(|w| charts::card(outlook, w, of.title, of.kind)),
        );
    }
    let pushed = push_source();
    let listed = |w: &Window| {
        CARDS
            .iter()
            .any(|of| of.name == w.series.key().name.as_str())
    };
    let others = outlook.of(host).iter().filter(|w| !listed(w));
    // What somebody sends they want to see; of a source of ours, what has no card of its own is shown elsewhere.
    let others = others.filter(|w| w.series.owner == pushed || cards.is_empty());
    let others =
        others.map(|w| charts::card(outlook, w, w.series.key().name.as_str(), CardKind::Plain));
    let others: Vec<Card> = others.take(MOST_CARDS).collect();
    cards.extend(others);
    cards.truncate(MOST_CARDS);
    for card in cards.iter_mut().filter(|card| stale && card.state.is_ok()) {
        card.state = State::Stale;
    }
    cards
}

/// A bar for each file system.
fn file_systems(outlook: &Outlook<'_>, host: &str) -> Vec<Bar> {
    let bar = |window: &Window| {
        let key = window.series.key();
        let mount = key.labels.get("mount").unwrap_or_default();
        let of = |name| Some(outlook.labelled(host, name, "mount", mount)?.stats().last);
        let percent = window.stats().last;
        let detail = match (of("filesystem_used"), of("filesystem_size")) {
            (Some(used), Some(size)) => {
                format!(
                    "{} of {}",
                    quantity::figure(used, "B"),
                    quantity::figure(size, "B")
                )
            }
            _ => String::new(),
        };
        Bar {
            label: mount.to_owned(),
            detail,
            percent,
            value: quantity::figure(percent, "%"),
            marks: outlook
                .live
                .book
                .lines(key)
                .iter()
                .map(|l| l.value)
                .collect(),
            state: outlook.state(key),
        }
    };
    outlook
        .all(host, "filesystem_used_percent")
        .map(bar)
        .collect()
}

/// Series that are near a threshold without an alert on them, nearest first.
pub fn near(outlook: &Outlook<'_>) -> Vec<NearView> {
    let mut near: Vec<NearView> = Vec::new();
    for window in outlook.live.windows.iter() {
        let key = window.series.key();
        if !outlook.state(key).is_ok() {
            continue;
        }
        let rules = outlook.live.book.by(&window.series);
        let nearest = rules
            .iter()
            .filter_map(|i| closeness(&outlook.live.book.rules()[*i], window))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((share, value, threshold)) =
            nearest.filter(|(share, ..)| (NEAR..1.0).contains(share))
        {
            let labels = charts::labels_of(key);
            near.push(NearView {
                series: format!("{} {labels}", key.name).trim_end().to_owned(),
                host: key.host.to_string(),
                value: quantity::figure(value, window.series.spec.unit.as_str()),
                threshold,
                percent: share * 100.0,
            });
        }
    }
    near.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    near.truncate(MOST_NEAR);
    near
}

/// How much of the way to the first level of a rule is used up, by what value, and that level in words. Rules with a
/// guard, and thresholds at or below zero, have no such way.
fn closeness(rule: &Rule, window: &Window) -> Option<(f64, f64, String)> {
    let (level, threshold) = rule.levels.iter().next()?;
    if rule.guard.is_some() || threshold.fire <= 0.0 {
        return None;
    }
    let (newest, last) = window.newest();
    let since = newest.minus(rule.window);
    let inside = || {
        window
            .points()
            .filter(|(t, _)| *t > since)
            .map(|(_, value)| value)
    };
    let value = match rule.aggregate {
        Aggregate::Last => last,
        Aggregate::Min => inside().fold(f64::INFINITY, f64::min),
        Aggregate::Max => inside().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Avg => inside().sum::<f64>() / inside().count().max(1) as f64,
        // How far along these are says little of what comes next.
        Aggregate::Sum
        | Aggregate::Count
        | Aggregate::P95
        | Aggregate::Rate
        | Aggregate::Delta
        | Aggregate::HoursUntil => return None,
    };
    let (share, side) = match rule.when {
        Direction::Above => (value / threshold.fire, "above"),
        Direction::Below => (threshold.fire / value, "below"),
    };
    let unit = window.series.spec.unit.as_str();
    let words = format!("{level} {side} {}", quantity::figure(threshold.fire, unit));
    share.is_finite().then_some((share, value, words))
}
