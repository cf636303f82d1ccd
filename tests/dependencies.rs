//! What tickwire is built on: every dependency, also of tests and of the fuzz targets, as deny.toml allows it.
//!
//! Reads the same file as cargo-deny, which would have to be built first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What deny.toml says.
struct Rules {
    licences: BTreeSet<String>,
    exceptions: BTreeMap<String, BTreeSet<String>>,
    banned: BTreeSet<String>,
}

impl Rules {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let words = |list: &toml::Value, key: Option<&str>| -> BTreeSet<String> {
            let list = list.as_array().unwrap().iter();
            let words = list.map(|item| key.map_or(item, |key| &item[key]).as_str().unwrap());
            words.map(str::to_owned).collect()
        };
        let exceptions = table["licenses"]["exceptions"].as_array().unwrap().iter();
        let exceptions = exceptions.map(|exception| {
            let name = exception["crate"].as_str().unwrap().to_owned();
            (name, words(&exception["allow"], None))
        });
        Self {
            licences: words(&table["licenses"]["allow"], None),
            exceptions: exceptions.collect(),
            banned: words(&table["bans"]["deny"], Some("crate")),
        }
    }

    /// These rules for one package: with what is allowed to it alone.
    fn of(&self, package: &str) -> Self {
        let also = self.exceptions.get(package).into_iter().flatten();
        Self {
            licences: self.licences.iter().chain(also).cloned().collect(),
            exceptions: BTreeMap::new(),
            banned: self.banned.clone(),
        }
    }

    /// Whether an SPDX expression can be met: OR by one side, AND by both. An exception only allows more.
    fn allow(&self, expression: &str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let allowed = self.any(&mut rest);
        assert!(rest.is_empty(), "not an SPDX expression: {expression}");
        allowed
    }

    fn any(&self, words: &mut &[&str]) -> bool {
        let mut allowed = self.both(words);
        // Before there were expressions, alternatives were written with a slash.
        while let ["OR" | "/", rest @ ..] = *words {
            *words = rest;
            allowed |= self.both(words);
        }
        allowed
    }

    fn both(&self, words: &mut &[&str]) -> bool {
        let mut allowed = self.one(words);
        while let ["AND", rest @ ..] = *words {
            *words = rest;
            allowed &= self.one(words);
        }
        allowed
    }

    fn one(&self, words: &mut &[&str]) -> bool {
        match *words {
            ["(", rest @ ..] => {
                *words = rest;
                let allowed = self.any(words);
                assert_eq!(words.first(), Some(&")"));
                *words = &words[1..];
                allowed
            }
            [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => {
                *words = rest;
                licence.split('/').any(|l| self.licences.contains(l))
            }
            [] => false,
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The packages of a manifest's lock file, without those that lie in this repository.
fn packages(manifest: &str) -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .arg("--manifest-path")
        .arg(root().join(manifest))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {error}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|p| !p["source"].is_null())
        .cloned()
        .collect()
}

#[test]
fn every_dependency_may_be_used() {
    let rules = Rules::read();
    let mut faults = Vec::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let packages = packages(manifest);
        assert!(
            packages.len() > 50,
            "{manifest}: {} packages",
            packages.len()
        );
        for package in packages {
            let name = package["name"].as_str().unwrap();
            let licence = package["license"].as_str().unwrap_or("");
            if !rules.of(name).allow(licence) {
                faults.push(format!("{name}: the licence {licence:?} is not allowed"));
            }
            if rules.banned.contains(name) {
                faults.push(format!("{name} is banned"));
            }
            if package["source"] != SOURCE {
                faults.push(format!("{name} comes from {}", package["source"]));
            }
        }
    }
    assert!(faults.is_empty(), "see deny.toml:\n{}", faults.join("\n"));
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let rules = Rules::read();
    for allowed in [
        "MIT",
        "MIT/GPL-3.0",
        "MIT / Apache-2.0",
        "GPL-3.0 OR (MIT AND Zlib)",
        "MIT OR GPL-3.0 AND LGPL-2.1",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(rules.allow(allowed), "{allowed}");
    }
    for refused in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Zlib) AND LGPL-2.1",
    ] {
        assert!(!rules.allow(refused), "{refused}");
    }
}

#[test]
fn the_fuzz_targets_have_the_same_versions() {
    let ours = packages("Cargo.toml");
    for package in packages("fuzz/Cargo.toml") {
        let same = |p: &&Value| p["name"] == package["name"];
        let versions: Vec<_> = ours.iter().filter(same).map(|p| &p["version"]).collect();
        assert!(
            versions.is_empty() || versions.contains(&&package["version"]),
            "{} {} in fuzz/Cargo.lock, {versions:?} in Cargo.lock",
            package["name"],
            package["version"]
        );
    }
}
