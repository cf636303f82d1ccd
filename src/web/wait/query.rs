//! The parameters of a wait, parsed.

use std::time::Duration;

use super::condition::Terms;
use crate::{
    config::duration,
    model::Direction,
    stream::filter::Filter,
    web::{
        problem::Problem,
        query::{self, GLOBS},
    },
};

/// How long is waited if nothing is said, and at most.
const TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);
/// Silence, if nothing is said: that of rules.
const NO_DATA: Duration = Duration::from_secs(60);

const LIMIT: &str = "a finite number, in the unit of the metric";
const EITHER: &str = "a finite number, and one of above and below is given, not both";
const HOLD: &str = "a duration like 30s, shorter than the timeout (1m if none is given)";
const UP_TO: &str = "a duration from 1ms to 1h, like 30s or 5m";
const KNOWN: [&str; 10] = [
    "name",
    "names",
    "host",
    "hosts",
    "label.NAME",
    "below",
    "above",
    "for",
    "timeout",
    "no_data",
];

/// What is waited for, and how long.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitQuery {
    /// `name`, `host`, `label.…`: whose samples are looked at.
    pub filter: Filter,
    /// `above`, `below`, `for`, `no_data`.
    pub terms: Terms,
    /// `timeout`, from 1 ms to 1 h.
    pub timeout: Duration,
}

/// Parses the query of a wait. A refusal says which parameter, what it was and what it takes.
pub fn parse(query: &str) -> Result<WaitQuery, Problem> {
    let mut filter = Filter::default();
    let (mut limit, mut hold, mut timeout, mut no_data) = (None, None, None, None);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in query::pairs(query) {
        let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
        let globs = || query::globs(&value).ok_or_else(|| wrong(GLOBS));
        let span = |taken: fn(&Duration) -> bool, accepted| {
            let span = duration(&value).filter(taken);
            span.ok_or_else(|| wrong(accepted))
        };
        // Both words are one parameter.
        let once = match name.as_str() {
            "names" => "name",
            "hosts" => "host",
            name => name,
        };
        if seen.iter().any(|seen| seen == once) {
            let accepted = "one value; separate alternatives with commas";
            return Err(wrong(accepted));
        }
        match once {
            "name" => filter.names = globs()?,
            "host" => filter.hosts = globs()?,
            "below" | "above" => {
                let when = match once {
                    "below" => Direction::Below,
                    _ => Direction::Above,
                };
                let number: Option<f64> = value.parse().ok();
                let number = number.filter(|n| n.is_finite());
                let number = number.ok_or_else(|| wrong(LIMIT))?;
                if limit.replace((when, number)).is_some() {
                    return Err(wrong(EITHER));
                }
            }
            "for" => hold = Some((span(|_| true, HOLD)?, value.clone())),
            "timeout" => timeout = Some(span(bounded, UP_TO)?),
            "no_data" => no_data = Some(span(bounded, UP_TO)?),
            // What else is a filter elsewhere is about alerts.
            label if label.starts_with("label.") && query::filter(&mut filter, &name, &value)? => {}
            _ => return Err(Problem::unknown_parameter(&name, &value, &KNOWN)),
        }
        seen.push(once.to_owned());
    }
    if !seen.iter().any(|name| name == "name") {
        return Err(Problem::parameter("name", "", GLOBS));
    }
    let (when, limit) = limit.ok_or_else(|| Problem::parameter("below", "", EITHER))?;
    let timeout = timeout.unwrap_or(TIMEOUT);
    let (hold, said) = hold.unwrap_or_default();
    // It could never be true.
    if hold >= timeout {
        return Err(Problem::parameter("for", &said, HOLD));
    }
    Ok(WaitQuery {
        filter,
        terms: Terms {
            when,
            limit,
            hold,
            no_data: no_data.unwrap_or(NO_DATA),
        },
        timeout,
    })
}

fn bounded(span: &Duration) -> bool {
    !span.is_zero() && *span <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_is_at_its_default() {
        let query = parse("name=cpu_usage&below=50").unwrap();
        assert_eq!(query.timeout, TIMEOUT);
        assert_eq!(query.terms.hold, Duration::ZERO);
        assert_eq!(query.terms.no_data, NO_DATA);
        let same = parse("below=50.0&names=cpu_usage&for=0s&timeout=1m&no_data=60s").unwrap();
        assert_eq!(query, same);
    }

    #[test]
    fn faults_name_parameter_value_and_what_is_taken() {
        for (query, parameter, value) in [
            ("", "name", ""),
            ("name=", "name", ""),
            ("below=1", "name", ""),
            ("name=a", "below", ""),
            ("name=a&below=1&above=2", "above", "2"),
            ("name=a&below=1&below=2", "below", "2"),
            ("name=a&names=b&below=1", "names", "b"),
            ("name=a&host=b&hosts=c&below=1", "hosts", "c"),
            ("name=a&below=", "below", ""),
            ("name=a&below=nan", "below", "nan"),
            ("name=a&below=1e999", "below", "1e999"),
            ("name=a&below=5%25", "below", "5%"),
            ("name=a&below=1&for=30", "for", "30"),
            ("name=a&below=1&for=1m", "for", "1m"),
            ("name=a&below=1&for=5s&timeout=5s", "for", "5s"),
            ("name=a&below=1&timeout=0s", "timeout", "0s"),
            ("name=a&below=1&timeout=61m", "timeout", "61m"),
            ("name=a&below=1&no_data=0s", "no_data", "0s"),
            ("name=a&below=1&label.=x", "label.", "x"),
            ("name=a&below=1&rules=x", "rules", "x"),
            ("name=a&below=1&until=x", "until", "x"),
        ] {
            let problem = parse(query).unwrap_err();
            let details = problem.details();
            assert_eq!(details.status.as_u16(), 400, "{query}");
            assert_eq!(details.parameter.as_deref(), Some(parameter), "{query}");
            assert_eq!(details.value.as_deref(), Some(value), "{query}");
            assert!(details.accepted.as_ref().is_some_and(|a| !a.is_empty()));
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}") {
            let _ = parse(&query);
        }
    }
}
