//! The parameters of `GET /api/annotations`, parsed.

use crate::{
    history::query::{LATER, TIME, time},
    model::{Activity, Globs, Timestamp},
    stream::filter::Filter,
    web::{
        problem::Problem,
        query::{self, GLOBS},
    },
};

/// Which annotations are asked for.
#[derive(Debug, Default)]
pub struct AnnotationQuery {
    /// Of this time and later ones.
    pub from: Option<Timestamp>,
    /// Of times before this one.
    pub to: Option<Timestamp>,
    filter: Filter,
    kinds: Globs,
}

/// Parses a query string. A refusal says which parameter, what it was and what it takes.
pub fn parse(text: &str, now: Timestamp) -> Result<AnnotationQuery, Problem> {
    let mut query = AnnotationQuery::default();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in query::pairs(text) {
        let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
        if seen.contains(&name) {
            return Err(wrong("one value; separate alternatives with commas"));
        }
        let time = || time(&value, now).ok_or_else(|| wrong(TIME));
        match name.as_str() {
            "from" => query.from = Some(time()?),
            "to" => query.to = Some(time()?),
            "kinds" => query.kinds = query::globs(&value).ok_or_else(|| wrong(GLOBS))?,
            "hosts" => _ = query::filter(&mut query.filter, &name, &value)?,
            _ => {
                let known = ["hosts", "kinds", "from", "to"];
                return Err(Problem::unknown_parameter(&name, &value, &known));
            }
        }
        if query
            .from
            .zip(query.to)
            .is_some_and(|(from, to)| from >= to)
        {
            return Err(wrong(if name == "to" { LATER } else { EARLIER }));
        }
        seen.push(name);
    }
    Ok(query)
}

/// What the beginning of a time may be.
const EARLIER: &str = "a time earlier than to";

impl AnnotationQuery {
    /// Whether an annotation has such a kind and is about such a host, if it is about one.
    pub fn fits(&self, annotation: &Activity) -> bool {
        self.kinds.matches(&annotation.kind) && self.filter.activity(annotation)
    }
}
