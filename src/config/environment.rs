//! The environment: one variable for each key, `TICKWIRE_<SECTION>_<KEY>`. It is handed in, never read here.

use std::collections::BTreeMap;

use super::{fault::Fault, nearest::nearest};

/// What every variable of ours starts with.
const PREFIX: &str = "TICKWIRE_";

/// Variables that are somebody else's, by their whole name.
const IGNORED: [&str; 3] = ["TICKWIRE_CONFIG", "TICKWIRE_BLESS", "TICKWIRE_NPM"];

/// Variables that are somebody else's, by how they start: our build's, and those that Kubernetes sets in every pod
/// beside a service called `tickwire`.
const IGNORED_PREFIXES: [&str; 3] = ["TICKWIRE_BUILD_", "TICKWIRE_SERVICE_", "TICKWIRE_PORT"];

/// What faults call this place.
pub(super) const ENVIRONMENT: &str = "environment";

/// The variables that are ours, and all others, in which secrets may be.
pub(super) struct Environment {
    ours: BTreeMap<String, String>,
    others: BTreeMap<String, String>,
}

impl Environment {
    /// Ours are those that start with `TICKWIRE_` and are not known to be somebody else's.
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| {
            name.starts_with(PREFIX)
                && !IGNORED.contains(&name)
                && !IGNORED_PREFIXES.iter().any(|p| name.starts_with(p))
        };
        let variables = variables.into_iter();
        let (ours, others) = variables.partition(|(name, _)| ours(name));
        Self { ours, others }
    }

    /// The text of any variable, ours or not.
    pub(super) fn any(&self, name: &str) -> Option<&str> {
        let found = self.others.get(name).or_else(|| self.ours.get(name));
        found.map(String::as_str)
    }

    /// The variable that sets a key, `sources.host.interval` for one.
    pub(super) fn name_of(key: &str) -> String {
        format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
    }

    /// The text of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.ours.get(name).map(String::as_str)
    }

    /// A fault for each variable that sets none of the keys.
    pub(super) fn unknown(&self, known: &[String]) -> Vec<Fault> {
        let unknown = self.ours.iter().filter(|(name, _)| !known.contains(name));
        unknown
            .map(|(name, _)| {
                let hint = nearest(name, known.iter().map(String::as_str))
                    .map_or_else(|| ";".to_owned(), |near| format!(", did you mean {near}?"));
                let accepted = format!(
                    "unknown{hint} a key of the file as {PREFIX}<SECTION>_<KEY>, except rules"
                );
                Fault::new(ENVIRONMENT, None, name, "(not shown)", accepted)
            })
            .collect()
    }
}
