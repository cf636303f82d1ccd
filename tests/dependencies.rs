//! The lock files: the fuzz targets are built with the versions that the program is built with.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The versions of each package in a lock file, by name.
fn versions(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(lock);
    let table: toml::Table = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in table["package"].as_array().unwrap() {
        let text = |key| package[key].as_str().unwrap().to_owned();
        versions
            .entry(text("name"))
            .or_default()
            .insert(text("version"));
    }
    versions
}

#[test]
fn the_fuzz_targets_have_the_same_versions() {
    let ours = versions("Cargo.lock");
    for (name, fuzzed) in versions("fuzz/Cargo.lock") {
        if let Some(ours) = ours.get(&name) {
            assert!(
                fuzzed.is_subset(ours),
                "{name} is {fuzzed:?} in fuzz/Cargo.lock and {ours:?} in Cargo.lock: CONTRIBUTING.md says what to do"
            );
        }
    }
}
