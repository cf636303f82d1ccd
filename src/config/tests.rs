//! The configuration as a whole, through its public door; the cases are in `tests/config`.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path, time::Duration};

use proptest::prelude::*;
use toml::de::DeTable;

use crate::model::{HostName, Labels, Level, MetricName, NoDataPolicy, SeriesKey};

use super::{rules::SHIPPED, *};

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let environment = environment.iter();
    let environment = environment.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("config.toml", text, environment, &Overrides::default())
}

fn faults(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let faults = parse(text, environment).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

fn cases(folder: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn the_shipped_file_says_the_defaults() {
    assert_eq!(parse(SHIPPED, &[]).unwrap(), Config::default());
    assert_eq!(parse("", &[]).unwrap(), Config::default());
}

#[test]
fn the_shipped_file_has_every_key_with_its_default() {
    let tree = DeTable::parse(SHIPPED).unwrap();
    let first_rule = |table: &DeTable<'_>| -> BTreeSet<String> {
        let rules = table["rules"].get_ref().as_array().unwrap();
        let rules = rules.iter().map(|rule| rule.get_ref().as_table().unwrap());
        rules.flat_map(|rule| paths("rules", rule)).collect()
    };
    let written: BTreeSet<String> = paths("", tree.get_ref())
        .into_iter()
        .chain(first_rule(tree.get_ref()))
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
fn every_variable_takes_the_default_as_it_is_written() {
    for key in keys() {
        let (Some(env), Some(default)) = (key.env, key.default) else {
            continue;
        };
        let text = default.trim_matches(['"', '[', ']']);
        assert_eq!(
            parse("", &[(&env, text)]),
            Ok(Config::default()),
            "{env}={text}"
        );
    }
}

#[test]
fn valid_files_are_taken() {
    for file in cases("valid") {
        let config = Config::load(Some(&file), [], &Overrides::default());
        assert!(
            config.is_ok(),
            "{}\n{}",
            file.display(),
            config.unwrap_err()
        );
    }
}

/// The expected faults lie beside each file; `TICKWIRE_BLESS=1` writes them anew.
#[test]
fn invalid_files_are_refused_with_all_that_is_wrong() {
    for file in cases("invalid") {
        let text = fs::read_to_string(&file).unwrap();
        let label = file.file_name().unwrap().to_string_lossy();
        let faults = Config::parse(&label, &text, [], &Overrides::default());
        let found = format!("{}\n", faults.expect_err(&label));
        let expected = file.with_extension("faults");
        if std::env::var_os("TICKWIRE_BLESS").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(
            found,
            fs::read_to_string(&expected).unwrap_or_default(),
            "{label}"
        );
    }
}

#[test]
fn the_environment_stands_over_the_file_and_flags_over_both() {
    let file =
        "[server]\nlisten = \"127.0.0.1:1\"\ndata = \"a\"\n[sources.host]\ninterval = \"2s\"";
    let environment = [
        ("TICKWIRE_SERVER_LISTEN", "127.0.0.1:2"),
        ("TICKWIRE_SERVER_ALLOWED_HOSTS", "a.example, B.example"),
        ("TICKWIRE_SOURCES_HOST_INTERVAL", "250ms"),
        ("TICKWIRE_WINDOWS_POINTS", "100"),
        ("TICKWIRE_CONFIG", "elsewhere.toml"),
        ("TICKWIRE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PATH", "/bin"),
    ];
    let config = parse(file, &environment).unwrap();
    assert_eq!(config.server.listen, SocketAddr::from(([127, 0, 0, 1], 2)));
    assert_eq!(config.server.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!(config.sources.host.interval, Duration::from_millis(250));
    assert_eq!(config.windows.points, 100);
    let flags = Overrides {
        listen: Some("localhost:3".to_owned()),
        data: Some("b".into()),
        demo: true,
    };
    let environment = environment.map(|(n, v)| (n.to_owned(), v.to_owned()));
    let config = Config::parse("config.toml", file, environment, &flags).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.data, Path::new("b"));
    assert!(config.sources.simulated.enabled);
}

#[test]
fn a_bad_variable_is_named_and_so_is_an_unknown_one() {
    let environment = [
        ("TICKWIRE_SERVER_WORKERS", "many"),
        ("TICKWIRE_SERVER_LISTN", "127.0.0.1:1"),
        ("TICKWIRE_RULES", "[]"),
    ];
    assert_eq!(
        faults("", &environment),
        [
            "environment: TICKWIRE_SERVER_WORKERS = \"many\": a whole number from 0 to 256",
            "environment: TICKWIRE_RULES = \"[]\": unknown; a key of the file as TICKWIRE_<SECTION>_<KEY>, except rules",
            "environment: TICKWIRE_SERVER_LISTN = \"127.0.0.1:1\": unknown, did you mean TICKWIRE_SERVER_LISTEN?; a key of the file as TICKWIRE_<SECTION>_<KEY>, except rules",
        ]
    );
}

#[test]
fn an_address_that_others_reach_is_refused_where_it_was_given() {
    let by_variable = faults("", &[("TICKWIRE_SERVER_LISTEN", "0.0.0.0:80")]);
    assert!(
        by_variable[0].starts_with("environment: TICKWIRE_SERVER_LISTEN"),
        "{by_variable:?}"
    );
    let flags = Overrides {
        listen: Some("[::]:80".to_owned()),
        ..Overrides::default()
    };
    let by_flag = Config::parse("", "", [], &flags).unwrap_err().to_string();
    assert!(
        by_flag.starts_with("command line: --listen = \"[::]:80\""),
        "{by_flag}"
    );
    assert!(
        by_flag.contains("server.allow_unauthenticated = true"),
        "{by_flag}"
    );
    let open = "server.allow_unauthenticated = true";
    assert!(Config::parse("", open, [], &flags).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let variable = ("TICKWIRE_LOG_LEVEL".to_owned(), "loud".to_owned());
    let faults = Config::load(Some(&missing), [variable], &Overrides::default()).unwrap_err();
    let files: Vec<_> = faults.iter().map(|fault| fault.file.clone()).collect();
    assert_eq!(
        files,
        [missing.display().to_string(), "environment".to_owned()]
    );
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
    assert!(!rule("demo_cpu_high").notify);
    let silent = rule("host_silent").no_data;
    assert_eq!(silent.after, Duration::from_secs(15));
    assert_eq!(
        (silent.then, silent.level),
        (NoDataPolicy::Fire, Level::Critical)
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_faults_that_help(text in any_file()) {
        if let Err(faults) = parse(&text, &[]) {
            prop_assert!(faults.iter().len() > 0);
            for fault in faults.iter() {
                prop_assert!(!fault.accepted.is_empty(), "{fault}");
                prop_assert!(!fault.to_string().contains('\n'), "{fault}");
                let lines = text.lines().count().max(1);
                prop_assert!(fault.line.is_some_and(|l| (1..=lines).contains(&l)), "{fault}");
            }
        }
    }
}

/// Any text; text of TOML's own characters; the shipped file with some lines torn.
fn any_file() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = SHIPPED.lines().filter(|l| !l.starts_with('#')).collect();
    let torn = proptest::collection::vec((proptest::sample::select(lines), 0..60_usize), 0..12);
    let torn = torn.prop_map(|lines| {
        let lines = lines.into_iter();
        let lines = lines.map(|(line, kept)| line.chars().take(kept).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    });
    prop_oneof![
        any::<String>(),
        "[\\[\\]{}=.,\"'# \nrulesv0-9é-]{0,80}",
        torn,
    ]
}
