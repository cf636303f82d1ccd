//! What of the past is asked for, parsed from parameters, which are names and values as text.

use std::time::Duration;

use crate::{
    config::duration,
    model::Timestamp,
    stream::filter::{Filter, written::FILTERS},
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
const ONCE: &str = "one value; separate alternatives with commas";
/// The parameters beside those of [`Filter`].
const OTHERS: [&str; 6] = ["from", "to", "points", "step", "agg", "format"];

/// A parameter that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its value is not what it takes.
    #[error("{name} {value:?} is not valid: it takes {accepted}")]
    Malformed {
        /// Which.
        name: String,
        /// What it was.
        value: String,
        /// What it takes.
        accepted: &'static str,
    },
    /// There is none of this name.
    #[error("there is no {name:?}; there are {}", known.join(", "))]
    Unknown {
        /// Its name.
        name: String,
        /// What it was.
        value: String,
        /// Which there are.
        known: Vec<&'static str>,
    },
}

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

impl Format {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "json" => Some(Self::Json),
            "ndjson" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
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

/// Parses parameters; without `format` it is written in `otherwise`.
pub fn parse(
    parameters: impl IntoIterator<Item = (String, String)>,
    otherwise: Format,
    now: Timestamp,
) -> Result<HistoryQuery, Fault> {
    let mut filter = Filter::default();
    let (mut from, mut to, mut points, mut step) = (None, None, None, None);
    let (mut figures, mut format) = (None, None);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in parameters {
        let wrong = |accepted| Fault::Malformed {
            name: name.clone(),
            value: value.clone(),
            accepted,
        };
        if seen.contains(&name) {
            return Err(wrong(ONCE));
        }
        match name.as_str() {
            "from" => from = Some(time(&value, now).ok_or_else(|| wrong(TIME))?),
            "to" => to = Some((time(&value, now).ok_or_else(|| wrong(TIME))?, value.clone())),
            "points" => {
                let number = value.parse().ok().filter(|n| (1..=MOST_POINTS).contains(n));
                let number = number.filter(|_| step.is_none());
                points = Some(number.ok_or_else(|| wrong(NUMBER))?);
            }
            "step" => {
                let parsed = match value.as_str() {
                    "raw" => Some(Resolution::Raw),
                    text => duration(text)
                        .filter(|step| !step.is_zero())
                        .map(Resolution::Step),
                };
                let parsed = parsed.filter(|_| points.is_none());
                step = Some(parsed.ok_or_else(|| wrong(STEP))?);
            }
            "agg" => figures = Some(figures_of(&value).ok_or_else(|| wrong(AGG))?),
            "format" => format = Some(Format::parse(&value).ok_or_else(|| wrong(FORMAT))?),
            of if is_filter(of) && filter.take(of, &value).map_err(wrong)? => {}
            _ => {
                let known = FILTERS[..3].iter().chain(&OTHERS).copied().collect();
                return Err(Fault::Unknown { name, value, known });
            }
        }
        seen.push(name);
    }
    let (to, shown) = to.unwrap_or((now, String::new()));
    let from = from.unwrap_or_else(|| to.minus(SPAN));
    if from >= to {
        return Err(Fault::Malformed {
            name: "to".to_owned(),
            value: shown,
            accepted: LATER,
        });
    }
    Ok(HistoryQuery {
        filter,
        from,
        to,
        resolution: step.unwrap_or(Resolution::Points(points.unwrap_or(POINTS))),
        figures: figures.unwrap_or_else(|| vec![Figure::Avg, Figure::Min, Figure::Max]),
        format: format.unwrap_or(otherwise),
    })
}

/// Whether a parameter is a condition on series.
fn is_filter(name: &str) -> bool {
    matches!(name, "names" | "hosts") || name.starts_with("label.")
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn of(parameters: &[(&str, &str)]) -> Result<HistoryQuery, Fault> {
        let owned = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse(owned, Format::Json, NOW)
    }

    #[test]
    fn an_hour_in_500_points_is_asked_for_with_nothing() {
        let query = of(&[]).unwrap();
        assert_eq!((query.from, query.to), (NOW.minus(SPAN), NOW));
        assert_eq!(query.resolution, Resolution::Points(500));
        assert_eq!(query.format, Format::Json);
    }

    #[test]
    fn times_are_given_as_people_have_them() {
        for from in ["1h", "1794996400", "1794996400000", "2026-11-18T10:06:40Z"] {
            let query = of(&[("from", from)]).unwrap();
            assert_eq!(query.from, NOW.minus(SPAN), "{from}");
        }
    }

    #[test]
    fn faults_name_parameter_value_and_what_is_taken() {
        for parameters in [
            &[("from", "yesterday")][..],
            &[("from", "10m"), ("to", "1h")],
            &[("points", "0")],
            &[("step", "1s"), ("points", "5")],
            &[("points", "5"), ("step", "1s")],
            &[("step", "0s")],
            &[("agg", "median")],
            &[("format", "xml")],
            &[("names", "")],
            &[("names", "a"), ("names", "b")],
        ] {
            let (name, value) = parameters[parameters.len() - 1];
            let fault = of(parameters).unwrap_err();
            let said = fault.to_string();
            assert!(
                said.starts_with(&format!("{name} {value:?} is not valid")),
                "{said}"
            );
        }
        let said = of(&[("levels", "info")]).unwrap_err().to_string();
        assert!(
            said.ends_with(
                "there are names, hosts, label.NAME, from, to, points, step, agg, format"
            ),
            "{said}"
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(name in "\\PC{0,20}", value in "\\PC{0,50}") {
            for name in [&name, "from", "to", "points", "step", "agg", "format", "names"] {
                let _ = of(&[(name, &value)]);
            }
        }
    }
}
