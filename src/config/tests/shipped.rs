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
fn nothing_in_the_shipped_file_is_probably_not_meant() {
    let remarks = crate::config::lint::config(&Config::default());
    assert_eq!(remarks, Vec::<String>::new());
}

#[test]
fn the_shipped_file_has_every_key_with_its_default() {
    let tree = DeTable::parse(SHIPPED).unwrap();
    let examples = examples();
    let examples = DeTable::parse(&examples).unwrap();
    let of_list = |table: &DeTable<'_>, list: &str| -> BTreeSet<String> {
        let items = table[list].get_ref().as_array().unwrap();
        let items = items.iter().map(|item| item.get_ref().as_table().unwrap());
        items.flat_map(|item| paths(list, item)).collect()
    };
    let written: BTreeSet<String> = paths("", tree.get_ref())
        .into_iter()
        .chain(of_list(tree.get_ref(), "rules"))
        .chain(of_list(examples.get_ref(), "maintenance"))
        .chain(of_list(examples.get_ref(), "channels"))
        .chain(of_list(examples.get_ref(), "routes"))
        .collect();
    for key in keys() {
        assert!(
            written.contains(&key.key),
            "{} is not in config.toml",
            key.key
        );
    }
}

/// What stands in the file as an example, without its `#`.
fn examples() -> String {
    let lines = SHIPPED.lines().filter_map(|line| line.strip_prefix('#'));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with([' ', '#']));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_examples_in_the_shipped_file_are_good() {
    let secrets = [
        ("HOOK_SECRET", "a"),
        ("NTFY_TOKEN", "c"),
        ("MAIL_PASSWORD", "b"),
    ];
    let config = parse(&examples(), &secrets).unwrap();
    assert_eq!(config.maintenance.len(), 1);
    assert_eq!(config.notify.channels.len(), 4);
    assert_eq!(config.notify.routes.len(), 1);
}

/// Of a list of tables, which the environment cannot set.
fn is_of_a_list(key: &str) -> bool {
    let lists = ["rules.", "maintenance.", "channels.", "routes."];
    lists.iter().any(|list| key.starts_with(list))
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
        assert_eq!(key.env.is_none(), is_of_a_list(&key.key), "{key:?}");
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
