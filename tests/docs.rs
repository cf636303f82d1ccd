//! The documents against the program. `TICKWIRE_BLESS=1 cargo test --test docs` writes the table of keys anew.

use std::{fmt::Write as _, path::PathBuf};

use tickwire::config::keys;

const BEGIN: &str =
    "<!-- keys: made by `TICKWIRE_BLESS=1 cargo test --test docs`; do not edit -->\n";
const END: &str = "<!-- /keys -->";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What config.toml says above a key.
fn comment(shipped: &str, key: &str) -> String {
    let (table, key) = key.rsplit_once('.').unwrap();
    let section = shipped.split_once(&format!("\n[{table}]\n")).unwrap().1;
    let mut said: Vec<&str> = Vec::new();
    for line in section.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            said.push(text);
        } else if line.split(" = ").next() == Some(key) {
            return said.join(" ");
        } else {
            said.clear();
        }
    }
    panic!("config.toml does not show {table}.{key}")
}

fn table() -> String {
    let shipped = read("config.toml");
    let mut table = String::from("\n| key | default | takes | what it is |\n|---|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for key in keys() {
        let default = key.default.map_or(String::new(), |d| format!("`{d}`"));
        let what = match &key.env {
            Some(_) => comment(&shipped, &key.key),
            None => String::new(),
        };
        let accepted = cell(&key.accepted);
        let _ = writeln!(
            table,
            "| `{}` | {} | {accepted} | {} |",
            key.key,
            cell(&default),
            cell(&what)
        );
    }
    table + "\n"
}

#[test]
fn the_table_of_keys_says_what_the_configuration_takes() {
    let name = "docs/operations.md";
    let page = read(name);
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let made = table();
    if std::env::var_os("TICKWIRE_BLESS").is_some() {
        std::fs::write(file(name), format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
    } else {
        let same = found == made;
        assert!(
            same,
            "{name} is out of date: run TICKWIRE_BLESS=1 cargo test --test docs"
        );
    }
}

#[test]
fn every_metric_of_the_server_is_in_operations() {
    let page = read("docs/operations.md");
    let sources = ["", "/store", "/streams"].map(|part| format!("src/web/exposition{part}.rs"));
    let source = sources.map(|source| read(&source)).concat();
    let texts = source.split('"').skip(1).step_by(2);
    let names: Vec<&str> = texts.filter(|text| text.starts_with("tickwire_")).collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not in docs/operations.md"
        );
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/operations.md",
        "docs/performance.md",
        "docs/protocol.md",
    ] {
        let text = read(name);
        let folder = file(name).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            let target = link.split('#').next().unwrap();
            // Pictures are taken of a finished program, and may come later than the text about them.
            let elsewhere =
                target.is_empty() || target.contains("://") || target.contains("pictures/");
            assert!(elsewhere || folder.join(target).exists(), "{name}: {link}");
        }
    }
}

/// The files that docs/architecture.md points to are there.
#[test]
fn the_map_names_files_that_exist() {
    let text = read("docs/architecture.md");
    for path in text.split('`').skip(1).step_by(2) {
        let path = path.split(&[':', '#'][..]).next().unwrap();
        let ours = ["src/", "tests/", "docs/", "fuzz/"]
            .iter()
            .any(|d| path.starts_with(d));
        if ours && !path.contains([' ', '*', '{']) {
            assert!(file(path).exists(), "docs/architecture.md: {path}");
        }
    }
}
