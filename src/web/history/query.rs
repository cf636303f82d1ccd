//! The parameters of `/api/history`, parsed.

use std::time::Duration;

use crate::{
    config::duration,
    model::Timestamp,
    stream::filter::Filter,
    web::{
        problem::Problem,
        query::{self, FILTERS},
    },
};

/// How far back it goes if nothing is said.
const SPAN: Duration = Duration::from_secs(3600);
/// Points of a series if nothing is said, and at most.
const POINTS: usize = 500;
const MOST_POINTS: usize = 100_000;

/// What a time may be.
pub const TIME: &str =
    "an RFC 3339 time, a duration back from now like 1h, or unix seconds or milliseconds";
/// What the end of a time may be.
pub const LATER: &str = "a time later than from";
const NUMBER: &str = "a whole number from 1 to 100000; not together with step";
const STEP: &str = "raw, or a duration of at least 1ms like 10s; not together with points";
const AGG: &str = "avg, min, max, last, sum, count, separated by commas";
const FORMAT: &str = "json, ndjson or csv";

/// What of a stretch is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The arithmetic mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The one that was measured last.
    Last,
    /// The sum.
    Sum,
    /// How many.
    Count,
}

impl Figure {
    const ALL: [Self; 6] = [
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Last,
        Self::Sum,
        Self::Count,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::Sum => "sum",
            Self::Count => "count",
        }
    }
}

/// How fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Every sample.
    Raw,
    /// At most so many of each series.
    Points(usize),
    /// Stretches of this length, or a little longer where only a coarser tier is kept.
    Step(Duration),
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A table with a head.
    Csv,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryQuery {
    /// Which series.
    pub filter: Filter,
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
    /// How fine.
    pub resolution: Resolution,
    /// What of each stretch.
    pub figures: Vec<Figure>,
    /// How it is written.
    pub format: Format,
}

/// Parses the query of a request whose `Accept` is `accept`. A refusal says which parameter, what it was and what it
/// takes.
pub fn parse(query: &str, accept: &str, now: Timestamp) -> Result<HistoryQuery, Problem> {
    let mut filter = Filter::default();
    let (mut from, mut to, mut points, mut step) = (None, None, None, None);
    let (mut figures, mut format) = (None, None);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in query::pairs(query) {
        let wrong = |accepted: &str| Problem::parameter(&name, &value, accepted);
        if seen.contains(&name) {
            return Err(wrong("one value; separate alternatives with commas"));
        }
        match name.as_str() {
            "from" => from = Some(time(&value, now).ok_or_else(|| wrong(TIME))?),
            "to" => to = Some((time(&value, now).ok_or_else(|| wrong(TIME))?, value.clone())),
            "points" => {
                let number = value.parse().ok().filter(|n| (1..=MOST_POINTS).contains(n));
                points = Some(
                    number
                        .filter(|_| step.is_none())
                        .ok_or_else(|| wrong(NUMBER))?,
                );
            }
            "step" => {
                let parsed = match value.as_str() {
                    "raw" => Some(Resolution::Raw),
                    text => duration(text)
                        .filter(|step| !step.is_zero())
                        .map(Resolution::Step),
                };
                step = Some(
                    parsed
                        .filter(|_| points.is_none())
                        .ok_or_else(|| wrong(STEP))?,
                );
            }
            "agg" => figures = Some(figures_of(&value).ok_or_else(|| wrong(AGG))?),
            "format" => {
                format = Some(match value.as_str() {
                    "json" => Format::Json,
                    "ndjson" => Format::Ndjson,
                    "csv" => Format::Csv,
                    _ => return Err(wrong(FORMAT)),
                });
            }
            "names" | "hosts" => {
                query::filter(&mut filter, &name, &value)?;
            }
            label if label.starts_with("label.") && query::filter(&mut filter, label, &value)? => {}
            _ => {
                let mut known = FILTERS[..3].to_vec();
                known.extend(["from", "to", "points", "step", "agg", "format"]);
                return Err(Problem::unknown_parameter(&name, &value, &known));
            }
        }
        seen.push(name);
    }
    let (to, shown) = to.unwrap_or((now, String::new()));
    let from = from.unwrap_or_else(|| to.minus(SPAN));
    if from >= to {
        return Err(Problem::parameter("to", &shown, LATER));
    }
    Ok(HistoryQuery {
        filter,
        from,
        to,
        resolution: step.unwrap_or(Resolution::Points(points.unwrap_or(POINTS))),
        figures: figures.unwrap_or_else(|| vec![Figure::Avg, Figure::Min, Figure::Max]),
        format: format.unwrap_or_else(|| accepted(accept)),
    })
}

/// A time as it may be given.
pub fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    let number = || text.parse().ok().and_then(Timestamp::from_unix_number);
    Timestamp::parse_rfc3339(text)
        .or_else(|| duration(text).map(|back| now.minus(back)))
        .or_else(number)
}

fn figures_of(text: &str) -> Option<Vec<Figure>> {
    let mut figures = Vec::new();
    for word in text.split(',') {
        let figure = Figure::ALL.into_iter().find(|f| f.as_str() == word)?;
        if !figures.contains(&figure) {
            figures.push(figure);
        }
    }
    Some(figures)
}

/// The format that a client asks for: the first of ours in its `Accept`.
fn accepted(accept: &str) -> Format {
    let kinds = accept
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or("").trim());
    let known = kinds.filter_map(|kind| match kind {
        "application/json" => Some(Format::Json),
        "application/x-ndjson" => Some(Format::Ndjson),
        "text/csv" => Some(Format::Csv),
        _ => None,
    });
    known.into_iter().next().unwrap_or(Format::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn an_hour_in_500_points_is_asked_for_with_nothing() {
        let query = parse("", "*/*", NOW).unwrap();
        assert_eq!((query.from, query.to), (NOW.minus(SPAN), NOW));
        assert_eq!(query.resolution, Resolution::Points(500));
        assert_eq!(query.format, Format::Json);
    }

    #[test]
    fn times_are_given_as_people_have_them() {
        for from in ["1h", "1794996400", "1794996400000", "2026-11-18T10:06:40Z"] {
            assert_eq!(
                parse(&format!("from={from}"), "", NOW).unwrap().from,
                NOW.minus(SPAN),
                "{from}"
            );
        }
    }

    #[test]
    fn faults_name_parameter_value_and_what_is_taken() {
        for (query, parameter) in [
            ("from=yesterday", "from"),
            ("from=10m&to=1h", "to"),
            ("points=0", "points"),
            ("step=1s&points=5", "points"),
            ("points=5&step=1s", "step"),
            ("step=0s", "step"),
            ("agg=median", "agg"),
            ("format=xml", "format"),
            ("names=", "names"),
            ("levels=info", "levels"),
            ("names=a&names=b", "names"),
        ] {
            let problem = parse(query, "", NOW).unwrap_err();
            let details = problem.details();
            assert_eq!(details.parameter.as_deref(), Some(parameter), "{query}");
            assert!(details.accepted.is_some(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}", accept in "\\PC{0,50}") {
            let _ = parse(&query, &accept, NOW);
        }
    }
}
