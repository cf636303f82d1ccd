//! The shipped `config.toml`, and the rules in it.

use std::{collections::BTreeSet, time::Duration};

use toml::de::DeTable;

use crate::model::{HostName, Labels, Level, MetricName, NoDataPolicy, SeriesKey};

use super::{super::rules::SHIPPED, *};

#[test]
fn the_shipped_file_says_the_defaults() {
    assert_eq!(parse(SHIPPED, &[]).unwrap(), Config::default());
    assert_eq!(parse("", &[]).unwrap(), Config::default());
}

#[test]
fn the_shipped_file_has_every_key_with_its_default() {
    let tree = DeTable::parse(SHIPPED).unwrap();
    let all_rules = |table: &DeTable<'_>| -> BTreeSet<String> {
        let rules = table["rules"].get_ref().as_array().unwrap();
        let rules = rules.iter().map(|rule| rule.get_ref().as_table().unwrap());
        rules.flat_map(|rule| paths("rules", rule)).collect()
    };
    let written: BTreeSet<String> = paths("", tree.get_ref())
        .into_iter()
        .chain(all_rules(tree.get_ref()))
        .collect();
    for key in keys() {
        assert!(
            written.contains(&key.key),
            "{} is not in config.toml",
            key.key
        );
    }
}

fn paths(prefix: &str, table: &DeTable<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in table {
        let dot = if prefix.is_empty() { "" } else { "." };
        let path = format!("{prefix}{dot}{}", key.get_ref());
        if let Some(inner) = value.get_ref().as_table() {
            all.extend(paths(&path, inner));
        }
        all.push(path);
    }
    all
}

#[test]
fn every_key_is_documented_and_has_a_variable_of_its_own() {
    let keys = keys();
    let names: Vec<_> = keys.iter().filter_map(|key| key.env.as_ref()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for key in &keys {
        assert!(!key.accepted.is_empty(), "{key:?}");
        assert_eq!(key.env.is_none(), key.key.starts_with("rules."), "{key:?}");
        assert!(key.env.is_none() || key.default.is_some(), "{key:?}");
    }
    assert!(names.contains(&&"TICKWIRE_SOURCES_HOST_INTERVAL".to_owned()));
}

#[test]
fn a_file_without_rules_has_the_shipped_ones_and_an_empty_list_none() {
    assert!(
        !parse("[log]\nlevel = \"debug\"", &[])
            .unwrap()
            .rules
            .is_empty()
    );
    assert!(parse("rules = []", &[]).unwrap().rules.is_empty());
}

#[test]
fn the_shipped_cpu_rule_watches_the_machine_not_its_cores_nor_the_simulation() {
    let config = Config::default();
    let rule = |name: &str| {
        config
            .rules
            .iter()
            .find(|rule| &*rule.name == name)
            .unwrap()
    };
    let cpu = |labels: &[(&str, &str)]| SeriesKey {
        host: HostName::parse("web1").unwrap(),
        name: MetricName::parse("cpu_usage").unwrap(),
        labels: Labels::parse(labels.iter().copied()).unwrap(),
    };
    assert!(rule("cpu_high").matches(&cpu(&[])));
    assert!(!rule("cpu_high").matches(&cpu(&[("core", "0")])));
    assert!(!rule("cpu_high").matches(&cpu(&[("simulated", "true")])));
    assert!(rule("demo_cpu_high").matches(&cpu(&[("simulated", "true")])));
    assert!(!rule("demo_cpu_high").notify.anybody());
    let silent = rule("host_silent").no_data;
    assert_eq!(silent.after, Duration::from_secs(15));
    assert_eq!(
        (silent.then, silent.level),
        (NoDataPolicy::Fire, Level::Critical)
    );
}
