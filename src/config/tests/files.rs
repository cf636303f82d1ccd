//! Whole files: the cases in `tests/config`, what a rule leaves out, and any text at all.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use proptest::prelude::*;

use crate::model::{Aggregate, Globs, NoDataPolicy, Threshold};

use super::{super::rules::SHIPPED, *};

fn cases(folder: &str) -> Vec<PathBuf> {
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
fn what_a_rule_leaves_out_is_at_its_default() {
    let text = "[[rules]]\nname = \"a\"\nmetric = \"m\"\nwarning.fire = 85\nlabels.mount = [\"/b\", \"/a\"]";
    let rule = parse(text, &[]).unwrap().rules.remove(0);
    let warning = Threshold {
        fire: 85.0,
        clear: 85.0,
    };
    assert_eq!(rule.levels.warning, Some(warning));
    assert_eq!(
        rule.labels,
        [("mount".to_owned(), Globs::new(["/a", "/b"]))]
    );
    assert_eq!(
        (rule.aggregate, rule.window),
        (Aggregate::Last, Duration::ZERO)
    );
    assert_eq!(
        (rule.hold, rule.keep_firing_for),
        (Duration::ZERO, Duration::ZERO)
    );
    assert_eq!(rule.no_data.after, Duration::from_secs(60));
    assert_eq!(rule.no_data.then, NoDataPolicy::Keep);
    assert!(rule.notify.anybody() && rule.enabled && rule.hosts.is_empty());
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
