//! What is probably not meant: a rule that is good in form, but cannot do what somebody would want of it. Said, never refused.

use std::{sync::Arc, time::Duration};

use crate::model::{Aggregate, NoDataPolicy, Notify, Rule};

use super::Config;

/// Remarks on all rules of a configuration, each with the rule's name.
pub fn config(config: &Config) -> Vec<String> {
    let interval = config.sources.host.interval;
    let mut remarks = Vec::new();
    for rule in &config.rules {
        let mut of_rule = self::rule(rule);
        of_rule.extend(pace(rule, interval));
        of_rule.extend(others(rule, &config.rules));
        if let Notify::Channels(names) = &rule.notify {
            let known = |name: &Arc<str>| config.notify.channels.iter().any(|c| c.name == *name);
            let unknown = names.iter().filter(|name| !known(name));
            let remark = |name| {
                format!(
                    "notify names the channel {name:?}, and there is none of this name; if no channel that it names is there, routes decide"
                )
            };
            of_rule.extend(unknown.map(remark));
        }
        let named = |remark| format!("rule {}: {remark}", rule.name);
        remarks.extend(of_rule.into_iter().map(named));
    }
    remarks
}

/// Remarks on a rule by itself.
pub fn rule(rule: &Rule) -> Vec<String> {
    let mut remarks = Vec::new();
    if rule.levels.iter().any(|(_, t)| t.fire == t.clear)
        && rule.keep_firing_for.is_zero()
        && rule.aggregate == Aggregate::Last
        && rule.hold.is_zero()
    {
        remarks.push(
            "it clears where it fires, at the next sample: a value that wavers there makes an alert each time; give it a clear value, for or keep_firing_for"
                .to_owned(),
        );
    }
    if rule.aggregate == Aggregate::HoursUntil && rule.guard.is_none() {
        remarks.push(
            "a trend alone also sees what will not go on, like one large copy; an and that asks for a value already high steadies it"
                .to_owned(),
        );
    }
    if let Some(guard) = &rule.guard {
        let is_level = rule.metric.as_str() == &*guard.metric && rule.aggregate == Aggregate::Last;
        if is_level && guard.when == rule.when {
            remarks.push("the and asks the same of the same value again".to_owned());
        }
    }
    if let Some((label, _)) = rule.labels.iter().find(|(_, globs)| {
        let all = globs.iter().collect::<Vec<_>>();
        all.contains(&"") && all.len() > 1 && all.contains(&"*")
    }) {
        remarks.push(format!(
            "labels.{label} asks for its presence or its absence, which is always so"
        ));
    }
    if rule.mutes(&rule.name) || rule.mutes.iter().any(|glob| glob == &*rule.name) {
        remarks.push("it mutes itself, which has no effect".to_owned());
    }
    for (level, threshold) in rule.levels.iter() {
        let can_be = |value: f64| match rule.aggregate {
            Aggregate::Count | Aggregate::HoursUntil => value >= 0.0,
            _ => true,
        };
        let never = rule.compares() == crate::model::Direction::Below && threshold.fire <= 0.0;
        if never && !can_be(threshold.fire - 1.0) {
            remarks.push(format!("{level} never fires: there is nothing below 0"));
        }
    }
    remarks
}

/// What does not fit the pace of the machine's own samples.
fn pace(rule: &Rule, interval: Duration) -> Vec<String> {
    let mut remarks = Vec::new();
    let shorter = |what: &str, length: Duration| {
        format!(
            "{what} is {length:?}, shorter than the {interval:?} between two samples of this machine, and so has no effect on them"
        )
    };
    if !rule.hold.is_zero() && rule.hold < interval {
        remarks.push(shorter("for", rule.hold));
    }
    if !rule.keep_firing_for.is_zero() && rule.keep_firing_for < interval {
        remarks.push(shorter("keep_firing_for", rule.keep_firing_for));
    }
    if !rule.window.is_zero() && rule.window < interval * 2 {
        remarks.push(format!(
            "window is {:?}: it never holds more than one sample of this machine, which come each {interval:?}",
            rule.window
        ));
    }
    remarks
}

/// What depends on the other rules.
fn others(rule: &Rule, all: &[std::sync::Arc<Rule>]) -> Vec<String> {
    let mutes = rule.mutes.iter();
    let unknown = mutes.filter(|glob| {
        let glob = crate::model::Glob::new(glob);
        !all.iter().any(|other| glob.matches(&other.name))
    });
    let mut remarks: Vec<_> = unknown
        .map(|glob| format!("mutes names {glob:?}, and there is no such rule"))
        .collect();
    if rule.no_data.then == NoDataPolicy::Resolve && !rule.mutes.is_empty() {
        remarks.push(
            "it mutes others, but ends when its series falls silent, which is when they would be"
                .to_owned(),
        );
    }
    remarks
}
