//! The map of the house (docs/architecture.md): a room knows only the rooms to its right.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// From left to right; rooms in one group do not know each other.
const ORDER: [&[&str]; 12] = [
    &["main"],
    &["app"],
    &["web"],
    &["control"],
    &["backtest"],
    &["sources", "notify", "replay", "history"],
    &["pipeline"],
    &["alerts", "windows", "stream", "store"],
    &["entry", "rules"],
    &["series"],
    &["config"],
    &["model"],
];

fn rank(room: &str) -> usize {
    let rank = ORDER.iter().position(|group| group.contains(&room));
    rank.unwrap_or_else(|| panic!("the room {room:?} is not on the map"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every `crate::room` in a file, with its line; also those in braces, `crate::{room, …}`, over several lines.
fn rooms_named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    // What is said in comments builds nothing, and a binary calls its own library by its name.
    let code: Vec<_> = text
        .lines()
        .map(|l| l.split("//").next().unwrap_or(""))
        .collect();
    let code = code.join("\n").replace("tickwire::", "crate::");
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        let line = code[..at].lines().count().max(1);
        let mut take = |name: &str| {
            let name: String = name
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            named.push((line, name));
        };
        match rest.strip_prefix('{') {
            None => take(rest),
            Some(inside) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in inside.chars() {
                    match c {
                        '}' if depth == 0 => break,
                        ',' if depth == 0 => take(std::mem::take(&mut item).trim()),
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        c if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                if !item.trim().is_empty() {
                    take(item.trim());
                }
            }
        }
    }
    named
}

#[test]
fn no_arrow_points_left() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&source, &mut paths);
    assert!(paths.len() > 50, "{} files", paths.len());
    let mut wrong = BTreeSet::new();
    for path in &paths {
        let place = path.strip_prefix(&source).unwrap();
        let first = place
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let room = first.trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        for (line, other) in rooms_named(&fs::read_to_string(path).unwrap()) {
            let allowed = room == other || rank(room) < rank(&other);
            if !allowed {
                wrong.insert(format!(
                    "src/{}:{line}: {room} knows {other}",
                    place.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_is_on_the_map() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(source.join("lib.rs")).unwrap();
    let rooms = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    let rooms: BTreeSet<_> = rooms.collect();
    let map: BTreeSet<_> = ORDER
        .iter()
        .flat_map(|g| g.iter().copied())
        .filter(|r| *r != "main")
        .collect();
    assert_eq!(rooms, map);
}

#[test]
fn the_reader_of_arrows_sees_every_form() {
    let text = "use crate::{\n    a,\n    b::{c, d},\n};\nuse crate::e::F; // crate::g\nfn f() { crate::h::i() }\n";
    let rooms: Vec<_> = rooms_named(text)
        .into_iter()
        .map(|(_, room)| room)
        .collect();
    assert_eq!(rooms, ["a", "b", "e", "h"]);
}
