//! The parameters of snapshots.

use actix_web::HttpRequest;

use crate::{
    history::query::{LATER, TIME, time},
    model::Timestamp,
    stream::filter::Filter,
    web::{problem::Problem, query},
};

/// Samples in one answer, at most.
pub const MAX_SAMPLES: usize = 100_000;

/// What is asked for; each endpoint takes some of it.
pub struct Query {
    /// Which series, alerts and lines.
    pub filter: Filter,
    /// The newest so many in all.
    pub count: Option<usize>,
    /// The newest so many of each series.
    pub per_series: Option<usize>,
    /// Also alerts that are over.
    pub resolved: bool,
    from: Option<String>,
    to: Option<String>,
}

impl Query {
    /// Parses the filters, and those of the other parameters that `also` names.
    pub fn parse(request: &HttpRequest, also: &[&str]) -> Result<Self, Problem> {
        let mut query = Self {
            filter: Filter::default(),
            count: None,
            per_series: None,
            resolved: false,
            from: None,
            to: None,
        };
        for (name, value) in query::pairs(request.query_string()) {
            let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
            let number = || {
                let number = value.parse().ok().filter(|n| (1..=MAX_SAMPLES).contains(n));
                number.ok_or_else(|| wrong("a whole number from 1 to 100000"))
            };
            if query::filter(&mut query.filter, &name, &value)? {
                continue;
            }
            match name.as_str() {
                "count" if also.contains(&"count") => query.count = Some(number()?),
                "per_series" if also.contains(&"per_series") => query.per_series = Some(number()?),
                "from" if also.contains(&"from") => query.from = Some(value),
                "to" if also.contains(&"to") => query.to = Some(value),
                "state" if also.contains(&"state") => {
                    query.resolved = match value.as_str() {
                        "open" => false,
                        "all" => true,
                        _ => return Err(wrong("open or all")),
                    }
                }
                _ => {
                    let mut known = query::FILTERS.to_vec();
                    known.extend(also);
                    return Err(Problem::unknown_parameter(&name, &value, &known));
                }
            }
        }
        Ok(query)
    }

    /// The time that is asked for, if one is: from `from`, or the beginning, to `to`, or now.
    pub fn span(&self, now: Timestamp) -> Result<Option<(Timestamp, Timestamp)>, Problem> {
        let time = |name: &str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let time = time(text, now);
            time.map(Some)
                .ok_or_else(|| Problem::parameter(name, text, TIME))
        };
        let (from, to) = (time("from", &self.from)?, time("to", &self.to)?);
        if from.is_none() && to.is_none() {
            return Ok(None);
        }
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or(now));
        match from < to {
            true => Ok(Some((from, to))),
            false => {
                let shown = self.to.as_deref().unwrap_or("");
                Err(Problem::parameter("to", shown, LATER))
            }
        }
    }
}
